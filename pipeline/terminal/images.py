"""What people should know of the images that a result was measured on: duplicates, and classes that take no part."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence

from components.episode_generator.classes import SplitClasses
from components.fewshot.episodes.classes import named
from components.fewshot.words import counted
from components.image_example_gen.duplicates import DuplicateFile, LeftOut

PICTURES, FILES = 3, 2  # pictures that are shown, and files of each
PLACES = 5  # that were passed over, shown
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
        notes.append(f"{counted(leaks, 'image')} in two splits: accuracy will be too high")
    return notes + [_equal(files) for files in pictures[:PICTURES]] if notes else []


def nothing_trained(test_classes: int) -> str:
    """Returns the sentence about classes that are too few to hold any out for training."""
    classes = counted(test_classes, "class is", "classes are")
    return f"{classes} too few to train on, so all are test classes, and nothing is trained or calibrated"


def fitted_notes(classes: Iterable[SplitClasses]) -> list[str]:
    """Returns a sentence for each split whose episodes were fitted to the images; what was said before is left out."""
    notes = []
    for one in classes:
        what = "training episodes" if one["split"] == "train" else "episodes"
        queries = counted(one["query"], "query image")
        note = f"{what} fitted to the images: {one['episodes']}, {queries} a class"
        if one["fitted"] and note not in notes:
            notes.append(note)
    return notes


def class_notes(classes: Iterable[SplitClasses]) -> list[str]:
    """Returns a sentence for each split and number of images that some classes lack; what was said before is left out."""
    notes = []
    for one in classes:
        small = one["classes_too_small"]
        total = one["classes"] + len(small)
        domain = " and the domain" if any(each["domain_lacks"] for each in small) else ""
        split = f"{one['split']} " if one["split"] else ""
        note = (
            f"{one['classes']:,} of {counted(total, f'{split}class has', f'{split}classes have')} the"
            f" {counted(one['images_per_class'], 'image')}{domain} that an episode"
            f" needs; {counted(len(small), 'is', 'are')} in none: {named(small)}"
        )
        if small and note not in notes:
            notes.append(note)
    return notes


def place_notes(passed_over: Mapping[str, int], differ_by_case: Iterable[Sequence[str]]) -> list[str]:
    """Returns a sentence about the places that hold no class, and one for each group of names that only case tells apart."""
    places = [f"{printable(place)} ({counted(files, 'file')})" for place, files in passed_over.items()]
    more = f", and {counted(len(places) - PLACES, 'place')} more" if len(places) > PLACES else ""
    notes = [f"passed over: {', '.join(places[:PLACES])}{more}"] if places else []
    twins = (" and ".join(map(repr, names)) for names in differ_by_case)
    return notes + [f"{names} differ by case only, and are different classes" for names in twins]


def printable(text: str) -> str:
    """Returns a path or a name in one line, as far as a terminal can show it; the rest is escaped."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


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
    return counted(number, "file shows", "files show")


def _part(number: int) -> str:
    return "does not take part" if number == 1 else "do not take part"


def _equal(files: Sequence[DuplicateFile]) -> str:
    more = f" and {len(files) - FILES:,} more" if len(files) > FILES else ""
    return " = ".join(one["path"] for one in files[:FILES]) + more
