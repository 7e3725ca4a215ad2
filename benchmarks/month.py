"""`python -m benchmarks.month DIRECTORY`: a month of retraining by the clock, with all that goes wrong in a month.

Every day a span of images arrives, with more of the classes that are known and with new ones, and `fewshot schedule --once` runs.
One day nothing arrives, one day most files are damaged, one day the images are negatives, one day the run is killed, and one day
somebody rolls the model back. A run trains only where that is needed. After every day the model in production must load and
adapt. A model that was pushed must not be worse than the one before it, by its intervals, beyond the gate's margin: on all test
classes, on the episodes that the one before was pushed by, and on the classes that came since. No class may change its side.

What is random depends on `--seed` alone.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import typer
from PIL import Image, ImageOps

from components.few_shot_evaluator.settings import GateSettings
from components.fewshot.serving.manifest import Manifest
from components.fewshot.serving.served import ServedModel
from components.fewshot.serving.versions import version_paths
from components.pusher.destination import rollback
from data.glyphs import generate_glyphs

NOTHING, DAMAGED, NEGATIVE, KILLED, ROLLED_BACK = 9, 13, 17, 21, 25  # days
FIRST, EACH = 24, 8  # classes of the first day, and images of a class when it comes
NEW, MORE = 2, 10  # classes that are new each day, and known ones that get another image
KEPT = 3  # runs
RUN = [
    *("--preset", "images", "image.height=28", "image.width=28", "image.channels=1", "base_model.settings.filters=16"),
    *("training.steps=120", "training.validate_every=40", "baseline_steps=60", "validation_episodes=40"),
    *("test_episodes=200", "gate.require_baselines=false", f"keep_runs={KEPT}", "drift.retrain=needed"),
]


class Day(NamedTuple):
    """What came of a day."""

    number: int
    event: str
    images: int
    exit: int
    said: str
    version: str
    accuracy: object
    megabytes: float


def main(directory: Path, days: int = 30, seed: int = 0) -> None:
    """Prints a line and a row of the table for each day. Exits with 1 if production was ever worse, or could not be loaded."""
    month = Month(directory, random.Random(seed))
    wrong: list[str] = []
    for number in range(1, days + 1):
        day, faults = month.pass_day(number)
        for fault in faults:
            print(f"day {number}: {fault}", file=sys.stderr, flush=True)
        wrong += faults
        accuracy = f"{100 * day.accuracy:.1f}" if isinstance(day.accuracy, float) else ""
        row = (day.number, day.event, f"{day.images:,}", day.exit, accuracy, day.version, f"{day.megabytes:.0f}")
        print("| " + " | ".join(map(str, row)) + f" | {day.said} |", flush=True)
    print(f"{len(wrong)} faults" if wrong else "production was never worse, and always served")
    raise typer.Exit(bool(wrong))


class Month:
    """A folder in which spans arrive, and the root of the runs."""

    def __init__(self, directory: Path, rng: random.Random) -> None:
        self.photos, self.root, self.rng = directory / "photos", directory / "runs", rng
        whole = Path(generate_glyphs(str(directory / "glyphs")))
        self.waiting = sorted({path.parent for path in whole.rglob("00.png")})
        rng.shuffle(self.waiting)
        self.arrived: dict[Path, int] = {}  # classes, and how many images of them
        self.sides: dict[str, str] = {}

    def pass_day(self, number: int) -> tuple[Day, list[str]]:
        """Lets images arrive and the schedule run; returns what came of it, and what is wrong."""
        event = self._arrive(number)
        if number == ROLLED_BACK:
            rollback(str(self._destination))
        before = self._versions()
        if number == KILLED:
            self._run(kill_after=30.0)
        exit_code = self._run()
        if number == DAMAGED:
            shutil.rmtree(self.photos / f"span-{number}")  # somebody reads the log
        log = (self.root / "schedule" / "runs.log").read_text().splitlines()
        versions = self._versions()
        faults = self._faults(before, versions) + self._crossed()
        metrics = Manifest.read(versions[-1]).metrics if versions else {}
        day = Day(
            number,
            event,
            sum(1 for _ in self.photos.rglob("*.png")),
            exit_code,
            log[-1].partition(" ")[2].replace(f"{self.root}/", ""),
            os.path.basename(versions[-1]) if versions else "none",
            metrics.get("accuracy"),
            sum(path.stat().st_size for path in self.root.rglob("*") if path.is_file()) / 1e6,
        )
        return day, faults

    def _arrive(self, number: int) -> str:
        if number == NOTHING:
            return "nothing arrives"
        span = self.photos / f"span-{number}"
        for _ in range(FIRST if number == 1 else NEW):
            self._bring(self.waiting.pop(), EACH, span)
        for one in self.rng.sample(sorted(self.arrived), MORE) if number > 1 else ():
            self._bring(one, 1, span)
        files = sorted(span.rglob("*.png"))
        if number == DAMAGED:
            for one in files:
                shutil.copy(one, one.with_name(f"again-{one.name}"))
            for one in sorted(span.rglob("*.png")):
                one.write_bytes(one.read_bytes()[:60])
            return "damaged files"
        if number == NEGATIVE:
            for one in files:
                ImageOps.invert(Image.open(one).convert("L")).save(one)
            return "negatives"
        return {1: "the first images", KILLED: "killed, and run again", ROLLED_BACK: "rolled back before"}.get(
            number, ""
        )

    def _bring(self, one: Path, count: int, span: Path) -> None:
        """Up to `count` more images of a class come in a span."""
        come = sorted(one.glob("*.png"))[self.arrived.get(one, 0) :][:count]
        self.arrived[one] = self.arrived.get(one, 0) + len(come)
        target = span / one.parent.name / one.name
        target.mkdir(parents=True, exist_ok=True)
        for path in come:
            shutil.copy(path, target)

    def _run(self, kill_after: float | None = None) -> int:
        words = [sys.executable, "-m", "pipeline.cli", "schedule", "--once", "--root", str(self.root), "--", "run"]
        words += ["--images", f"{self.photos}/span-{{SPAN}}", *RUN]
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if kill_after is not None:
            time.sleep(kill_after)
            for path in Path("/proc").glob("[0-9]*/cmdline"):  # the schedule, and the run that it has started
                if f"--root\0{self.root}" in path.read_text(errors="replace"):
                    os.kill(int(path.parent.name), signal.SIGKILL)
        return process.wait()

    @property
    def _destination(self) -> Path:
        return self.root / "serving" / "images"

    def _versions(self) -> list[str]:
        return version_paths(str(self._destination))

    def _faults(self, before: list[str], now: list[str]) -> list[str]:
        """What is wrong with production: it must load and adapt, and a new one must not be worse than the one before."""
        if not now:
            return ["nothing is served"]
        model, pictures = ServedModel(now[-1]), [path.read_bytes() for path in sorted(self.photos.rglob("00.png"))[:4]]
        state = model.adapt(pictures, np.arange(len(pictures)))
        if not np.array_equal(np.argmax(model.predict(state, pictures), 1), np.arange(len(pictures))):
            return [f"{now[-1]} does not know its own support images"]
        if not before or now[-1] in before:
            return []
        metrics: dict[str, Any] = Manifest.read(now[-1]).metrics
        found = {"all test classes": metrics["production"] or {}, **metrics["arrivals"]}
        differences = {what: one["difference"] for what, one in found.items() if "difference" in one}
        worse = [what for what, one in differences.items() if one["mean"] - one["ci95"] < -GateSettings().margin]
        return [f"pushed, although worse on {what}: {json.dumps(differences[what])}" for what in worse]

    def _crossed(self) -> list[str]:
        ledger = self.root / "sides.json"
        found = json.loads(ledger.read_text()) if ledger.exists() else {}
        now = {name: split for split, names in found.items() for name in names}
        crossed = [name for name, split in self.sides.items() if now.get(name) != split]
        self.sides |= now
        return [f"{name} has changed its side" for name in crossed]


if __name__ == "__main__":
    typer.run(main)
