"""`python -m benchmarks.kills --directory D`: compares runs that are killed at random moments with a run that is not.

A run is killed (SIGKILL, with all its children) and started again, until it ends. Then the next run starts, until there have been
enough kills. Half of the moments are anywhere in the time of a run; a quarter is at the start of a node, when it looks at its
inputs and at the cache; a quarter is at its end, when its result is published. After each kill, every model at the destination
must load. When a run has ended, the weights of all models, all metrics and the model at the destination must be those of the
unbroken run.

The moments depend on `--seed` alone. What was done is in `D/state.json`; the same command goes on from there.
"""

import json
import multiprocessing
import os
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, TypedDict

import numpy as np
import typer

from components.fewshot.serving.served import ServedModel
from data.glyphs import generate_glyphs
from pipeline.history.database import opened

CLASSES = {"train": 30, "val": 10, "test": 12}  # of the glyphs: enough for an episode, few enough for a short run
SETTINGS = ["training.steps=30", "training.validate_every=10", "training.checkpoint_every=3"]
BLESSED = ["gate.threshold=0", "gate.require_baselines=false"]  # so that each run pushes
NODES = 12
PROCESSES = multiprocessing.get_context("forkserver")  # each run has a fresh process, but TFX is imported only once


class Kill(TypedDict):
    """One kill: of which run, aimed at what, after how many seconds, and what ML Metadata says was going on."""

    run: str
    aim: str
    seconds: float
    node: str
    phase: str


class State(TypedDict):
    """What was done so far: the seconds of the unbroken run, the kills, and of each run that has ended what differs."""

    took: float
    kills: list[Kill]
    ended: dict[str, list[str]]


def main(
    kills: int = 100,
    seed: int = 0,
    directory: Annotated[Path | None, typer.Option(help="Of all runs and of state.json; a new one by default.")] = None,
) -> None:
    """Prints one line per kill, what differs after each run, and a table. Exits with 1 if anything differs."""
    work = directory or Path(tempfile.mkdtemp(prefix="fewshot-kills-"))
    PROCESSES.set_forkserver_preload(["pipeline.commands.run", "pipeline.terminal.show"])
    images, state = write_images(work), read_state(work)
    if not state["took"]:
        state["took"] = unbroken(work / "unbroken", images)
        write_state(work, state)
    expected = outcome(work / "unbroken")
    print(f"{work}: unbroken {state['took']:.0f} s, {len(state['kills'])} of {kills} kills done", flush=True)
    while len(state["kills"]) < kills or any(kill["run"] not in state["ended"] for kill in state["kills"]):
        name = f"broken-{len(state['ended']) + 1}"
        for kill in break_and_finish(work / name, images, state, kills, seed):
            state["kills"].append(kill)
            write_state(work, state)
            told = f"{kill['phase']} of {kill['node']}, models at the destination: {models_at(work / name)}"
            print(f"  kill {len(state['kills'])} after {kill['seconds']:.1f} s: {told}", flush=True)
        state["ended"][name] = differences(expected, outcome(work / name))
        write_state(work, state)
        print(f"{name} has ended; differing: {', '.join(state['ended'][name]) or 'nothing'}", flush=True)
        if not state["ended"][name]:
            shutil.rmtree(work / name)
    show(state)
    if any(state["ended"].values()):
        raise typer.Exit(1)


def write_images(work: Path) -> list[str]:
    """Returns the options that name a small image set, which is made if it is not there."""
    whole, part = Path(generate_glyphs(str(work / "glyphs"))), work / "images"
    for split, count in CLASSES.items():
        for folder in sorted(path.parent for path in (whole / split).rglob("00.png"))[:count]:
            target = part / split / folder.relative_to(whole / split)
            shutil.copytree(folder, target, dirs_exist_ok=True)
    return [word for split in CLASSES for word in (f"--{split}-dir", str(part / split))]


class Run:
    """A run in a process and a process group of its own. What it says goes to a file beside its root."""

    def __init__(self, root: Path, images: list[str]) -> None:
        self.root, self._output = root, root.parent / "output.txt"
        self._output.write_text("")
        words = ["run", "--preset", "glyphs-tiny", *images, "--root", str(root), *SETTINGS, *BLESSED]
        self._process = PROCESSES.Process(target=_run, args=(words, str(self._output)))
        self._process.start()
        self.began = time.monotonic()

    @property
    def alive(self) -> bool:
        """Whether the run has not ended."""
        return self._process.is_alive()

    @property
    def ended_nodes(self) -> int:
        """How many nodes have reported their end."""
        return self._output.read_text().count(f"/{NODES} ")

    def kill(self) -> None:
        """Kills the run with all its children."""
        pid = self._process.pid
        try:
            os.killpg(pid, signal.SIGKILL)  # type: ignore[arg-type]  # it was started
        except ProcessLookupError:  # it has no group of its own yet
            self._process.kill()
        self._process.join()

    def finish(self) -> None:
        """Waits for the end. It raises an error with what the run said if it failed."""
        self._process.join()
        if self._process.exitcode:
            raise SystemExit(f"the run failed with exit code {self._process.exitcode}:\n{self._output.read_text()}")


def _run(words: list[str], output: str) -> None:
    """In the new process, where TFX is imported already."""
    os.setsid()
    with open(output, "w") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    sys.argv = ["fewshot"]  # TFX reads it
    from pipeline.cli import app

    app(words)


def unbroken(root: Path, images: list[str]) -> float:
    """Lets a run end, and returns its seconds."""
    shutil.rmtree(root, ignore_errors=True)
    run = Run(root, images)
    run.finish()
    return time.monotonic() - run.began


def break_and_finish(root: Path, images: list[str], state: State, most: int, seed: int) -> Iterator[Kill]:
    """Starts a run again and again, kills it each time, and ends when it has ended before its kill."""
    while True:
        number = len(state["kills"])
        rng = random.Random(f"{seed} {number}")
        aim = ("any", "start", "any", "end")[number % 4] if number < most else ""
        run = Run(root, images)
        try:
            if not aim or not AIMS[aim](run, rng, state["took"]):
                run.finish()
                return
        finally:
            if run.alive:
                run.kill()
        node, phase = where(root)
        seconds = round(time.monotonic() - run.began, 2)
        yield Kill(run=root.name, aim=aim, seconds=seconds, node=node, phase=phase)


def at_any(run: Run, rng: random.Random, took: float) -> bool:
    """Waits until any moment of a run. Returns whether the run is still there."""
    return waited(run, lambda: False, most=rng.uniform(0, took))


def at_a_start(run: Run, rng: random.Random, took: float) -> bool:
    """Waits until a node has reported its end, and a moment more: then the next one looks at its inputs and at the cache."""
    count = rng.randint(1, NODES - 1)
    return waited(run, lambda: run.ended_nodes >= count) and waited(run, lambda: False, most=rng.uniform(0, 0.15))


def at_an_end(run: Run, rng: random.Random, took: float) -> bool:
    """Waits until an executor has ended, and a moment more: then its result is published."""
    killed = executing(run.root)
    for _ in range(rng.randint(1, 4)):
        waited(run, lambda: bool(executing(run.root) - killed))
        waited(run, lambda: not executing(run.root) - killed)
    return waited(run, lambda: False, most=rng.uniform(0, 0.04))


AIMS = {"any": at_any, "start": at_a_start, "end": at_an_end}


def waited(run: Run, happened: Callable[[], bool], most: float = float("inf")) -> bool:
    """Waits until something has happened or `most` seconds are over. Returns whether the run is still there."""
    end = time.monotonic() + most
    while time.monotonic() < end and run.alive and not happened():
        time.sleep(0.002)
    return run.alive


def executing(root: Path) -> set[Path]:
    """Returns a folder for each executor that is at work, or was when it was killed: TFX removes it before it publishes."""
    return set((root / "artifacts").glob("*/.system/executor_execution/*/.temp"))


def where(root: Path) -> tuple[str, str]:
    """Returns the node and the phase in which a run was killed.

    It looks at a copy: to open the database itself would roll its journal back, which the next run must be able to do.
    """
    with tempfile.TemporaryDirectory() as copy:
        for path in root.glob("metadata.sqlite*"):
            shutil.copy(path, copy)
        try:
            with opened(os.path.join(copy, "metadata.sqlite")) as connection:
                found = connection.execute(LATEST).fetchone()
        except sqlite3.DatabaseError:
            found = None
    if found is None:
        return "the first node", "before"
    execution, name, state = found
    node = name.split(".")[-1]
    if state != RUNNING:
        return node, "after"  # or before the next node, whose execution is not yet noted
    if str(execution) in {path.parent.name for path in executing(root)}:
        return node, "executor"
    return node, "publish" if any((root / "artifacts" / node).glob(f"*/{execution}")) else "driver"


RUNNING = 2
LATEST = """SELECT e.id, c.name, e.last_known_state FROM Execution e JOIN Association a ON a.execution_id = e.id
JOIN Context c ON c.id = a.context_id JOIN Type t ON t.id = c.type_id WHERE t.name = 'node' ORDER BY e.id DESC LIMIT 1"""


def models_at(root: Path) -> int:
    """Returns the number of models at the destination. It raises an error if one of them cannot be loaded."""
    return len([ServedModel(str(path)) for path in versions_at(root)])


def versions_at(root: Path) -> list[Path]:
    """Returns the directories that a server would load."""
    return [path for path in (root / "serving").glob("*/*") if path.name.isdigit()]


def outcome(root: Path) -> dict[str, object]:
    """Returns the weights of every model, by node, the metrics, and the weights and metrics at the destination."""
    found: dict[str, object] = {}
    for path in (root / "artifacts").rglob("weights.npz"):
        found[f"{path.relative_to(root / 'artifacts').parts[0]} weights"] = arrays_of(path)
    for path in (root / "artifacts").rglob("metrics.json"):
        found["metrics"] = json.loads(path.read_text())
    found["number of models at the destination"] = models_at(root)
    for path in versions_at(root):
        found["pushed weights"] = arrays_of(path / "assets.extra" / "weights.npz")
        found["pushed metrics"] = json.loads((path / "assets.extra" / "fewshot.json").read_text())["metrics"]
    found["pushed metrics"] = without_paths(found.get("pushed metrics"), root)
    found["metrics"] = without_paths(found.get("metrics"), root)
    return found


def arrays_of(path: Path) -> dict[str, bytes]:
    """Returns the arrays of a file of weights."""
    with np.load(path) as arrays:
        return {key: arrays[key].tobytes() for key in arrays.files}


def without_paths(value: object, root: Path) -> object:
    """Returns a JSON value without the root of its run."""
    return json.loads(json.dumps(value).replace(str(root), ""))


def differences(expected: dict[str, object], found: dict[str, object]) -> list[str]:
    """Returns the names of the entries that differ, or that only one side has."""
    return sorted(name for name in {*expected, *found} if found.get(name) != expected.get(name))


def show(state: State) -> None:
    """Prints where the kills were, and how many runs differ."""
    for (node, phase), count in Counter((kill["node"], kill["phase"]) for kill in state["kills"]).most_common():
        print(f"{count:>4}  {phase} of {node}")
    differing = sum(bool(names) for names in state["ended"].values())
    print(f"{len(state['kills'])} kills of {len(state['ended'])} runs; runs that differ: {differing}")


def read_state(work: Path) -> State:
    """Returns what an earlier start of this benchmark has noted."""
    path = work / "state.json"
    return json.loads(path.read_text()) if path.exists() else State(took=0.0, kills=[], ended={})


def write_state(work: Path, state: State) -> None:
    """Notes what was done; a kill leaves the earlier note."""
    beside = work / "state.json.new"
    beside.write_text(json.dumps(state, indent=1))
    os.replace(beside, work / "state.json")


if __name__ == "__main__":
    typer.run(main)
