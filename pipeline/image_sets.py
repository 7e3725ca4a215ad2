"""The images of a run: the user's own, or the built-in ones in the root directory."""

import os
import posixpath

from components.fewshot.settings.kinds import CLASSIFICATION, Kind
from data.glyph_scenes import generate_glyph_scenes
from data.glyphs import generate_glyphs
from data.settings import ImageSetSettings
from data.spans import is_pattern, spans_of
from pipeline.config import RunSettings

SIDES = "sides.json"


def image_set(settings: RunSettings, root: str) -> ImageSetSettings:
    """Returns the images of a run. The built-in ones are generated in `root` if they are not there yet."""
    if settings.data is not None:
        return with_sides(settings.data, root)
    directory = glyphs_directory(settings, root)
    if settings.glyphs == "scenes":
        return glyphs_at(generate_glyph_scenes(directory), settings.kind)
    return glyphs_at(generate_glyphs(directory, colour=settings.glyphs == "colour"))


def with_sides(data: ImageSetSettings, root: str) -> ImageSetSettings:
    """Returns the image set with a file in `root` that keeps the sides of its classes, where images arrive in spans."""
    if not data.arrives or not data.deals or data.sides:
        return data
    return data.model_copy(update={"sides": posixpath.join(root, SIDES)})


def spans_told(data: ImageSetSettings) -> list[str]:
    """Returns a sentence for each pattern: which of its spans are read."""
    told = []
    for pattern in filter(is_pattern, data.images):
        labels = [span.label for span in spans_of(pattern, data.spans)]
        to = f" to {labels[-1]}" if len(labels) > 1 else ""
        told.append(f"reading {len(labels):,} span{'s' * (len(labels) > 1)} of {pattern}: {labels[0]}{to}")
    return told


def glyphs_directory(settings: RunSettings, root: str) -> str:
    """Returns the directory of the built-in images of a run."""
    return os.path.join(root, "data", f"glyphs-{settings.glyphs}")


def glyphs_at(directory: str, kind: Kind = CLASSIFICATION) -> ImageSetSettings:
    """Returns the built-in image set in `directory`, with its own splits."""
    sides = {f"{split}_dir": os.path.join(directory, split) for split in ("train", "val", "test")}
    return ImageSetSettings(kind=kind, **sides)
