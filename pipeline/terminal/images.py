"""What people should know of the images that a result was measured on: duplicates, and classes that take no part."""

import textwrap
from collections.abc import Iterable, Sequence

from components.episode_generator.classes import SplitClasses
from components.fewshot.episodes.classes import named
from components.image_example_gen.duplicates import DuplicateFile, LeftOut

PICTURES, FILES = 3, 2  # pictures that are shown, and files of each
WIDTH = 80


def duplicate_notes(left_out: LeftOut, leaks: int, pictures: Sequence[Sequence[DuplicateFile]]) -> list[str]:
    """Returns a sentence for each kind of duplicates that there is, and the first few of the files."""
    within, across = left_out["within_class"], left_out["across_classes"]
    notes = []
    if within:
        notes.append(f"{_files(within)} a picture of another file of the class, and {_part(within)}")
    if across:
        notes.append(f"{_files(across)} a picture that is in several classes of the split, and {_part(across)}")
    if leaks:
        notes.append(f"{leaks:,} {'image' if leaks == 1 else 'images'} in two splits: accuracy will be too high")
    return notes + [_equal(files) for files in pictures[:PICTURES]] if notes else []


def class_notes(classes: Iterable[SplitClasses]) -> list[str]:
    """Returns a sentence for each split and number of images that some classes lack; what was said before is left out."""
    notes = []
    for one in classes:
        small = one["classes_too_small"]
        total = one["classes"] + len(small)
        domain = " and the domain" if any(each["domain_lacks"] for each in small) else ""
        split = f"{one['split']} classes" if one["split"] else "classes"
        note = (
            f"{one['classes']:,} of {total:,} {split} have the {one['images_per_class']} images{domain} that an episode"
            f" needs; {len(small):,} {'is' if len(small) == 1 else 'are'} in none: {named(small)}"
        )
        if small and note not in notes:
            notes.append(note)
    return notes


def marked(note: str, sign: str = "!") -> str:
    """Returns a note as lines of at most 80 columns, where its words allow it, with a sign before it."""
    return textwrap.fill(
        note,
        WIDTH,
        initial_indent=f"  {sign} ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _files(number: int) -> str:
    return f"{number:,} {'file shows' if number == 1 else 'files show'}"


def _part(number: int) -> str:
    return "does not take part" if number == 1 else "do not take part"


def _equal(files: Sequence[DuplicateFile]) -> str:
    more = f" and {len(files) - FILES:,} more" if len(files) > FILES else ""
    return " = ".join(one["path"] for one in files[:FILES]) + more
