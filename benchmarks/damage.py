"""`python -m benchmarks.damage [CASE ...]`: damages a finished run, runs again, and compares with a run that was never damaged.

A case is one row: the damage, what the next two runs say, and whether they end as they would without it. The first of them has
the same settings, so that most of it comes from the cache. The second has other settings, so that what is damaged is read: other
steps of the baseline (images, episodes, models, checkpoints), or another size of images (examples, schema, statistics).

Where something cannot be made again, the runs must fail with a sentence; then what it says is done, and the runs must end well.
"""

import hashlib
import json
import multiprocessing
import os
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer

SETTINGS = ["--preset", "glyphs-tiny", "training.steps=6", "training.validate_every=3", "training.checkpoint_every=3"]
SETTINGS += ["gate.require_baselines=false", "gate.threshold=0", "gate.margin=1", "gate.drift_margin=1"]
OTHER_BASELINE, OTHER_SIZE = ["baseline_steps=4"], ["image.height=20", "image.width=20"]
KEPT = ("data", "logs")  # in the root, and never damaged

_processes = multiprocessing.get_context("forkserver")  # each run has a fresh process, but TFX is imported only once


class Outcome(NamedTuple):
    """What a run left: its exit code, what it said, its figures, and the weights of the versions at the destination."""

    code: int
    said: list[str]
    figures: dict[str, object]
    served: list[str]

    def equals(self, other: "Outcome") -> bool:
        """Returns whether two runs ended in the same way, whatever they said."""
        return (self.code, self.figures, self.served) == (other.code, other.figures, other.served)


Damage = Callable[[Path], None]


def one(root: Path, pattern: str) -> Path:
    """Returns the newest path below `root` that matches a glob pattern; there must be one."""
    return max(root.glob(pattern), key=lambda path: (path.stat().st_mtime, str(path)))


def flipped(pattern: str) -> Damage:
    """Returns a function that changes one bit in the middle of the newest file of a pattern."""
    return lambda root: flip(one(root, pattern))


def flipped_throughout(pattern: str, every: int = 200) -> Damage:
    """Returns a function that changes one bit in so many bytes of the newest file of a pattern: at least one in each image."""

    def damage(root: Path) -> None:
        path = one(root, pattern)
        content = np.fromfile(path, np.uint8)
        content[::every] ^= 1
        content.tofile(path)

    return damage


def all_flipped(pattern: str) -> Damage:
    """Returns a function that does the same to every file of a pattern."""

    def damage(root: Path) -> None:
        for path in root.glob(pattern):
            flip(path)

    return damage


def flip(path: Path) -> None:
    """Changes one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def without_last_record(pattern: str) -> Damage:
    """Returns a function that removes the last record of a TFRecord file, and leaves a file that can be read."""

    def damage(root: Path) -> None:
        path = one(root, pattern)
        content, ends = path.read_bytes(), [0]
        while ends[-1] < len(content):  # length (8 bytes), its checksum (4), the record, its checksum (4)
            ends.append(ends[-1] + 16 + int.from_bytes(content[ends[-1] : ends[-1] + 8], "little"))
        path.write_bytes(content[: ends[-2]])

    return damage


def cut(pattern: str) -> Damage:
    """Returns a function that removes the second half of a file."""
    return lambda root: os.truncate(one(root, pattern), one(root, pattern).stat().st_size // 2)


def changed_letter(pattern: str, text: bytes) -> Damage:
    """Returns a function that changes a letter of a text in a file, where it stands last."""

    def damage(root: Path) -> None:
        path = one(root, pattern)
        content = bytearray(path.read_bytes())
        content[content.rindex(text) + 1] ^= 1
        path.write_bytes(content)

    return damage


def all_of(*damages: Damage) -> Damage:
    """Returns a function that does several damages."""

    def damage(root: Path) -> None:
        for each in damages:
            each(root)

    return damage


def removed(pattern: str) -> Damage:
    """Returns a function that removes a file, or a directory with all that is in it."""

    def damage(root: Path) -> None:
        path = one(root, pattern)
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return damage


EPISODES, MODEL, SERVED = "artifacts/EpisodeGenerator/episodes/*", "artifacts/MetaTrainer/model/*", "serving/*/[0-9]*"
BUNDLE = "variables/variables.data-00000-of-00001"

# The name of each case, and what it does to the root of a finished run.
CASES: dict[str, Damage] = {
    "train-shard": flipped_throughout(f"{EPISODES}/Split-train/store/shard-*.bin"),
    "validation-shard": flipped_throughout(f"{EPISODES}/Split-val/store/shard-*.bin"),
    "test-shard": flipped_throughout(f"{EPISODES}/Split-test/store/shard-*.bin"),
    "part": flipped(f"{EPISODES}/Split-train/store/part-00000.npz"),
    "index": flipped(f"{EPISODES}/Split-train/store/index.json"),
    "episodes-cut": without_last_record(f"{EPISODES}/Split-test/episodes-*.tfrecord"),
    "episodes-flipped": flipped(f"{EPISODES}/Split-test/episodes-*.tfrecord"),
    "episodes-deleted": removed(EPISODES),
    "variables": flipped(f"{MODEL}/Format-Serving/{BUNDLE}"),
    "graph": flipped(f"{MODEL}/Format-Serving/saved_model.pb"),
    "weights": flipped(f"{MODEL}/Format-Serving/assets.extra/weights.npz"),
    "model-deleted": removed(MODEL),
    "baseline-variables": flipped(f"artifacts/Baseline/model/*/Format-Serving/{BUNDLE}"),
    "checkpoints-and-model": all_of(all_flipped("checkpoints/*/checkpoint.npz"), removed(MODEL)),
    "transform-graph": flipped("artifacts/Transform/transform_graph/*/transform_fn/saved_model.pb"),
    "raw-examples": flipped("artifacts/ImageExampleGen/examples/*/Split-train/*.gz"),
    "raw-test-examples": flipped("artifacts/ImageExampleGen/examples/*/Split-test/*.gz"),
    "summary": flipped("artifacts/ImageExampleGen/examples/*/summary.json"),
    "schema": flipped("artifacts/ImageSchema/schema/*/schema.pbtxt"),
    "statistics": removed("artifacts/StatisticsGen/statistics/*/Split-val"),
    "metrics": flipped("artifacts/FewShotEvaluator/evaluation/*/metrics.json"),
    "evaluation-deleted": removed("artifacts/FewShotEvaluator/evaluation/*"),
    "blessing-deleted": removed("artifacts/FewShotEvaluator/blessing/*"),
    "list-of-files": flipped(f"{MODEL}/files.json"),
    "served-variables": flipped(f"{SERVED}/{BUNDLE}"),
    "served-graph": flipped(f"{SERVED}/saved_model.pb"),
    "served-deleted": removed(SERVED),
    "metadata-flipped": changed_letter("metadata.sqlite", b"MetaTrainer"),
    "metadata-cut": cut("metadata.sqlite"),
    "metadata-deleted": removed("metadata.sqlite"),
    "metadata-without-backup": all_of(cut("metadata.sqlite"), removed("backups")),
}
# The second run of a case, if not one with another baseline.
READ_BY = dict.fromkeys(
    ("raw-examples", "raw-test-examples", "summary", "schema", "statistics", "transform-graph"),
    OTHER_SIZE,
)
# Cases of what cannot be made again: the sentence, and what it says to do.
SENTENCES: dict[str, tuple[str, Damage]] = {
    name: ("remove this version, and a run of its settings pushes it again", removed(SERVED))
    for name in ("served-variables", "served-graph")
}
SENTENCES["metadata-without-backup"] = ("holds no whole backup; move the file away", removed("metadata.sqlite"))


def main(
    cases: Annotated[list[str] | None, typer.Argument(help="Rows to make; all by default.")] = None,
    directory: Annotated[Path | None, typer.Option(help="Keeps the finished run for another call.")] = None,
) -> None:
    """Prints one row for each case. Exits with 1 if one of them is not as it must be."""
    chosen = cases or list(CASES)
    if unknown := set(chosen) - set(CASES):
        raise typer.BadParameter(f"no case {', '.join(sorted(unknown))}; there are {', '.join(CASES)}")
    _processes.set_forkserver_preload(["benchmarks.damage", "pipeline.commands.run", "pipeline.terminal.show"])
    work = directory or Path(tempfile.mkdtemp(prefix="fewshot-damage-"))
    work.mkdir(parents=True, exist_ok=True)
    expected = unbroken(work, [OTHER_BASELINE, *(READ_BY[name] for name in chosen if name in READ_BY)])
    bad = 0
    print("| damage | what the runs say | as unbroken |\n|---|---|---|", flush=True)
    for name in chosen:
        restore(work)
        said, right = row(work / "root", name, expected)
        bad += not right
        print(f"| {name} | {'; '.join(said) or 'nothing'} | {'yes' if right else '**no**'} |", flush=True)
    if bad:
        raise typer.Exit(1)


def row(root: Path, name: str, expected: dict[str, Outcome]) -> tuple[list[str], bool]:
    """Does the damage of a case and runs; returns what was said, and whether all ended as it must."""
    CASES[name](root)
    then = READ_BY.get(name, OTHER_BASELINE)
    found = [run(root, []), run(root, then)]
    said = [line for outcome in found for line in outcome.said]
    right = True
    if name in SENTENCES:
        sentence, mend = SENTENCES[name]
        right = all(outcome.code == 1 and any(sentence in line for line in outcome.said) for outcome in found)
        mend(root)
        found = [run(root, []), run(root, then)]
        said += [line for outcome in found for line in outcome.said]
    return said, right and all(
        outcome.equals(expected[" ".join(settings)]) for outcome, settings in zip(found, ([], then), strict=True)
    )


def unbroken(work: Path, others: Sequence[list[str]]) -> dict[str, Outcome]:
    """Makes the finished run, unless it is there, and returns how runs without damage end, by their settings."""
    if not (work / "expected.json").exists():
        first = run(work / "root", [])
        if first.code:
            raise SystemExit(f"the run failed: {' '.join(first.said)}; see {work / 'root' / 'logs'}")
        (work / "whole").mkdir()
        for path in (work / "root").iterdir():
            if path.name not in KEPT:
                _copy(path, work / "whole" / path.name)
        _note(work, {"": first})
    known = {name: Outcome(*found) for name, found in json.loads((work / "expected.json").read_text()).items()}
    for settings in others:
        if " ".join(settings) not in known:
            restore(work)
            known[" ".join(settings)] = run(work / "root", settings)
            _note(work, known)
    return known


def restore(work: Path) -> None:
    """Puts the finished run in its place again, as it was; its paths are in the metadata, so it can be at no other."""
    for path in (work / "root").iterdir():
        if path.name not in KEPT:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in (work / "whole").iterdir():
        _copy(path, work / "root" / path.name)


def run(root: Path, settings: list[str]) -> Outcome:
    """Runs `fewshot run` in a process of its own."""
    output = root.parent / "output.txt"
    process = _processes.Process(target=_run, args=([*SETTINGS, *settings, "--root", str(root), "--json"], str(output)))
    process.start()
    process.join()
    lines = output.read_text().splitlines()
    result: dict[str, Any] = json.loads(lines[-1]) if process.exitcode == 0 else {}
    figures = {key: result.get(key) for key in ("accuracy", "ci95", "over_classes", "baselines", "blessed")}
    said = [line.replace(f"{root}/", "") for line in lines if line.startswith("fewshot: ")]
    return Outcome(process.exitcode or 0, said, figures, [weights_of(path) for path in sorted(root.glob(SERVED))])


def weights_of(version: Path) -> str:
    """Returns a digest of the weights of a pushed model; `unreadable` if they are damaged."""
    try:
        with np.load(version / "assets.extra" / "weights.npz") as arrays:
            return hashlib.sha256(b"".join(arrays[key].tobytes() for key in sorted(arrays.files))).hexdigest()[:16]
    except Exception:
        return "unreadable"


def _run(words: list[str], output: str) -> None:
    """In the new process: all that it prints goes to a file, the result last."""
    with open(output, "w") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    sys.argv = ["fewshot"]  # TFX reads it
    from pipeline.cli import app

    try:
        app(["run", *words])
    except SystemExit as end:
        sys.stdout.flush()
        os._exit(int(end.code or 0))
    except BaseException:
        traceback.print_exc()
        os._exit(3)
    os._exit(0)


def _copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target) if source.is_dir() else shutil.copy2(source, target)


def _note(work: Path, known: dict[str, Outcome]) -> None:
    (work / "expected.json").write_text(json.dumps(known))


if __name__ == "__main__":
    typer.run(main)
