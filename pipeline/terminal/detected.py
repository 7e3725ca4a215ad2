"""What a detector has found, as text."""

import sys

from components.fewshot.words import counted
from pipeline.terminal.images import marked, place_notes, printable
from pipeline.terminal.results import Detected
from pipeline.terminal.show import SHOWN, show_set_aside


def show_detected(result: Detected) -> None:
    """Prints a line for each object: its score, class, ymin, xmin, ymax and xmax in 0..1, and the path of its picture; and a line
    for each picture in which nothing was found. What else people should know goes to standard error."""
    longest = max((len(printable(name)) for name in result["classes"]), default=0)
    for picture in result["pictures"]:
        for one in picture["objects"]:
            edges = " ".join(f"{edge:.3f}" for edge in one["box"])
            print(f"{one['score']:.3f}  {printable(one['label']):<{longest}}  {edges}  {printable(picture['path'])}")
        if not picture["objects"]:
            print(f"nothing found  {printable(picture['path'])}")
    for note in notes_on(result):
        print(marked(note), file=sys.stderr)
    if result["state"]:
        print(f"task state: {result['state']}", file=sys.stderr)
    show_set_aside(result["support_set_aside"], out=sys.stderr, of="support ")
    aside = result["support_objects_set_aside"]
    for each in aside[:SHOWN]:
        said = f"{each['path']}: {each['object']} {each['reason']}"
        print(f"support object set aside: {printable(said)}", file=sys.stderr)
    if len(aside) > SHOWN:
        print(f"and {len(aside) - SHOWN:,} more", file=sys.stderr)
    show_set_aside(result["set_aside"], len(result["set_aside"]), sys.stderr)


def notes_on(result: Detected) -> list[str]:
    """Returns what people should know of the objects that are shown and of those that were learnt from, one sentence each."""
    notes = []
    if result["pictures"]:
        objects = counted(sum(len(one["objects"]) for one in result["pictures"]), "object")
        notes.append(f"{objects} of a score of {result['threshold']:.2f} or more; --threshold shows more or fewer")
    told = result["score_threshold"]
    if told and told["threshold"] == result["threshold"]:
        right, share = 100 * told["precision"], 100 * told["recall"]
        notes.append(
            f"on validation classes, {right:.0f} % of what is shown so is right, and {share:.0f} % of objects are shown"
        )
    if result["ignored"]:
        told_so = counted(result["ignored"], "support object is", "support objects are")
        notes.append(f"{told_so} a crowd or called difficult, and not learnt from")
    if left := result["unannotated"]:
        pictures = counted(len(left), "support picture has", "support pictures have")
        notes.append(f"{pictures} no annotation, such as {printable(left[0])}, and no part")
    return (
        notes
        + [printable(one) for one in result["notes"]]
        + place_notes(result["passed_over"], result["differ_by_case"])
    )
