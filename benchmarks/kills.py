"""`python -m benchmarks.kills`: runs killed at random moments, against one that was never stopped.

A run is killed (SIGKILL, with all its children) after a random time and started again, until it ends; then the next one, until
there have been as many kills as asked for. Weights and metrics of every run must equal those of the unbroken one, bit for bit,
and after each kill whatever stands at the destination must be a whole model.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from components.fewshot.serving.served import ServedModel

SETTINGS = ["--preset", "glyphs-tiny", "training.steps=300", "training.checkpoint_every=10"]


def main(kills: int = 10, seed: int = 0, directory: Annotated[Path | None, typer.Option()] = None) -> None:
    """Prints a line a kill, then what was equal; exits 1 if anything was not."""
    work = directory or Path(tempfile.mkdtemp(prefix="fewshot-kills-"))
    began = time.monotonic()
    start(work / "unbroken").wait()
    took = time.monotonic() - began
    expected = outcome(work / "unbroken")
    print(f"unbroken: {took:.0f} s, {len(expected)} files of weights and metrics", flush=True)
    rng, done, broken = random.Random(seed), 0, 0
    while done < kills:
        broken += 1
        done += break_and_finish(work / f"broken-{broken}", kills - done, lambda: rng.uniform(0, took / 2))
        differing = differences(expected, outcome(work / f"broken-{broken}"))
        print(f"run {broken} ended after {done} kills in all; differing: {differing or 'nothing'}", flush=True)
        if differing:
            raise typer.Exit(1)


def break_and_finish(root: Path, most: int, delay: Callable[[], float]) -> int:
    """Kills a run at most so often, lets it end, and tells how often it was killed."""
    killed = 0
    while True:
        process = start(root)
        try:
            process.wait(delay() if killed < most else None)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            killed += 1
            print(f"  killed {where(root)}; at the destination: {models_at(root)} whole", flush=True)
            continue
        if process.returncode:
            raise SystemExit(f"the run failed: {process.returncode}; see {root}/logs")
        return killed


def start(root: Path) -> subprocess.Popen[bytes]:
    """A run in a process group of its own."""
    command = [sys.executable, "-m", "pipeline.cli", "run", *SETTINGS, "--root", str(root)]
    silent = subprocess.DEVNULL
    return subprocess.Popen(command, stdout=silent, stderr=silent, start_new_session=True)


def where(root: Path) -> str:
    """The node that had begun last."""
    nodes = [path for path in (root / "artifacts").glob("*") if path.is_dir()]
    return f"after {max(nodes, key=lambda path: path.stat().st_mtime).name} began" if nodes else "before the first node"


def models_at(root: Path) -> int:
    """Number of models at the destination; raises if one of them does not load."""
    versions = [path for path in (root / "serving").glob("*/*") if path.name.isdigit()]
    return len([ServedModel(str(path)) for path in versions])


def outcome(root: Path) -> dict[str, object]:
    """Weights of every model and the metrics, by node."""
    found: dict[str, object] = {}
    for path in (root / "artifacts").rglob("weights.npz"):
        with np.load(path) as arrays:
            weights = {key: arrays[key].tobytes() for key in arrays.files}
        found[f"{path.relative_to(root / 'artifacts').parts[0]} weights"] = weights
    for path in (root / "artifacts").rglob("metrics.json"):
        found["metrics"] = json.loads(path.read_text())
    if len(found) != 5 or models_at(root) != 1:
        raise SystemExit(f"expected four models, metrics and a pushed model in {root}, found {sorted(found)}")
    return found


def differences(expected: dict[str, object], found: dict[str, object]) -> list[str]:
    """Names of what is not equal."""
    return [name for name in expected if found.get(name) != expected[name]]


if __name__ == "__main__":
    typer.run(main)
