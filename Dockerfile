# The container image that `fewshot compile --image` names; also `docker run ... fewshot run`.
# Build: docker build -t fewshot-tfx .    behind an index of one's own: --build-arg PIP_INDEX_URL=...
FROM python:3.11-slim AS build
ARG PIP_INDEX_URL
RUN python -m pip install --no-cache-dir "uv>=0.9"
WORKDIR /source
ENV UV_PROJECT_ENVIRONMENT=/opt/fewshot UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1
# Dependencies first, so that a change of our own code does not install them anew.
COPY pyproject.toml uv.lock README.md ./
RUN uv sync --frozen --no-dev --no-install-project
COPY components components
COPY data data
COPY pipeline pipeline
RUN uv sync --frozen --no-dev --no-editable

FROM python:3.11-slim
COPY --from=build /opt/fewshot /opt/fewshot
ENV PATH=/opt/fewshot/bin:$PATH PYTHONUNBUFFERED=1
# Vertex AI and Kubeflow say themselves what to run; by hand it is `fewshot`.
CMD ["fewshot", "--help"]
