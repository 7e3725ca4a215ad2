"""Lists the images of a folder: those of its classes, or all of them where no class is named, as for queries.

A class is a folder that directly holds images. Its name is its path below the root.
"""

import posixpath
import unicodedata
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import NamedTuple

from data.sources.magic import HEAD, picture_kind
from data.sources.tree import REMOTE_REQUESTS, Entry, Folder, Tree, entry_of, escaped, is_file, is_remote, read_tree

# A folder that holds a file with one of these suffixes holds images. All other files in it are candidates too, so that an image
# with a wrong suffix is read, and a file that is no image is reported. Where no suffix is known, the content decides.
IMAGE_SUFFIXES = frozenset(
    {".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".bmp", ".dib", ".webp"}
    # formats that are not read; such files are reported
    | {".tif", ".tiff", ".heic", ".heif", ".hif", ".avif", ".jxl", ".jp2", ".ppm", ".pgm", ".pbm"}
)


class ImageFile(NamedTuple):
    """An image file that has not been read.

    Attributes:
      class_name: its class; "" for a query.
      source_id: its path below the root, with forward slashes.
      path: its path.
      size: bytes.
      mtime_ns: time of its last change.
      identity: equal for two paths of one file, "" if unknown.
      reason: why it can never be read, or "". Then paths and names are escaped where they are not UTF-8.
      annotation: what is said of the objects in it, as `data.annotations.scenes` writes it; "" for an image that has a class as a
        whole.
    """

    class_name: str
    source_id: str
    path: str
    size: int
    mtime_ns: int
    identity: str = ""
    reason: str = ""
    annotation: str = ""


class Rejected(NamedTuple):
    """A file that is set aside."""

    path: str
    reason: str


class Listing(NamedTuple):
    """What is in a root: nothing that lies there is in none of the three.

    Attributes:
      files: the images, sorted by class and source id, and every other file in a folder that holds images.
      rejected: images that belong to no class, and folders of queries that cannot be read.
      passed_over: the number of files in each folder without images (ending in "/*" if it holds folders), in each litter, and 0
        for a link to a folder that is listed elsewhere.
    """

    files: list[ImageFile]
    rejected: list[Rejected]
    passed_over: dict[str, int]


def list_folder(root: str, may_be_empty: bool = False) -> Listing:
    """Returns the images of the classes below `root`, in an order that depends only on names.

    Raises:
      ValueError: `root` is not a folder or holds no class (unless it may be empty), a folder below it cannot be read, or links
        make one folder two classes.
    """
    root, tree = read_root(root)
    for relative, reason in tree.closed.items():  # it may be a class, or a part of one
        raise ValueError(f"the folder {posixpath.join(root, relative)!r} {reason}")
    holding = [folder for folder in tree.folders if _holds_images(folder)]
    _check_once(root, tree, holding)
    loose = [file for folder in holding if not folder.relative for file in folder.files]
    files = [image_file(_class_name(folder), file) for folder in holding if folder.relative for file in folder.files]
    rejected = [Rejected(escaped(file.path), "lies directly in the root, in no class folder") for file in loose]
    if not files and not may_be_empty:
        said = " (images directly in it belong to no class)" if loose else ""
        raise ValueError(
            f"{root!r} holds no class{said}: a class is a folder below it that directly holds images,"
            f" such as {posixpath.join(root, 'oak', '1.png')!r}"
        )
    return Listing(sorted(files), sorted(rejected), passed_over(root, tree, holding))


def list_images(path: str) -> Listing:
    """Returns all images at any depth in a folder, or one file. They have no class; a folder that cannot be read is rejected.

    Raises:
      ValueError: there is nothing at `path`, it cannot be read, or it holds no image.
    """
    if is_file(path):
        return Listing([image_file("", entry_of(path, posixpath.basename(path)))], [], {})
    root, tree = read_root(path)
    holding = [folder for folder in tree.folders if _holds_images(folder)]
    files = [image_file("", file) for folder in holding for file in folder.files]
    rejected = [
        Rejected(escaped(posixpath.join(root, name)), f"the folder {reason}") for name, reason in tree.closed.items()
    ]
    if not files and not rejected:
        raise ValueError(f"{root!r} holds no image; expected at least one (PNG, JPEG, GIF, BMP or WebP)")
    return Listing(sorted(files), sorted(rejected), passed_over(root, tree, holding))


def domain_of(class_name: str) -> str:
    """Returns the first part of a class name: "Angelic" for "Angelic/character01"."""
    return class_name.split("/", 1)[0]


def has_image_suffix(name: str) -> bool:
    """Returns whether a file name has the suffix of an image."""
    return posixpath.splitext(name)[1].lower() in IMAGE_SUFFIXES


def read_root(root: str) -> tuple[str, Tree]:
    """Returns a root as its files name it, and what is below it.

    Raises:
      ValueError: it is not a folder, cannot be read, or its name is not UTF-8.
    """
    if escaped(root) != root:
        raise ValueError(f"the name of the folder {escaped(root)!r} is not UTF-8: rename it")
    root = root.removeprefix("file://")
    return root, read_tree(root)


def _holds_images(folder: Folder) -> bool:
    """Returns whether the suffix or else the content of a file says that it is an image.

    Only where no suffix says it, files are read, and no more of them than are needed, because a remote file takes long.
    """
    return any(has_image_suffix(file.relative) for file in folder.files) or any(begin_as_images(folder.files))


def begin_as_images(files: list[Entry]) -> Iterator[bool]:
    """Yields for each file that can be read whether it begins like an image; files are read as far as this is asked."""
    readable = iter([file.path for file in files if not file.reason])
    if not files or not is_remote(files[0].path):
        yield from map(_begins_as_image, readable)
        return
    with ThreadPoolExecutor(REMOTE_REQUESTS) as pool:
        while together := list(islice(readable, REMOTE_REQUESTS)):
            yield from pool.map(_begins_as_image, together)


def _begins_as_image(path: str) -> bool:
    try:
        if not is_remote(path):
            with open(path, "rb") as file:
                return picture_kind(file.read(HEAD)) is not None
        import tensorflow as tf  # takes seconds to import, and local folders do not need it

        with tf.io.gfile.GFile(path, "rb") as remote:
            return picture_kind(remote.read(HEAD)) is not None
    except Exception:  # of many kinds; whatever cannot be read does not make a folder a class, and is counted
        return False


def _class_name(folder: Folder) -> str:
    return unicodedata.normalize("NFC", folder.relative)  # macOS decomposes accents, but most class lists do not


def image_file(class_name: str, file: Entry) -> ImageFile:
    """Returns a file of a tree as an image of a class."""
    reason = file.reason
    if escaped(file.path) != file.path:
        reason = "the name is not UTF-8"
    class_name, relative, path = map(escaped, (class_name, file.relative, file.path))
    return ImageFile(class_name, relative, path, file.size, file.mtime_ns, file.identity, reason)


def _check_once(root: str, tree: Tree, holding: list[Folder]) -> None:
    """Raises ValueError if links make one folder with images two classes; nobody could say which of them is meant."""
    for again in tree.again:
        below = any(f"{folder.relative}/".startswith(f"{again.first}/") for folder in holding)
        if below and not again.harmless:
            one, other = (posixpath.join(root, name) for name in sorted((again.first, again.relative)))
            raise ValueError(
                f"{one!r} and {other!r} are links to the same folder, so its images would be in two classes: remove one of them"
            )


def passed_over(root: str, tree: Tree, holding: list[Folder]) -> dict[str, int]:
    """Returns the number of files in each place below a root but those folders that hold images, as `Listing` has it."""
    listed = {folder.relative for folder in holding}
    found = dict(tree.litter) | {again.relative: 0 for again in tree.again}
    for folder in tree.folders:
        if folder.relative not in listed and (folder.files or folder.leaf):
            found[folder.relative if folder.leaf else posixpath.join(folder.relative, "*")] = len(folder.files)
    return {escaped(posixpath.join(root, name)): count for name, count in sorted(found.items())}
