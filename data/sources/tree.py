"""Reads the tree of folders below a root: which files lie where, and what is litter. It does not know what a class is.

Local folders are read with `os.scandir`. `gs://` is listed by the client of Google (`bucket.py`), any other file system by
`tf.io.gfile`; both are imported only if needed.
"""

import os
import posixpath
import stat
from collections import Counter, deque
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from data.sources.bucket import GOOGLE, blobs_below
from data.sources.litter import litter

REMOTE_REQUESTS = 32  # at the same time, because each takes a remote file system tens of milliseconds


class Entry(NamedTuple):
    """A file in a folder.

    Attributes:
      relative: its path below the root, with forward slashes.
      path: its path.
      size: bytes.
      mtime_ns: time of its last change.
      identity: equal for two paths of one file: device and inode of a local file, the path of a remote one; "" if unknown.
      reason: why it can never be read, or "".
    """

    relative: str
    path: str
    size: int
    mtime_ns: int
    identity: str = ""
    reason: str = ""


class Folder(NamedTuple):
    """A folder, by its path below the root ("" for the root), and its files by name; `leaf` if no folder is in it."""

    relative: str
    files: list[Entry]
    leaf: bool


class Again(NamedTuple):
    """A folder that was not read, because a link led to a folder that had been read as `first`.

    It is `harmless` if that folder has a place of its own below the root, or if the link leads in a circle.
    """

    relative: str
    first: str
    harmless: bool


class Tree(NamedTuple):
    """What is below a root; names are paths below it.

    Attributes:
      folders: all that could be read.
      litter: the number of files in each.
      again: the links that lead to nothing new.
      closed: why a folder could not be read.
    """

    folders: list[Folder]
    litter: Counter[str]
    again: list[Again]
    closed: dict[str, str]


def read_tree(root: str) -> Tree:
    """Returns the folders below `root`, in an order that depends only on names.

    Every folder is read once. Links to folders are followed after all folders that have a place of their own, except those that
    lead to a folder that has been read.

    Raises:
      ValueError: `root` is not a folder, or cannot be read.
    """
    return _remote_tree(root) if is_remote(root) else _local_tree(root)


def is_remote(path: str) -> bool:
    """Returns whether only `tf.io.gfile` can open a path."""
    return "://" in path


def escaped(path: str) -> str:
    """Returns a path as it can be shown and written as JSON: bytes that are not UTF-8 are escaped."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return path.encode(errors="backslashreplace").decode()
    return path  # itself, for a copy of each path takes as much memory as all else that is known of the files


def is_file(path: str) -> bool:
    """Returns whether there is a file (not a folder) at `path`."""
    if not is_remote(path):
        return os.path.lexists(path) and not os.path.isdir(path)
    import tensorflow as tf  # takes seconds to import, and local folders do not need it

    return tf.io.gfile.exists(path) and not tf.io.gfile.isdir(path)


def is_folder(path: str) -> bool:
    """Returns whether there is a folder at `path`."""
    if not is_remote(path):
        return os.path.isdir(path)
    import tensorflow as tf  # as above

    return bool(tf.io.gfile.isdir(path))


def entry_of(path: str, relative: str) -> Entry:
    """Returns the entry of the file at `path`, whose path below the root is `relative`."""
    if is_remote(path):
        return _remote_entry(path, relative)
    try:
        found = os.stat(path)
    except OSError:  # a link to nothing or to itself; the reason is given when it is read
        return Entry(relative, path, 0, 0)
    numbered = found.st_ino != 0  # some drives number no file
    identity = f"{found.st_dev}:{found.st_ino}" if numbered else os.path.realpath(path)
    reason = "" if stat.S_ISREG(found.st_mode) else "is not a file but a pipe, a socket or a device"
    return Entry(relative, path, found.st_size, found.st_mtime_ns, identity, reason)


def _remote_entry(path: str, relative: str) -> Entry:
    import tensorflow as tf  # as above

    status = tf.io.gfile.stat(path)
    return Entry(relative, path, int(status.length), int(status.mtime_nsec), path)


class _Read(NamedTuple):
    """By which path below the root a folder was read, and whether that is its own place, not one that a link gave it."""

    relative: str
    own: bool


def _local_tree(root: str) -> Tree:
    if what := _no_folder(root):
        raise ValueError(f"expected a folder of images, but {root!r} {what}: correct the path")
    tree = Tree([], Counter(), [], {})
    read: dict[str, _Read] = {}  # by real path
    links = deque([""])  # the root first, and with it everything that has a place of its own
    while links:
        start = links.popleft()
        pending = [(start, os.path.realpath(_join(root, start)))]
        while pending:
            relative, real = pending.pop()
            if before := read.get(real):
                circle = relative.startswith(f"{before.relative}/")
                tree.again.append(Again(relative, before.relative, before.own or circle))
                continue
            read[real] = _Read(relative, own=not start)
            folders, linked = _scan(root, relative, tree)
            pending += [(_join(relative, name), _join(real, name)) for name in reversed(folders)]
            links += [_join(relative, name) for name in linked]
    return tree


def _no_folder(path: str) -> str | None:
    """Returns why a local path is no folder, or None if it is one."""
    try:
        return None if stat.S_ISDIR(os.stat(path).st_mode) else "is a file"
    except FileNotFoundError:
        return "does not exist"
    except OSError as error:
        return f"cannot be reached ({error.strerror})"


def _scan(root: str, relative: str, tree: Tree) -> tuple[list[str], list[str]]:
    """Adds a local folder to the tree, and returns the names of the folders in it and of the links to folders, both sorted."""
    path = _join(root, relative)
    try:
        with os.scandir(path) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
    except OSError as error:
        reason = f"cannot be read ({error.strerror}): make it readable or remove it"
        if not relative:
            raise ValueError(f"the folder {path!r} {reason}") from error
        tree.closed[relative] = reason
        return [], []
    files, folders, links = [], [], []
    for entry in entries:
        name = _join(relative, entry.name)
        if told := litter(entry.name):
            if entry.is_dir(follow_symlinks=False):
                tree.litter[name] = sum(len(found) for _, _, found in os.walk(entry.path))
            else:
                tree.litter[_join(relative, told)] += 1
        elif not entry.is_symlink() and entry.is_dir():
            folders.append(entry.name)
        elif entry.is_symlink() and os.path.isdir(entry.path):
            links.append(entry.name)
        else:
            files.append(entry_of(entry.path, name))
    tree.folders.append(Folder(relative, files, not folders and not links))
    return folders, links


def _remote_tree(root: str) -> Tree:
    """Does the same from a list of all files. There are no links, and no folders but those that the paths of files name."""
    root = root.rstrip("/") if root != GOOGLE else root  # so that one file has one path
    folders: dict[str, list[Entry]] = {"": []}
    inner = set()  # folders with folders in them
    tree = Tree([], Counter(), [], {})
    for entry in _remote_files(root):
        place = ""
        *above, name = entry.relative.split("/")
        for folder in above:
            if litter(folder):
                tree.litter[_join(place, folder)] += 1
                break
            inner.add(place)
            place = _join(place, folder)
            folders.setdefault(place, [])
        else:
            if told := litter(name):
                tree.litter[_join(place, told)] += 1
            else:
                folders[place].append(entry)
    tree.folders.extend(Folder(place, sorted(folders[place]), place not in inner) for place in sorted(folders))
    return tree


def _remote_files(root: str) -> list[Entry]:
    """All files below a remote root.

    Raises:
      ValueError: there is none, or the bucket cannot be listed.
    """
    found = _listed(root) if root.startswith(GOOGLE) else _walked(root)
    if not found:
        raise ValueError(f"expected a folder of images, but {root!r} is not a folder, or is empty: correct the path")
    return found


def _listed(root: str) -> list[Entry]:
    """All files below a folder of a bucket."""
    entries = []
    for relative, blob in blobs_below(root).items():
        path = f"{GOOGLE}{blob.bucket.name}/{blob.name}"
        entries.append(Entry(relative, path, blob.size, round(blob.updated.timestamp() * 1e9), identity=path))
    return entries


def _walked(root: str) -> list[Entry]:
    """All files below a remote root, by a request for each, many at the same time because each is slow."""
    import tensorflow as tf  # takes seconds to import too

    names = [posixpath.join(at, name) for at, _, files in tf.io.gfile.walk(root) for name in files]
    with ThreadPoolExecutor(REMOTE_REQUESTS) as pool:
        return list(pool.map(lambda path: _remote_entry(path, path.removeprefix(f"{root}/")), names))


def _join(folder: str, name: str) -> str:
    return posixpath.join(folder, name) if name else folder
