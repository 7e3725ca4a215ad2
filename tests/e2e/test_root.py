"""The root of runs as a whole: what a run does when its metadata is damaged, lost or older than what lies on the disk."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from components.fewshot.training import checkpoint
from pipeline.commands.run import run, run_outputs
from pipeline.config import load_settings
from pipeline.history.database import RootError
from pipeline.platforms.local import NodeEnd, NodeError
from pipeline.presets import find_preset
from tests import pictures
from tests.e2e.small import SMALL

COMPARED = ("accuracy", "ci95", "over_classes", "baselines", "blessed")


class Shop:
    """Runs of two settings in one root; the second trains anew, on the same episodes."""

    def __init__(self, root: Path) -> None:
        self.root, self.database = root / "runs", root / "runs" / "metadata.sqlite"
        self.folders = pictures.write_set(root / "images", test=12)

    def run(self, **layer) -> dict:
        self.cached = set()
        settings = load_settings(find_preset("images"), SMALL, {"data": self.folders}, layer)
        return run(settings, str(self.root), self._note)

    def second(self) -> dict:
        return self.run(training={"steps": 20})

    def _note(self, event) -> None:
        if isinstance(event, NodeEnd) and event.outcome == "cached":
            self.cached.add(event.node)

    def pushed(self) -> list[str]:
        return sorted(path.name for path in (self.root / "serving" / "small").iterdir() if path.name.isdigit())

    def model_of(self, result: dict) -> int:
        """The number of the folder of the trained model."""
        return int(Path(run_outputs(str(self.root), result["run_id"])["MetaTrainer"]["model"].uri).name)


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Shop:
    """Both runs are made, and `old` has the backups after the first."""
    shop = Shop(tmp_path_factory.mktemp("shop"))
    shop.run()
    shutil.copytree(shop.root / "backups", shop.root / "old")
    shop.expected = shop.second()
    assert len(shop.pushed()) == 2
    return shop


def same(found: dict, expected: dict) -> bool:
    return all(found[key] == expected[key] for key in COMPARED)


@pytest.mark.slow
def test_a_backup_of_the_last_run_loses_nothing(shop, capfd):
    os.truncate(shop.database, 5000)
    found = shop.second()
    assert "metadata.sqlite was damaged (" in capfd.readouterr().err
    assert same(found, shop.expected) and found["pushed_model"] == shop.expected["pushed_model"]
    assert len(shop.cached) == 12


@pytest.mark.slow
def test_a_backup_that_does_not_know_the_last_run_gives_its_result_all_the_same(shop, capfd):
    """No folder is written to twice, and the model is not pushed twice."""
    pushed, newest = shop.pushed(), shop.model_of(shop.expected)
    shutil.rmtree(shop.root / "backups")
    shutil.copytree(shop.root / "old", shop.root / "backups")
    os.truncate(shop.database, 5000)
    found = shop.second()
    assert "is restored from the backup of 20" in capfd.readouterr().err
    assert same(found, shop.expected) and found["pushed_model"] == shop.expected["pushed_model"]
    assert shop.pushed() == pushed and shop.model_of(found) > newest
    assert "EpisodeGenerator" in shop.cached and "MetaTrainer" not in shop.cached


@pytest.mark.slow
def test_without_a_backup_it_is_a_sentence_and_then_as_it_says(shop):
    pushed, newest = shop.pushed(), shop.model_of(shop.second())
    shutil.rmtree(shop.root / "backups")
    os.truncate(shop.database, 5000)
    with pytest.raises(RootError, match="holds no whole backup; move the file away and run again"):
        shop.second()
    shop.database.rename(shop.root / "moved-away")
    found = shop.second()
    assert same(found, shop.expected) and found["pushed_model"] == shop.expected["pushed_model"]
    assert shop.pushed() == pushed and shop.model_of(found) > newest
    assert not shop.cached


@pytest.mark.slow
def test_after_a_full_disk_the_same_command_goes_on(shop, monkeypatch):
    """The disk is full when the training has come half its way."""
    write, calls = checkpoint.write_durably, []

    def write_if_there_is_room(path, content, mode="wb"):
        calls.append(path)
        if len(calls) == 4:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(path, content, mode)

    expected = shop.run(training={"steps": 25})
    for left in ("checkpoints", "artifacts/MetaTrainer", "artifacts/Baseline"):
        shutil.rmtree(shop.root / left)
    monkeypatch.setattr(checkpoint, "write_durably", write_if_there_is_room)
    with pytest.raises(NodeError, match=rf"^\w+: the disk of {shop.root} is full .* run the same command again"):
        shop.run(training={"steps": 25})
    found = shop.run(training={"steps": 25})
    assert same(found, expected) and found["pushed_model"] == expected["pushed_model"]
