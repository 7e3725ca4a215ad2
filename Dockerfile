# The container image that `fewshot compile --image` names; also `docker run ... fewshot run`.
# Build: docker build -t fewshot-tfx .    for GPUs: --build-arg EXTRAS="--extra gpu"    all extras are in pyproject.toml
# Behind an index of one's own: --build-arg UV_DEFAULT_INDEX=... --build-arg PIP_INDEX_URL=...
FROM python:3.11-slim AS build
ARG PIP_INDEX_URL
ARG UV_DEFAULT_INDEX
ARG EXTRAS=""
RUN python -m pip install --no-cache-dir "uv>=0.9"
WORKDIR /source
ENV UV_PROJECT_ENVIRONMENT=/opt/fewshot UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PYTHON_DOWNLOADS=never
# Dependencies first, so that a change of our own code does not install them anew.
COPY pyproject.toml uv.lock README.md ./
RUN uv sync --frozen --no-dev --no-install-project $EXTRAS
COPY components components
COPY data data
COPY pipeline pipeline
RUN uv sync --frozen --no-dev --no-editable $EXTRAS

FROM python:3.11-slim
COPY --from=build /opt/fewshot /opt/fewshot
ENV PATH=/opt/fewshot/bin:$PATH PYTHONUNBUFFERED=1 HOME=/home/fewshot
# Memory of large tensors is kept for the next ones (pipeline/heap.py).
ENV MALLOC_MMAP_THRESHOLD_=67108864 MALLOC_TRIM_THRESHOLD_=268435456
# Clusters refuse an image that runs as root; a number, because they cannot look up a name.
RUN useradd --uid 1000 --create-home --home-dir /home/fewshot fewshot
USER 1000
WORKDIR /home/fewshot
RUN fewshot doctor --root /tmp/runs
# Vertex AI and Kubeflow say themselves what to run; by hand it is `fewshot`.
CMD ["fewshot", "--help"]
