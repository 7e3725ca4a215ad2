"""Lists the images in one root. A class is a folder that directly holds images. Its name is its path below the root.

Local folders are read with `os.scandir`. Other file systems, such as `gs://`, are read with `tf.io.gfile`, which is imported only
if needed.
"""

import os
import posixpath
import stat
import unicodedata
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

# A folder that holds a file with one of these suffixes is a class. All other files in it are candidates too, so that an image
# with a wrong suffix is read, and a file that is no image is reported.
IMAGE_SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".bmp", ".dib", ".webp"}
    | {
        ".tif",
        ".tiff",
        ".heic",
        ".avif",
        ".ppm",
        ".pgm",
        ".pbm",
    }  # formats that are not supported; such files are reported
)
LITTER = frozenset({"thumbs.db", "desktop.ini"})  # files of file managers; hidden files (.DS_Store) are ignored too
REMOTE_REQUESTS = 32  # at the same time, because each takes a remote file system tens of milliseconds


class ImageFile(NamedTuple):
    """An image file that has not been read."""

    class_name: str
    source_id: str  # path below the root, with forward slashes
    path: str
    size: int  # bytes
    mtime_ns: int


class Rejected(NamedTuple):
    """A file that is set aside."""

    path: str
    reason: str


class Listing(NamedTuple):
    """The images in a root, sorted by class and source id, and the files in it that cannot be images of a class."""

    files: list[ImageFile]
    rejected: list[Rejected]


class _Entry(NamedTuple):
    relative: str  # below the root
    path: str
    size: int
    mtime_ns: int


def list_folder(root: str) -> Listing:
    """Returns the images below `root`, in an order that depends only on names.

    Symbolic links are followed, except for links into the root and for circles. Hidden files and folders are ignored.

    Raises:
      ValueError: `root` is not a folder or holds no class, or a folder below it cannot be read.
    """
    folders = _remote_folders(root) if "://" in root else _local_folders(root)
    files: list[ImageFile] = []
    rejected: list[Rejected] = []
    for folder, entries in folders:
        if not any(has_image_suffix(entry.relative) for entry in entries):
            continue
        class_name = unicodedata.normalize("NFC", folder)  # macOS decomposes accents, but most class lists do not
        for entry in entries:
            reason = _unusable(entry, class_name)
            if reason:
                rejected.append(Rejected(entry.path.encode(errors="backslashreplace").decode(), reason))
            else:
                files.append(ImageFile(class_name, entry.relative, entry.path, entry.size, entry.mtime_ns))
    if not files:
        loose = " (images directly in it belong to no class)" if rejected else ""
        raise ValueError(
            f"{root!r} holds no class{loose}: a class is a folder below it that directly holds images,"
            f" such as {posixpath.join(root, 'oak', '1.png')!r}"
        )
    return Listing(sorted(files), sorted(rejected))


def _unusable(entry: _Entry, class_name: str) -> str | None:
    """Returns the reason why a file cannot be an image of a class, or None."""
    try:
        entry.relative.encode()
    except UnicodeEncodeError:
        return "the name is not UTF-8"
    return None if class_name else "lies directly in the root, in no class folder"


def domain_of(class_name: str) -> str:
    """Returns the first part of a class name: "Angelic" for "Angelic/character01"."""
    return class_name.split("/", 1)[0]


def has_image_suffix(name: str) -> bool:
    """Returns whether a file name has the suffix of an image."""
    return posixpath.splitext(name)[1].lower() in IMAGE_SUFFIXES


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in LITTER


def _local_folders(root: str) -> Iterator[tuple[str, list[_Entry]]]:
    """Yields each folder, relative to the root, with its files: depth first, in the order of names."""
    if not os.path.isdir(root):
        what = "is a file" if os.path.exists(root) else "does not exist"
        raise ValueError(f"expected a folder of images, but {root!r} {what}: correct the path")
    top = os.path.realpath(root)
    pending: list[tuple[str, str, tuple[str, ...]]] = [("", root, (top,))]
    while pending:
        folder, path, ancestors = pending.pop()
        files, folders = _scan(folder, path)
        yield folder, files
        for relative, below, is_link in reversed(folders):
            real = os.path.realpath(below)
            # The target of a link into the root is listed anyway. A link to a folder above itself would never end.
            if is_link and (_is_below(real, top) or real in ancestors):
                continue
            pending.append((relative, below, (*ancestors, real)))


def _is_below(path: str, top: str) -> bool:
    return path == top or path.startswith(top.rstrip(os.sep) + os.sep)


def _scan(folder: str, path: str) -> tuple[list[_Entry], list[tuple[str, str, bool]]]:
    """Returns the files of one local folder, and its folders as (relative path, path, is a link), both sorted by name."""
    files, folders = [], []
    try:
        with os.scandir(path) as scan:
            entries = sorted((entry for entry in scan if not _is_hidden(entry.name)), key=lambda entry: entry.name)
    except OSError as error:
        raise ValueError(
            f"the folder {path!r} cannot be read ({error.strerror}): make it readable or remove it"
        ) from error
    for entry in entries:
        relative = f"{folder}/{entry.name}" if folder else entry.name
        try:
            if entry.is_dir():
                folders.append((relative, entry.path, entry.is_symlink()))
                continue
            status = entry.stat()
        except OSError:  # a link to nothing or to itself; the reason is given when it is read
            files.append(_Entry(relative, entry.path, 0, 0))
            continue
        if stat.S_ISREG(status.st_mode):
            files.append(_Entry(relative, entry.path, status.st_size, status.st_mtime_ns))
    return files, folders


def _remote_folders(root: str) -> Iterator[tuple[str, list[_Entry]]]:
    """Does the same as `_local_folders` with tf.io.gfile. It sends the requests of a level together, because each is slow."""
    import tensorflow as tf  # takes seconds to import, and local folders do not need it

    if not tf.io.gfile.isdir(root):
        raise ValueError(f"expected a folder of images, but {root!r} is not a folder: correct the path")

    def names_in(folder: str) -> list[str]:
        names = tf.io.gfile.listdir(posixpath.join(root, folder))
        return [posixpath.join(folder, name) for name in sorted(names) if not _is_hidden(name.rstrip("/"))]

    def entry(relative: str) -> _Entry | None:
        """Returns None for a folder. Object stores mark one with a slash."""
        path = posixpath.join(root, relative)
        status = None if relative.endswith("/") else tf.io.gfile.stat(path)
        if status is None or status.is_directory:
            return None
        return _Entry(relative, path, int(status.length), int(status.mtime_nsec))

    with ThreadPoolExecutor(REMOTE_REQUESTS) as pool:
        level = [""]
        while level:
            below = list(pool.map(names_in, level))
            flat = [name for names in below for name in names]
            entries = dict(zip(flat, pool.map(entry, flat), strict=True))
            for folder, names in zip(level, below, strict=True):
                yield folder.rstrip("/"), [found for name in names if (found := entries[name])]
            level = [name for name in flat if entries[name] is None]
