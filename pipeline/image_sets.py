"""The images of a run: the user's own, or the built-in ones in the root directory."""

import os

from data.glyphs import generate_glyphs
from data.settings import ImageSetSettings
from pipeline.config import RunSettings


def image_set(settings: RunSettings, root: str) -> ImageSetSettings:
    """Returns the images of a run. The built-in ones are generated in `root` if they are not there yet."""
    if settings.data is not None:
        return settings.data
    directory = generate_glyphs(glyphs_directory(settings, root), colour=settings.glyphs == "colour")
    return glyphs_at(directory)


def glyphs_directory(settings: RunSettings, root: str) -> str:
    """Returns the directory of the built-in images of a run."""
    return os.path.join(root, "data", f"glyphs-{settings.glyphs}")


def glyphs_at(directory: str) -> ImageSetSettings:
    """Returns the built-in image set in `directory`, with its own splits."""
    sides = {f"{split}_dir": os.path.join(directory, split) for split in ("train", "val", "test")}
    return ImageSetSettings(**sides)
