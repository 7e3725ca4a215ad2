"""`fewshot runs explain`: why each node of a run was executed, or came from the cache, in words.

The cache goes by a node's inputs and settings. So a node that was executed is compared with the run before that had most in
common with it, and what differs is the reason.
"""

import json
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from pipeline.history.metadata import read_history
from pipeline.history.runs import run_named
from pipeline.history.values import Execution, History, Value

SHOWN = 4  # reasons of a node in the terminal
LONGEST = 40  # letters of a value
# Settings that stand for something else; of a longer key the last part counts.
IN_WORDS = {
    "code_fingerprint": "its code is other",
    "fingerprint": "the images are others",
    "base_model_weights": "the weights of the base model are others",
    "served": "another model is served",
}
NOWHERE = "nothing differs: what it had made is damaged, removed, or was never finished"


class Explanation(NamedTuple):
    """Why a node did what it did in a run.

    Attributes:
      node: its name.
      state: complete, cached, failed, running.
      compared: the run that it was compared with, or took its outputs from; None without an earlier one.
      reasons: what differs from that run; empty for a node from the cache.
    """

    node: str
    state: str
    compared: str | None
    reasons: list[str]


def explain(root: str, run_id: str) -> tuple[str, list[Explanation]]:
    """Returns the id of a run, and why each of its nodes was executed, in their order.

    Args:
      run_id: also the beginning of an id, or `latest`.

    Raises:
      ValueError: there is no such run, or no ML Metadata store.
    """
    history = read_history(root)
    found = run_named(history, root, run_id)
    return found, [_explained(history, one) for one in history.executions.values() if one.run_id == found]


def show(run_id: str, found: list[Explanation]) -> None:
    """Prints a paragraph for each node."""
    width = max(len(one.node) for one in found) + 2
    before = Counter(one.compared for one in found if one.compared and one.state != "cached").most_common(1)
    usual = before[0][0] if before else None
    print(f"run {run_id}" + (f", and what differs from run {usual}" if usual else ""))
    for one in found:
        text = f"{one.node:<{width}}{_words(one, usual)}"
        print(textwrap.fill(text, 80, subsequent_indent=" " * width, break_on_hyphens=False, break_long_words=False))


def _words(one: Explanation, usual: str | None) -> str:
    if one.state == "cached":
        return f"from the cache, as of run {one.compared}"
    if one.compared is None:
        return f"{_DONE[one.state]}: no run before had this node"
    more = f"; and {len(one.reasons) - SHOWN:,} more" if len(one.reasons) > SHOWN else ""
    other = "" if one.compared == usual else f" (since run {one.compared})"
    return f"{_DONE[one.state]}: {'; '.join(one.reasons[:SHOWN])}{more}{other}"


_DONE = {"complete": "executed", "failed": "failed", "running": "running", "canceled": "ended"}


def _explained(history: History, execution: Execution) -> Explanation:
    if execution.state == "cached":
        made = next((artifact for ids in execution.outputs.values() for artifact in ids), None)
        maker = None if made is None else history.maker(made)
        return Explanation(execution.node, execution.state, maker.run_id if maker else None, [])
    before = [
        one
        for one in history.executions.values()
        if (one.pipeline, one.node) == (execution.pipeline, execution.node)
        and one.id < execution.id
        and one.state in ("complete", "cached")
    ]
    if not before:
        return Explanation(execution.node, execution.state, None, [])
    reasons, nearest = min(
        ((_reasons(history, execution, one), one) for one in before), key=lambda pair: (len(pair[0]), -pair[1].id)
    )
    return Explanation(execution.node, execution.state, nearest.run_id, reasons or [NOWHERE])


def _reasons(history: History, now: Execution, before: Execution) -> list[str]:
    """What differs: inputs first, because what made them has reasons of its own."""
    told = []
    read = {
        key: ids for key, ids in sorted(now.inputs.items()) if not key.startswith("_")
    }  # and not why it runs at all
    if new := [key for key, ids in read.items() if ids != before.inputs.get(key)]:
        told.append(f"new inputs: {', '.join(f'{key} ({_maker(history, now.inputs[key])})' for key in new)}")
    if gone := sorted(before.inputs.keys() - now.inputs.keys()):
        told.append(f"without the inputs {', '.join(gone)}")
    ours, theirs = dict(_flat(now.settings)), dict(_flat(before.settings))
    changed = [key for key in sorted(ours.keys() | theirs.keys()) if ours.get(key) != theirs.get(key)]
    words = [
        IN_WORDS.get(key.rpartition(".")[2]) or f"{key} was {_value(theirs, key)} and is {_value(ours, key)}"
        for key in changed
    ]
    return told + list(dict.fromkeys(words))


def _maker(history: History, artifacts: list[int]) -> str:
    return ", ".join(dict.fromkeys(maker.node for one in artifacts if (maker := history.maker(one))))


def _flat(settings: Mapping[str, Value], prefix: str = "") -> Iterator[tuple[str, Value]]:
    """Settings by their full keys: `training.steps` of {training: {steps: ...}}, and without the word `settings` before them."""
    for key, value in settings.items():
        name = prefix if key == "settings" and not prefix else f"{prefix}.{key}".strip(".")
        if isinstance(value, dict) and value:
            yield from _flat(value, name)
        else:
            yield name, value


def _value(settings: Mapping[str, Value], key: str) -> str:
    if key not in settings:
        return "nothing"
    text = json.dumps(settings[key], ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
