"""The commands about a run, one after the other, on a set of two roots with class lists."""

import json
from pathlib import Path

import pytest
import yaml

from data.sources.folders import list_folder
from pipeline.commands.run import RUN_KEYS
from tests import pictures
from tests.e2e.small import SMALL


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """Images in two roots, class lists under a name, and a configuration."""
    root = tmp_path_factory.mktemp("commands")
    folders = pictures.write_set(root, test=12)  # enough for an interval over classes
    lists = {
        split: sorted({f.class_name for f in list_folder(folders[f"{split}_dir"]).files}) for split in ("train", "test")
    }
    (root / "val").rename(root / "elsewhere")
    lists["val"] = sorted({file.class_name for file in list_folder(str(root / "elsewhere")).files})
    (root / "all").mkdir()
    for split in ("train", "test"):
        for domain in (root / split).iterdir():
            domain.rename(root / "all" / domain.name)
    (root / "splits.json").write_text(json.dumps({"mine": lists}))
    (root / "run.yaml").write_text(yaml.safe_dump(json.loads(json.dumps(SMALL | {"name": "commanded"}))))
    return root


def run(fewshot, root: Path, *words: str):
    roots = ["--images", str(root / "all"), "--images", str(root / "elsewhere")]
    named = ["--splits", f"{root}/splits.json#mine", "--config", str(root / "run.yaml"), "--root", str(root / "runs")]
    return fewshot("run", *roots, *named, *words)


def told(result) -> dict:
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_from_run_to_rollback(fewshot, root):
    unblessed = run(fewshot, root, "--json", "--require-blessing", "gate.threshold=1.0")
    assert unblessed.returncode == 1, unblessed.stderr
    result = json.loads(unblessed.stdout)
    assert (
        tuple(result) == tuple(key for key in RUN_KEYS if key != "ap50")
        and result["blessed"] is False
        and result["pushed_model"] is None
    )

    first = told(run(fewshot, root, "--json", "--require-blessing"))
    assert first["blessed"] is True and Path(first["pushed_model"]).is_dir() and Path(first["report"]).is_file()
    shown = run(fewshot, root, "seed=1")
    assert "blessed in" in shown.stdout and "inductive, batch normalisation: running" in shown.stdout
    assert max(len(line) for line in shown.stdout.splitlines() if "report:" not in line and "pushed:" not in line) <= 80

    where = ["--root", str(root / "runs")]
    runs = told(fewshot("runs", "list", *where, "--json"))["runs"]
    assert [one["blessed"] for one in runs] == [True, True, False]
    assert [one["state"] for one in runs] == ["complete"] * 3 and runs[1]["run_id"] == first["run_id"]
    details = told(fewshot("runs", "show", first["run_id"], *where, "--json"))
    assert details["run"]["accuracy"] == first["accuracy"]
    states = {node["node"]: node["state"] for node in details["nodes"]}
    assert states["MetaTrainer"] == "cached" and states["FewShotEvaluator"] == "complete"
    ancestors = told(fewshot("runs", "lineage", first["pushed_model"], *where, "--json"))["lineage"]
    assert {"ImageExampleGen", "EpisodeGenerator", "MetaTrainer"} <= {one["node"] for one in ancestors}
    for words in (["list"], ["show", "latest"], ["lineage", first["pushed_model"]]):
        assert fewshot("runs", *words, *where).returncode == 0

    destination = str(root / "runs" / "serving" / "commanded")
    back = told(fewshot("rollback", "--destination", destination, "--json"))
    assert back == {"serving": first["pushed_model"]}
    version = max(path.name for path in Path(destination, ".rolled-back").iterdir())
    assert fewshot("rollback", "--destination", destination, "--to", version).stdout.strip().endswith(version)


def test_a_failed_node_is_one_sentence_and_exit_1(fewshot, root, tmp_path):
    strict = tmp_path / "schema.pbtxt"
    strict.write_text(Path("data/schema.pbtxt").read_text().replace('"PNG"', '"JPEG-XL"'))
    result = run(fewshot, root, f"schema_file={strict}", "name=anomalous")
    assert result.returncode == 1 and "fewshot: EpisodeGenerator: data validation found" in result.stderr
    assert "Traceback" not in result.stderr
    first, *_, goes_on, where = result.stderr.splitlines()
    assert first.startswith("running anomalous: ") and goes_on == "  the same command goes on from EpisodeGenerator"
    log = where.removeprefix("  the traceback is in ")
    assert "check_anomalies" in Path(log).read_text() and "Traceback" in Path(log).read_text()
    shown = told(fewshot("runs", "show", "latest", "--root", str(root / "runs"), "--json"))["run"]
    assert shown["state"] == "failed" and shown["failure"]["node"] == "EpisodeGenerator"
    assert shown["failure"]["reason"].startswith("data validation found") and shown["failure"]["log"] == log
    assert (
        "EpisodeGenerator failed: data validation found"
        in fewshot("runs", "show", "latest", "--root", str(root / "runs")).stdout
    )


def test_doctor(fewshot, tmp_path, monkeypatch):
    checks = told(fewshot("doctor", "--root", str(tmp_path), "--json"))["checks"]
    assert {"python", "packages", "imports", "disk"} <= {one["name"] for one in checks}
    monkeypatch.setattr("pipeline.commands.doctor.DISK_GB", 10**9)
    result = fewshot("doctor", "--root", str(tmp_path))
    assert result.returncode == 1 and "Free some space" in " ".join(result.stdout.split())
