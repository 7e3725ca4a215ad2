"""Whether a directory still holds what was written into it: a list of its files, with sizes and digests, written last.

The list is `files.json` inside the directory. TFX finds a schema as the only file of its directory, so where there is just
one file, the list lies beside the directory, as `<directory>.files.json`.
"""

import fnmatch
import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

import tensorflow as tf

LIST = "files.json"
# Large files, in which each image or record has a checksum of its own: it is compared while they are read.
CHECKED_WHILE_READ = ("shard-*.bin", "*.gz")
MADE_AGAIN = "remove it, and the next run makes it again"
CHUNK = 1 << 20  # bytes that are read at a time


class Damaged(ValueError):
    """Files are missing, or have other bytes than were written. `directory` is where they are."""

    def __init__(self, directory: str, what: str, mend: str = MADE_AGAIN) -> None:
        super().__init__(f"{directory} is damaged ({what}): {mend}")
        self.directory, self.what = directory, what


class Incomplete(RuntimeError):
    """A step wrote less than it was given. This is no fault of the data: the next time it may write all."""


def lacking(numbers: Sequence[int], count: int) -> str | None:
    """What is wrong if `numbers`, in order, are not 0 to `count` - 1, each once; None if they are."""
    if list(numbers) == list(range(count)):
        return None
    missing, more = sorted(set(range(count)) - set(numbers)), len(numbers) - len(set(numbers) & set(range(count)))
    said = [f"number {missing[0]}{' and others are' if missing[1:] else ' is'} missing"] if missing else []
    said += [f"{more} more than there should be"] if more else []
    return f"expected {count} episodes by number, got {len(numbers)} ({', '.join(said)})"


class Located(Protocol):
    """What an artifact is here."""

    uri: str


def places(artifacts: Mapping[str, Iterable[Located]]) -> list[str]:
    """The directories of the inputs or outputs of an executor."""
    return [artifact.uri for key in sorted(artifacts) for artifact in artifacts[key]]


class _File(NamedTuple):
    size: int  # bytes
    digest: str


def seal(*directories: str) -> None:
    """Writes the list of each directory that has none yet. After this, its files must not change."""
    for directory in directories:
        if tf.io.gfile.isdir(directory) and not _list_of(directory):
            names = _names(directory)
            alone = len(names) == 1 and os.sep not in names[0]
            files = {
                name: _File(_size(directory, name) or 0, file_digest(os.path.join(directory, name))) for name in names
            }
            _write(_beside(directory) if alone else os.path.join(directory, LIST), files)


def remove(directory: str) -> None:
    """Removes a directory with its list."""
    tf.io.gfile.rmtree(directory)
    if tf.io.gfile.exists(_beside(directory)):
        tf.io.gfile.remove(_beside(directory))


def is_sealed(directory: str) -> bool:
    """Whether there is a list of the files of a directory."""
    return bool(_list_of(directory))


def damage(directory: str, every_byte: bool = False) -> str | None:
    """What is wrong with a sealed directory, in a few words; None if nothing is, or if it was never sealed.

    All files must be there in full. Their bytes are compared with the digests, except those of large files that are checked
    while they are read; with `every_byte` those too. Files that came later are not looked at.

    Time: about 0.1 s for 100 MB.
    """
    path = _list_of(directory)
    if not path:
        return None
    if not tf.io.gfile.isdir(directory):
        return "it is missing"
    files = _read(path)
    if files is None:
        return f"{os.path.basename(path)} has other bytes than were written"
    for name, file in files.items():
        size = _size(directory, name)
        if size is None:
            return f"{name} is missing"
        if size != file.size:
            return f"{name} has {size:,} bytes instead of {file.size:,}"
    for name, file in files.items():
        own = any(fnmatch.fnmatch(os.path.basename(name), pattern) for pattern in CHECKED_WHILE_READ)
        if (every_byte or not own) and file_digest(os.path.join(directory, name)) != file.digest:
            return f"{name} has other bytes than were written"
    return None


def verify(*directories: str, mend: str = MADE_AGAIN) -> None:
    """Compares directories with their lists; one that was never sealed passes. `mend` says what to do if one is damaged.

    Raises:
      Damaged: a file is missing or has other bytes. `damage` says which bytes are compared.
    """
    for directory in directories:
        if what := damage(directory):
            raise Damaged(directory, what, mend)


def file_digest(path: str) -> str:
    """The SHA-256 (hex) of a file on any file system, read piece by piece."""
    total = hashlib.sha256()
    with tf.io.gfile.GFile(path, "rb") as file:
        while chunk := file.read(CHUNK):
            total.update(chunk)
    return total.hexdigest()


def _names(directory: str) -> list[str]:
    """All files below a directory, relative to it, but for its list."""
    found = [
        os.path.normpath(os.path.join(os.path.relpath(at, directory), name))
        for at, _, names in tf.io.gfile.walk(directory)
        for name in names
    ]
    return sorted(name for name in found if name != LIST)


def _beside(directory: str) -> str:
    return f"{directory.rstrip('/')}.{LIST}"


def _list_of(directory: str) -> str | None:
    paths = (os.path.join(directory, LIST), _beside(directory))
    return next((path for path in paths if tf.io.gfile.exists(path)), None)


def _size(directory: str, name: str) -> int | None:
    try:
        return int(tf.io.gfile.stat(os.path.join(directory, name)).length)
    except tf.errors.NotFoundError:
        return None


def _write(path: str, files: dict[str, _File]) -> None:
    """Writes to another name and then renames, so that a list is never incomplete."""
    with tf.io.gfile.GFile(f"{path}.new", "w") as file:
        json.dump({"files": files, "digest": _digest_of(files)}, file, indent=1)
    tf.io.gfile.rename(f"{path}.new", path, overwrite=True)


def _read(path: str) -> dict[str, _File] | None:
    """The files in a list, or None if the list itself is damaged."""
    try:
        with tf.io.gfile.GFile(path, "rb") as file:
            content = json.loads(file.read())
        files = {name: _File(*facts) for name, facts in content["files"].items()}
        return files if content["digest"] == _digest_of(files) else None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _digest_of(files: dict[str, _File]) -> str:
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
