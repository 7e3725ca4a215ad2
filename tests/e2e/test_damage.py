"""The table of `benchmarks/damage.py` in small: on one whole pipeline, several damages at once."""

import os
import shutil
from pathlib import Path

import pytest

from benchmarks.damage import flip
from components.fewshot.serving.versions import latest, list_versions
from pipeline.platforms.local import NodeError
from tests.e2e.test_pipeline import Watched


@pytest.mark.slow
def test_damaged_it_ends_as_it_would_unbroken(tmp_path, capsys):
    watched = Watched(tmp_path, test=12)
    first = watched.run()
    metrics, destination = watched.metrics(first), os.path.dirname(first["pushed_model"])
    artifacts = tmp_path / "runs" / "artifacts"
    (shard,) = artifacts.glob("EpisodeGenerator/episodes/*/Split-train/store/shard-*.bin")
    (model,) = artifacts.glob("MetaTrainer/model/*")
    flip(shard)
    shutil.rmtree(model)
    shutil.rmtree(tmp_path / "runs" / "checkpoints")  # else training would be over at once, and read no image
    capsys.readouterr()
    again = watched.run()
    said = capsys.readouterr().err
    assert f"{model} is damaged (it is missing): it is made again" in said
    assert f"Split-train/store/{shard.name} has other bytes than were written): it is made again" in said
    assert watched.metrics(again) == metrics
    assert list_versions(destination) == [int(os.path.basename(first["pushed_model"]))], "nothing is pushed twice"

    served = Path(latest(destination))
    flip(served / "variables" / "variables.data-00000-of-00001")
    for _ in range(2):
        with pytest.raises(NodeError, match=f"^Pusher: {served} is damaged .*: remove this version, and a run of its"):
            watched.run()
    shutil.rmtree(served)
    mended = watched.run()
    assert watched.metrics(mended) == metrics and len(list_versions(destination)) == 1
    assert mended["pushed_model"] == latest(destination)
    assert watched.run()["pushed_model"] == mended["pushed_model"] and all(watched.cached.values())
