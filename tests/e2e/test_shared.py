"""Whole runs that share the database of a server, at the same time and from processes of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pipeline.history import runs
from pipeline.history.address import PASSWORD as VARIABLE
from tests import pictures
from tests.e2e.small import TINY
from tests.mariadb import PASSWORD

REPOSITORY = Path(__file__).resolve().parents[2]
WAYS = [PASSWORD, json.dumps(PASSWORD)[1:-1], json.dumps(PASSWORD, ensure_ascii=False)[1:-1], repr(PASSWORD)[1:-1]]


def start(config: Path, root: Path) -> subprocess.Popen[str]:
    """A run of the command line, with the password in its environment alone."""
    command = [sys.executable, "-m", "pipeline.cli", "run", "--preset", "images", "--config", str(config)]
    return subprocess.Popen(
        [*command, "--root", str(root), "--json"],
        cwd=REPOSITORY,
        env=os.environ | {VARIABLE: PASSWORD},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_two_runs_at_once(team, tmp_path, fewshot):
    """Both go well, each root has its own run whole, and the same again comes from the cache of its own root."""
    config, roots, said = tmp_path / "settings.yaml", [tmp_path / "one", tmp_path / "other"], ""
    data = pictures.write_set(tmp_path / "images", test=12)
    config.write_text(yaml.safe_dump(TINY | {"data": data, "metadata": team}))
    started = [start(config, root) for root in roots]
    results = []
    for process in started:
        out, err = process.communicate()
        assert process.returncode == 0, err
        results.append(json.loads(out))
        said += out + err
    for root, result in zip(roots, results, strict=True):
        (found,) = runs.list_runs(str(root))
        assert (found.run_id, found.state, found.nodes, found.cached) == (result["run_id"], "complete", 12, 0)
        assert (found.accuracy, found.blessed) == (result["accuracy"], result["blessed"])
        traced = runs.lineage(str(root), result["pushed_model"])
        assert {"ImageExampleGen", "Transform", "EpisodeGenerator", "MetaTrainer", "Pusher"} <= {
            one.node for one in traced
        }
        assert all(one.uri.startswith(f"{root}/") for one in traced)
        assert {one.run_id for one in traced} == {result["run_id"]}
        said += "".join(fewshot("runs", verb, "latest", "--root", str(root)).stdout for verb in ("show", "explain"))
    assert results[0]["accuracy"] == results[1]["accuracy"] and results[0]["run_id"] != results[1]["run_id"]
    again = start(config, roots[0])
    out, err = again.communicate()
    assert again.returncode == 0 and json.loads(out)["ran"] == [], err
    assert {one.pushed_model for one in runs.list_runs(team)} == {one["pushed_model"] for one in results}
    said += out + err + fewshot("doctor", "--root", str(roots[1])).stdout
    written = [path.read_bytes() for root in roots for path in root.rglob("*") if path.is_file()]
    for way in WAYS:
        assert way not in said and not any(way.encode() in content for content in written)


@pytest.mark.slow
def test_two_runs_of_one_root_are_one_at_a_time(team, tmp_path):
    """The lock of a root is the root's, wherever its history is."""
    config, root = tmp_path / "settings.yaml", tmp_path / "root"
    data = pictures.write_set(tmp_path / "images", test=12)
    config.write_text(yaml.safe_dump(TINY | {"data": data, "metadata": team}))
    started = [start(config, root) for _ in range(2)]
    done = [(*process.communicate(), process.returncode) for process in started]
    ended = sorted(code for _, _, code in done)
    assert ended == [0, 2] and any("another run uses it now" in err for _, err, _ in done)
    assert len(runs.list_runs(str(root))) == 1
