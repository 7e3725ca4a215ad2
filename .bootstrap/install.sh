#!/bin/sh
# Installs the environment of uv.lock into .venv. Needs a Python 3 and a package index; no uv, no pip, no venv.
set -eu
cd "$(dirname "$0")/.."

say() { echo "install: $*" >&2; }

# Print the path of the first Python that satisfies a condition; pyenv's shims may be there and yet not run.
python_with() {
  for candidate in python3.11 python3 python "${PYENV_ROOT:-${HOME:-}/.pyenv}"/versions/3.11.*/bin/python3 \
    /usr/bin/python3 /usr/local/bin/python3; do
    "$candidate" -c "import sys; $1 or sys.exit(1); print(sys.executable)" 2>/dev/null && return
  done
  return 1
}

# A uv that runs and can read this lock file.
usable() { "$1" --version 2>/dev/null | grep -qE '^uv (0\.([5-9]|[1-9][0-9]+)|[1-9][0-9]*)\.'; }

fetch_uv() {
  [ -n "$any" ] || {
    say "expected a Python 3 (python3.11, python3 or pyenv) or uv on PATH, found neither; install one of them"
    exit 1
  }
  say "fetching uv into .uv/"
  "$any" -m venv .uv >/dev/null 2>&1 && .uv/bin/python -m pip install -q 'uv>=0.9' >&2 && return
  rm -rf .uv # half a virtual environment is what Debian's python3 leaves without python3-venv
  "$any" -m pip install -q --target .uv 'uv>=0.9' >&2 2>/dev/null && return
  rm -rf .uv
  "$any" .bootstrap/index.py fetch-uv
}

any=$(python_with 'sys.version_info >= (3, 8)') || any= # to fetch with

# A certificate that this machine trusts (a company's proxy) is one that uv should trust.
if [ -z "${SSL_CERT_FILE:-}" ]; then
  for bundle in "${PIP_CERT:-}" /etc/ssl/certs/ca-certificates.crt; do
    [ -s "$bundle" ] && export SSL_CERT_FILE="$bundle" && break
  done
fi

uv=uv
if ! usable "$uv"; then
  uv=.uv/bin/uv
  usable "$uv" || fetch_uv
fi

python=$(python_with 'sys.version_info[:2] == (3, 11)') || python=3.11 # uv fetches one
index=
[ -z "$any" ] || index=$("$any" .bootstrap/index.py)

if [ -z "$index" ]; then
  "$uv" sync --frozen --inexact --compile-bytecode --python "$python"
else
  # The lock file says where each file lies; with an index of one's own the same files, by their hashes, come from there.
  export UV_DEFAULT_INDEX="$index"
  mkdir -p .uv
  "$uv" venv --quiet --allow-existing --python "$python" .venv
  "$uv" export --quiet --frozen --no-emit-project --no-header --output-file .uv/requirements.txt >/dev/null
  "$uv" pip install --quiet --python .venv/bin/python --no-deps --require-hashes --compile-bytecode --requirement .uv/requirements.txt
  "$uv" pip install --quiet --python .venv/bin/python --no-deps --editable .
fi
