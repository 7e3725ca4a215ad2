"""`fewshot adapt`, whatever the kind of the model: which function adapts it, and which options say something to it."""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from components.fewshot.serving.opening import kind_of
from pipeline.commands.adapt import adapt, check_file, write_csv
from pipeline.commands.coco_file import write_coco
from pipeline.commands.detect import detect, write_table
from pipeline.commands.detected_page import write_detected
from pipeline.commands.inputs import find_model
from pipeline.terminal.detected import show_detected
from pipeline.terminal.json_output import print_json
from pipeline.terminal.show import show_adapted


class Asked(NamedTuple):
    """The options of `fewshot adapt`, None where one is not given."""

    model: str
    support: str | None
    annotations: str | None
    query: str | None
    state: str | None
    save_state: str | None
    top: int | None
    threshold: float | None
    csv: str | None
    html: str | None
    coco: str | None
    pictures: str | None
    json: bool


def adapt_model(asked: Asked) -> bool:
    """Adapts a model, writes and prints what it predicts, and returns whether all queries could be read.

    Raises:
      ValueError: an option says nothing to a model of this kind, a file cannot be written, or as `adapt` and `detect`.
    """
    kind = KINDS[kind_of(find_model(asked.model))]
    for option in kind.says_nothing:
        if getattr(asked, option) is not None:
            raise ValueError(f"--{option}: says nothing to {asked.model}, a model that {kind.does}; leave it out")
    for option in ("csv", "html", "coco", "save_state"):
        check_file(f"--{option.replace('_', '-')}", getattr(asked, option))
    if asked.pictures and tf.io.gfile.exists(asked.pictures) and not tf.io.gfile.isdir(asked.pictures):
        raise ValueError(f"--pictures {asked.pictures}: expected the name of a folder, got a file")
    return kind.run(asked)


def _name(asked: Asked) -> bool:
    result = adapt(asked.model, asked.support, asked.query, asked.state, asked.save_state, asked.html)
    if asked.csv:
        write_csv(asked.csv, result["predictions"])
    print_json(result) if asked.json else show_adapted(result, asked.top or 1)
    return not result["set_aside"]


def _find(asked: Asked) -> bool:
    found = detect(
        asked.model, asked.support, asked.query, asked.annotations, asked.state, asked.save_state, asked.threshold
    )
    result, pictures = found.result, found.result["pictures"]
    if asked.csv:
        write_table(asked.csv, pictures)
    if asked.coco:
        write_coco(asked.coco, pictures, result["classes"])
    if asked.html:
        write_detected(asked.html, result, found.learnt)
    if asked.pictures:
        from pipeline.commands.drawn import write_drawn  # its fonts take a second

        write_drawn(asked.pictures, pictures, found.names, result["classes"])
    print_json(result) if asked.json else show_detected(result)
    return not result["set_aside"]


class Kind(NamedTuple):
    """What models of a kind are adapted by."""

    does: str
    run: Callable[[Asked], bool]
    says_nothing: tuple[str, ...]  # options


KINDS = {
    "classification": Kind("names whole images", _name, ("annotations", "threshold", "coco", "pictures")),
    "detection": Kind("finds objects", _find, ("top",)),
}
