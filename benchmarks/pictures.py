"""`python -m benchmarks.pictures FOLDER...`: are pictures read as a viewer shows them?

Compares every picture below the folders with what Pillow shows over white with EXIF applied. The public suites are a good choice:
PngSuite (in the sources of libpng), bmpsuite and Pillow's own (in the sources of Pillow), and the test images of libjpeg-turbo.
Pillow cannot judge some files: those that it refuses itself, and 16-bit grey, which it clips.
"""

import io
import warnings
from collections import Counter
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from PIL import Image, ImageOps
from rich.console import Console
from rich.table import Table

from components.fewshot.images.seen import Seen, see
from data.sources.folders import has_image_suffix

ROUNDING = 1  # of 255
COLUMNS = ("the same", "wrong", "refused, as by Pillow", "refused by us alone", "no judge")


def main(folders: Annotated[list[Path], typer.Argument()], details: bool = False) -> None:
    """Prints a table by format; with `--details` the reasons of refusals too."""
    counts: Counter[tuple[str, str]] = Counter()
    reasons: Counter[str] = Counter()
    wrong: list[Path] = []
    for folder in folders:
        for path in sorted(path for path in folder.rglob("*") if path.is_file() and has_image_suffix(path.name)):
            encoded = path.read_bytes()
            (seen,) = see([encoded], lambda _, seen: seen)
            outcome = compared(seen, by_pillow(encoded))
            counts[path.suffix.lower(), outcome] += 1
            wrong += [path] if outcome == "wrong" else []
            if seen.reason:
                reasons[seen.reason] += 1
    table = Table("suffix", *COLUMNS, box=None)
    for suffix in sorted({suffix for suffix, _ in counts}):
        table.add_row(suffix, *(str(counts[suffix, column]) for column in COLUMNS))
    table.add_row(
        "all", *(str(sum(n for (_, outcome), n in counts.items() if outcome == column)) for column in COLUMNS)
    )
    console = Console()
    console.print(table)
    for path in wrong:
        console.print(f"wrong: {path}")
    for reason, number in reasons.most_common() if details else ():
        console.print(f"{number} x {reason}")


def by_pillow(encoded: bytes) -> np.ndarray | None:
    """Returns uint8 [H, W, 3], or None if Pillow is no judge or refuses the file."""
    try:
        with warnings.catch_warnings(action="ignore"):
            image = ImageOps.exif_transpose(Image.open(io.BytesIO(encoded)))
            if image.mode.startswith(("I", "F")):
                return None
            image = image.convert("RGBA")
    except Exception:  # broken files raise errors of any kind
        return None
    ground = Image.new("RGBA", image.size, "white")
    return np.asarray(Image.alpha_composite(ground, image).convert("RGB"))


def compared(seen: Seen, theirs: np.ndarray | None) -> str:
    """Returns the column in which a file is counted."""
    if seen.reason:
        return "refused, as by Pillow" if theirs is None else "refused by us alone"
    if theirs is None:
        return "no judge"
    if seen.pixels.shape[:2] != theirs.shape[:2]:
        return "wrong"
    return "the same" if np.abs(seen.pixels.astype(int) - theirs).max() <= ROUNDING else "wrong"


if __name__ == "__main__":
    typer.run(main)
