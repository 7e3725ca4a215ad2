"""Compares what two sides read, file by file, so that neither links nor a folder inside another put one file on both."""

from collections.abc import Iterable

from data.sources.folders import ImageFile
from data.sources.repeated import repeated


def check_shared(sides: Iterable[tuple[str, Iterable[ImageFile]]]) -> None:
    """Raises ValueError if one file is on two sides.

    Args:
      sides: the name of each side, such as "train_dir 'photos'", and its files.
    """
    every = [(side, [*files]) for side, files in sides]
    # Of a million files, only the few that may be the same as others are kept in `read`.
    several = repeated(hash(_key(file)) for _, files in every for file in files if file.identity)
    read: dict[tuple[str, int, int], tuple[str, str]] = {}  # a file: the side and the path that it was first read by
    shared: list[tuple[str, str, str, str]] = []
    for side, files in every if several else ():
        for file in files:
            first = (side, file.path)
            if file.identity and hash(_key(file)) in several:
                first = read.setdefault(_key(file), first)
            if first[0] != side:
                shared.append((*first, side, file.path))
    if shared:
        one, path, other, again = shared[0]
        where = repr(path) if path == again else f"{path!r}, which is {again!r}"
        what = "the same file" if len(shared) == 1 else f"the same {len(shared):,} files"
        raise ValueError(
            f"{one} and {other} hold {what}, such as {where}: no file may be read twice, so remove the link, or name"
            " places that do not lie inside each other"
        )


def _key(file: ImageFile) -> tuple[str, int, int]:
    """What makes a file the same. Some drives number their files anew from time to time, so the number alone does not."""
    return file.identity, file.size, file.mtime_ns
