"""Fingerprints of source code, so that a result is not taken from the cache after its code has changed."""

import hashlib
import importlib.util
from pathlib import Path


def code_fingerprint(*modules: str) -> str:
    """Returns the first 16 hex digits of the SHA-256 of the files of `modules`.

    TFX's own cache key contains the class path of an executor but not its code, so components take this fingerprint as a
    parameter. Paths are hashed relative to the module, so that two checkouts of one version have the same fingerprint.

    Args:
      modules: dotted names of modules, or of packages with everything in them.

    Raises:
      ModuleNotFoundError: a module does not exist.
    """
    digest = hashlib.sha256()
    for module in sorted(modules):
        spec = importlib.util.find_spec(module)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(f"cannot fingerprint {module!r}: expected a module or package, found none")
        origin = Path(spec.origin)
        root = origin.parent
        files = [origin]
        if spec.submodule_search_locations:
            files = sorted(f for f in root.rglob("*") if f.is_file() and "__pycache__" not in f.parts)
        for file in files:
            digest.update(f"{module}/{file.relative_to(root).as_posix()}\0".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
