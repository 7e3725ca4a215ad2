"""The images of a run: the user's own, or the built-in ones below the root."""

import os

from data.glyphs import generate_glyphs
from data.settings import ImageSetSettings
from pipeline.config import RunSettings


def image_set(settings: RunSettings, root: str) -> ImageSetSettings:
    """The images of a run; the built-in ones are generated under `root` when they are first wanted."""
    if settings.data is not None:
        return settings.data
    directory = generate_glyphs(glyphs_directory(settings, root), colour=settings.glyphs == "colour")
    return glyphs_at(directory)


def glyphs_directory(settings: RunSettings, root: str) -> str:
    """Where the built-in images of a run lie."""
    return os.path.join(root, "data", f"glyphs-{settings.glyphs}")


def glyphs_at(directory: str) -> ImageSetSettings:
    """The built-in set in `directory`, by its own splits."""
    sides = {f"{split}_dir": os.path.join(directory, split) for split in ("train", "val", "test")}
    return ImageSetSettings(**sides)
