"""`python -m benchmarks.kills`: compares runs that are killed at random moments with a run that is not.

A run is killed (SIGKILL, with all its children) after a random time and started again, until it ends. Then the next run starts,
until there have been enough kills. The weights and metrics of every run must be equal to those of the unbroken run, bit for bit.
After each kill, every model at the destination must be complete.
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
    """Prints one line per kill, and what differs after each run. Exits with 1 if anything differs."""
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
    """Kills a run up to `most` times, each time after `delay()` seconds, and lets it end. Returns the number of kills."""
    killed = 0
    while True:
        process = start(root)
        try:
            process.wait(delay() if killed < most else None)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            killed += 1
            print(f"  killed {where(root)}; complete models at the destination: {models_at(root)}", flush=True)
            continue
        if process.returncode:
            raise SystemExit(f"the run failed with exit code {process.returncode}; see {root}/logs")
        return killed


def start(root: Path) -> subprocess.Popen[bytes]:
    """Starts a run in a process group of its own and returns its process."""
    command = [sys.executable, "-m", "pipeline.cli", "run", *SETTINGS, "--root", str(root)]
    silent = subprocess.DEVNULL
    return subprocess.Popen(command, stdout=silent, stderr=silent, start_new_session=True)


def where(root: Path) -> str:
    """Returns which node started last, in words."""
    nodes = [path for path in (root / "artifacts").glob("*") if path.is_dir()]
    return (
        f"after {max(nodes, key=lambda path: path.stat().st_mtime).name} started" if nodes else "before the first node"
    )


def models_at(root: Path) -> int:
    """Returns the number of models at the destination. It raises an error if one of them cannot be loaded."""
    versions = [path for path in (root / "serving").glob("*/*") if path.name.isdigit()]
    return len([ServedModel(str(path)) for path in versions])


def outcome(root: Path) -> dict[str, object]:
    """Returns the weights of every model, by node, and the metrics."""
    found: dict[str, object] = {}
    for path in (root / "artifacts").rglob("weights.npz"):
        with np.load(path) as arrays:
            weights = {key: arrays[key].tobytes() for key in arrays.files}
        found[f"{path.relative_to(root / 'artifacts').parts[0]} weights"] = weights
    for path in (root / "artifacts").rglob("metrics.json"):
        found["metrics"] = json.loads(path.read_text())
    if len(found) != 5 or models_at(root) != 1:
        raise SystemExit(f"expected four models, metrics and one pushed model in {root}, found {sorted(found)}")
    return found


def differences(expected: dict[str, object], found: dict[str, object]) -> list[str]:
    """Returns the names of the entries that differ."""
    return [name for name in expected if found.get(name) != expected[name]]


if __name__ == "__main__":
    typer.run(main)
