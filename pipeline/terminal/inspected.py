"""What `fewshot inspect` has understood, as text at 80 columns."""

import sys
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table

from components.fewshot.words import counted
from pipeline.terminal.images import marked, place_notes, printable
from pipeline.terminal.results import BoxSizes, InspectedBoxes, InspectedClass, Inspection
from pipeline.terminal.show import show_set_aside

CLASSES = 40  # that are shown
OBJECTS = 5  # set aside, shown
LONGEST = 28  # letters of a class name in a table


def show_inspection(result: Inspection, page: str | None) -> None:
    """Prints the counts, a table of classes, what was set aside, and what else people should know.

    Args:
      page: the page of pictures that was written, if any.
    """
    boxes = result["boxes"]
    classes = counted(len(result["classes"]), "class", "classes")
    kind = f"detection ({', '.join(boxes['formats'])})" if boxes else "classification"
    objects = f"{counted(boxes['objects'], 'object')} of " if boxes else ""
    print(f"{kind}: {counted(result['pictures'], 'picture')}, {objects}{classes}")
    for line in _lines(result, boxes):
        print(line)
    _show_classes(result["classes"], boxes)
    show_set_aside(result["set_aside"])
    for one in boxes["objects_set_aside"][:OBJECTS] if boxes else []:
        print(f"object set aside: {printable(one['path'])}: {printable(one['object'])} {printable(one['reason'])}")
    for note in _notes(result, boxes):
        print(marked(printable(note)))
    if page:
        print(f"page: {page}")


def _lines(result: Inspection, boxes: InspectedBoxes | None) -> Iterator[str]:
    if result["picture_sizes"]:
        small, middle, large = (f"{height} x {width}" for height, width in result["picture_sizes"])
        every = f"{small} to {large} pixels, median {middle}" if small != large else f"{small} pixels"
        yield f"height x width: {every}"
    if boxes:
        fewest, often, most = boxes["objects_a_picture"]
        nothing = counted(boxes["nothing_in_them"], "picture has nothing in it", "pictures have nothing in them")
        yield f"objects a picture: {fewest} to {most}, median {often}; {nothing}"
        if sizes := boxes["sizes"]:
            shortest, usual, longest = (f"{round(sizes[key][0], 1):g}" for key in ("smallest", "median", "largest"))
            yield f"longer side of a box: {shortest} to {longest} pixels, median {usual}"
    elif result["classes"]:
        numbers = sorted(one["pictures"] for one in result["classes"])
        yield f"pictures a class: {numbers[0]} to {numbers[-1]}, median {numbers[len(numbers) // 2]}"


def _show_classes(classes: Sequence[InspectedClass], boxes: InspectedBoxes | None) -> None:
    title = "sizes: longer side of a box, in % of that of its picture" if boxes else None
    table = Table(caption=title, caption_justify="left", box=None, pad_edge=False)
    table.add_column("class", overflow="fold", max_width=LONGEST)
    columns = ("pictures", "objects", "ignored", "smallest", "median", "largest") if boxes else ("pictures",)
    for column in columns:
        table.add_column(column, justify="right")
    for one in classes[:CLASSES]:
        row = [f"{one['pictures']:,}"]
        if boxes:
            row += [f"{one['objects']:,}", f"{one['ignored']:,}", *_percent(one["sizes"])]
        table.add_row(printable(one["class_name"]), *row)
    Console(file=sys.stdout, width=80, markup=False, highlight=False).print(table)
    if len(classes) > CLASSES:
        print(f"and {counted(len(classes) - CLASSES, 'class', 'classes')} more: --json lists all")


def _percent(sizes: BoxSizes | None) -> list[str]:
    return [f"{100 * sizes[key][1]:.1f}" for key in ("smallest", "median", "largest")] if sizes else ["", "", ""]


def _notes(result: Inspection, boxes: InspectedBoxes | None) -> Iterator[str]:
    if boxes:
        if (more := len(boxes["objects_set_aside"]) - OBJECTS) > 0:
            yield f"{counted(more, 'more object is', 'more objects are')} set aside: --json lists all"
        if left := boxes["unannotated"]:
            pictures = counted(len(left), "picture has", "pictures have")
            yield f"{pictures} no annotation, such as {left[0]}, and no part: nobody has said that nothing is in it"
        if boxes["cut"]:
            yield f"{counted(boxes['cut'], 'box', 'boxes')} reached over the edge of the picture, and end there"
    if result["exif_turned"]:
        how = ", and their boxes with them" if boxes else ""
        if boxes and "YOLO" in boxes["formats"]:  # it names no size that could tell
            how += "; if the page (--html) shows these beside their objects, take the orientation out of the files"
        yield f"{counted(result['exif_turned'], 'picture is', 'pictures are')} turned as EXIF says{how}"
    if result["same_picture"]:
        yield f"{counted(result['same_picture'], 'picture shows', 'pictures show')} the same as another"
    empty = [one["class_name"] for one in result["classes"] if not one["pictures"]]
    if empty:
        yield f"in no picture: {', '.join(map(repr, empty[:OBJECTS]))}{', ...' if len(empty) > OBJECTS else ''}"
    yield from result["notes"]
    yield from place_notes(result["passed_over"], result["differ_by_case"])
