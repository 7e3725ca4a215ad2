"""A root that runs have left, whole, and with each kind of thing damaged."""

import json
import os

import numpy as np
import pytest
from ml_metadata.proto import metadata_store_pb2 as pb

from components.fewshot import integrity
from components.fewshot.training import checkpoint
from pipeline.commands.root_checks import check_runs
from tests.components.pusher.test_destination import BULK, write_model
from tests.pipeline.history.test_backup import Store
from tests.pipeline.history.test_database import held

NAMES = ["metadata", "backups", "artifacts", "starts", "checkpoints", "served models"]


@pytest.fixture
def store(tmp_path):
    """A root with two artifacts, of which one was pushed, a backup, notes, a checkpoint and a served model."""
    store = Store(tmp_path)
    at = store.connect()
    kind = at.put_artifact_type(pb.ArtifactType(name="Model"))
    trainer = at.put_execution_type(pb.ExecutionType(name="Trainer"))
    run = pb.Context(type_id=at.put_context_type(pb.ContextType(name="pipeline_run")), name="one")
    for number in (1, 2):
        uri = tmp_path / "artifacts" / "Trainer" / "model" / str(number)
        uri.mkdir(parents=True)
        for name in ("weights.npz", "record.json"):
            (uri / name).write_text(name * 100)
        integrity.seal(str(uri))
        artifact = pb.Artifact(type_id=kind, uri=str(uri), state=pb.Artifact.LIVE)
        if number == 2:
            artifact.custom_properties["pushed_destination"].string_value = str(tmp_path / "elsewhere" / "7")
        at.put_execution(
            pb.Execution(type_id=trainer),
            [(artifact, pb.Event(type=pb.Event.OUTPUT, path={"steps": [{"key": "model"}]}))],
            [run],
            reuse_context_if_already_exist=True,
        )
    for place in (tmp_path / "serving" / "shop" / "3", tmp_path / "elsewhere" / "7"):
        integrity.seal(write_model(str(place)))
    (tmp_path / "starts.json").write_text(json.dumps({"0123": "none"}))
    checkpoint.save(str(tmp_path / "checkpoints" / "0a1b" / "checkpoint.npz"), {"w": np.arange(500)}, {"step": 3})
    store.save()
    return store


def change(path, at=60):
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def bad(store):
    """The checks that found something, by name."""
    return {one.name: one for one in check_runs(str(store.root)) if not one.ok}


def test_a_whole_root(store):
    found = check_runs(str(store.root))
    assert [one.name for one in found] == NAMES
    assert all(one.ok and not one.advice for one in found)
    told = {one.name: one.found for one in found}
    assert told["artifacts"] == told["served models"] == "2 are whole"
    assert told["backups"].startswith("1 of the metadata, the latest of 20")
    assert told["starts"] == "1 noted" and told["checkpoints"] == "1 are whole"


def test_nothing_is_changed(store):
    before = {path: path.stat().st_mtime_ns for path in store.root.rglob("*")}
    check_runs(str(store.root))
    assert {path: path.stat().st_mtime_ns for path in store.root.rglob("*")} == before


def test_a_root_without_runs(tmp_path):
    assert check_runs(str(tmp_path / "none")) == check_runs("gs://bucket/fewshot") == []
    assert all(one.ok for one in check_runs(str(tmp_path)))
    assert os.listdir(tmp_path) == []


def test_a_root_with_signs_of_a_pattern(store):
    other = store.root.parent / "run [v2]*"
    store.root.rename(other)
    try:
        assert {one.name for one in check_runs(str(other)) if not one.ok} == {"artifacts"}  # by their old paths
        change(other / "checkpoints" / "0a1b" / "checkpoint.npz")
        assert "checkpoints" in {one.name for one in check_runs(str(other)) if not one.ok}
    finally:
        other.rename(store.root)


@pytest.mark.parametrize(
    ("file", "name", "found", "advice"),
    [
        (
            "metadata.sqlite",
            "metadata",
            "metadata.sqlite is damaged (",
            "`fewshot run` restores it from the backup of 20",
        ),
        ("backups/*.sqlite", "backups", ".sqlite is damaged", "Remove it; the next run makes a new one."),
        ("artifacts/Trainer/model/1/weights.npz", "artifacts", "model/1 is damaged (weights.npz has", "makes it again"),
        ("artifacts/Trainer/model/2/files.json", "artifacts", "model/2 is damaged (files.json has", "makes it again"),
        ("starts.json", "starts", "starts.json is damaged", "Remove it"),
        ("checkpoints/*/checkpoint.npz", "checkpoints", "checkpoint.npz is damaged", "Remove it"),
        (f"serving/shop/3/{BULK}", "served models", f"shop/3 is damaged ({BULK} has", "Remove this version, and a run"),
        ("elsewhere/7/assets.extra/fewshot.json", "served models", "elsewhere/7 is damaged (", "`fewshot rollback`"),
    ],
)
def test_a_changed_byte(store, file, name, found, advice):
    (path,) = store.root.glob(file)
    change(path, 0 if file in ("starts.json", "metadata.sqlite") else 60)
    (one,) = bad(store).values()
    assert one.name == name and found in one.found and advice in one.advice


@pytest.mark.parametrize(
    ("file", "name", "found"),
    [
        ("artifacts/Trainer/model/1/weights.npz", "artifacts", "weights.npz is missing"),
        ("artifacts/Trainer/model/1/files.json", "artifacts", "files.json is missing"),
        ("serving/shop/3/assets.extra/fewshot.json", "served models", "no few-shot model at"),
        ("serving/shop/3/variables/variables.index", "served models", "variables/variables.index is missing"),
    ],
)
def test_a_missing_file(store, file, name, found):
    (store.root / file).unlink()
    (one,) = bad(store).values()
    assert one.name == name and found in one.found


def test_a_missing_directory(store):
    (store.root / "artifacts/Trainer/model/1").rename(store.root / "artifacts/Trainer/model/moved")
    assert "model/1 is damaged (it is missing)" in bad(store)["artifacts"].found


def test_each_damaged_thing_has_its_line(store):
    for number in (1, 2):
        change(store.root / "artifacts" / "Trainer" / "model" / str(number) / "weights.npz")
    lines = [one for one in check_runs(str(store.root)) if one.name == "artifacts"]
    assert len(lines) == 2 and not any(one.ok for one in lines)


def test_what_was_given_up_is_not_looked_at(store):
    (artifact, _) = store.connect().get_artifacts()
    artifact.state = pb.Artifact.DELETED
    store.connect().put_artifacts([artifact])
    (store.root / "artifacts/Trainer/model/1/weights.npz").unlink()
    assert not bad(store)


def test_a_damaged_database_without_a_backup(store):
    for path in (store.root / "backups").iterdir():
        path.unlink()
    os.truncate(store.path, 5000)
    one = bad(store)["metadata"]
    assert "is damaged (" in one.found and one.advice.startswith(
        "Move the file away: the history of the runs is then lost"
    )


def test_a_held_database(store):
    with held(store.path) as process:
        one = bad(store)["metadata"]
    assert "cannot be read: database is locked" in one.found and f"process {process.pid}" in one.advice


def test_the_command(store, fewshot, monkeypatch):
    monkeypatch.setattr("pipeline.commands.doctor.check", lambda root: [])
    assert fewshot("doctor", "--root", str(store.root)).returncode == 0
    change(store.root / "serving" / "shop" / "3" / BULK)
    result = fewshot("doctor", "--root", str(store.root), "--json")
    assert result.returncode == 1 and result.stderr == ""
    checks = json.loads(result.stdout)["checks"]
    assert [one["name"] for one in checks] == NAMES and [one["ok"] for one in checks] == [True] * 5 + [False]
