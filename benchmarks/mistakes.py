"""`python -m benchmarks.mistakes --root fewshot-runs`: what the detectors of a run in a folder lose AP50 by.

A column says by how many points AP50 would be higher without mistakes of one kind (Bolya et al. 2020,
https://arxiv.org/abs/2008.08115, have more of them): a detection that is wrong is left out, and an object that is missed is not
asked for.

- `stranger`: it lies on an object of a class outside the episode;
- `another`: on one of another class of the episode;
- `place`: beside an object of its class, which it overlaps, but not by half;
- `twice`: on an object that a surer one has found;
- `background`: on none of these;
- `missed`: nothing lies on the object and has its class, however unsure.
"""

from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.detection import episodes_of, models_of
from components.fewshot.episodes.scenes import STRANGER, Detections
from components.fewshot.evaluation.detection_judging import EncodedScenes
from components.fewshot.evaluation.detections import Truth, score
from components.fewshot.evaluation.matching import match, overlaps
from pipeline.history.runs import show_run

HALF, BESIDE = 0.5, 0.1  # overlap from which on a detection lies on an object, or beside it
WRONG = ("stranger", "another", "place", "twice", "background")


def main(
    root: Annotated[str, typer.Option()] = "fewshot-runs",
    run: Annotated[str, typer.Option(help="Its id, or the beginning of it.")] = "latest",
    episodes: int = 60,
    shots: Annotated[list[int], typer.Option("--shot")] = [1, 5],  # noqa: B006 (typer copies it)
) -> None:
    """Prints the table."""
    run = show_run(root, run).run.run_id
    table = Table("model", "shots", "AP50, %", *WRONG, "missed", box=None)
    for shot in shots:
        encoded = episodes_of(root, run, shot, episodes)
        for node, model in models_of(root, run):
            found = [(one, one.found_by(model)) for one in encoded]
            base = mean_ap50(found)
            kinds = [kinds_of(what, one.truth) for one, what in found]
            gains = [
                mean_ap50([(one, without(kind, what, of)) for (one, what), of in zip(found, kinds, strict=True)])
                for kind in WRONG
            ]
            gains.append(mean_ap50([(one._replace(truth=asked_for(what, one.truth)), what) for one, what in found]))
            table.add_row(node, str(shot), f"{base:.1f}", *(f"{gain - base:+.1f}" for gain in gains))
    Console(width=110).print(table)


def mean_ap50(found: list[tuple[EncodedScenes, Detections]]) -> float:
    """In %."""
    figures = [score(0, 0, what, one.truth, one.classes, 0.0).figure for one, what in found]
    return 100 * float(np.mean(figures))


def without(kind: str, found: Detections, kinds: np.ndarray) -> Detections:
    """What was found, without wrong detections of a kind; `kinds` [Q, N] are those of `kinds_of`."""
    return found._replace(classes=np.where(kinds == WRONG.index(kind), -1, found.classes))


def kinds_of(found: Detections, truth: Truth) -> np.ndarray:
    """The place in WRONG of each detection, int [Q, N]; -1 of one that is not wrong."""
    classes, labels = found.classes[:, :, None], truth.labels[:, None]
    overlap = overlaps(found.boxes, truth.boxes, np.zeros_like(truth.labels, bool))
    own, another, stranger = (
        np.where(which, overlap, 0).max(-1, initial=0)
        for which in (classes == labels, (labels >= 0) & (classes != labels), labels == STRANGER)
    )
    cases = [own >= HALF, np.maximum(another, stranger) < HALF, stranger >= another]
    elsewhere = np.where(own >= BESIDE, WRONG.index("place"), WRONG.index("background"))
    kinds = np.select(cases, [WRONG.index("twice"), elsewhere, WRONG.index("stranger")], WRONG.index("another"))
    wrong = match(found.boxes, found.classes, truth.boxes, truth.labels, truth.pixels, ("all",)).wrong[0, 0]
    return np.where(wrong, kinds, -1)


def asked_for(found: Detections, truth: Truth) -> Truth:
    """What there is, without the objects that are missed: they are strangers, unless nothing else were left."""
    overlap = overlaps(found.boxes, truth.boxes, np.zeros_like(truth.labels, bool))
    met = ((overlap >= HALF) & (found.classes[:, :, None] == truth.labels[:, None])).any(1)
    labels = np.where((truth.labels >= 0) & ~met, STRANGER, truth.labels)
    return truth._replace(labels=labels) if (labels >= 0).any() else truth


if __name__ == "__main__":
    typer.run(main)
