"""Fingerprint of source code, so that a cached result is never served for code that has changed since."""

import hashlib
import importlib.util
from pathlib import Path


def code_fingerprint(*modules: str) -> str:
    """SHA-256 (hex, 16 digits) over the files of `modules`, dotted names of modules or of whole packages.

    TFX's own cache key holds an executor's class path but not its code; components take this as a parameter. Only
    names relative to the module are hashed, so that two checkouts of one version share a fingerprint.

    Raises:
      ModuleNotFoundError: a name that cannot be imported.
    """
    digest = hashlib.sha256()
    for module in sorted(modules):
        spec = importlib.util.find_spec(module)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(f"cannot fingerprint {module!r}: there is no such module")
        origin = Path(spec.origin)
        root = origin.parent
        files = [origin]
        if spec.submodule_search_locations:
            files = sorted(f for f in root.rglob("*") if f.is_file() and "__pycache__" not in f.parts)
        for file in files:
            digest.update(f"{module}/{file.relative_to(root).as_posix()}\0".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
