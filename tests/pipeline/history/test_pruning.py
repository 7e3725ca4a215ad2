"""What old runs have left: which of it is needed, and what becomes of the rest."""

import os
import time

import pytest
from ml_metadata.proto import metadata_store_pb2 as pb

from pipeline.history.metadata import read_history
from pipeline.history.pruning import prune, removable
from tests.pipeline.history.test_runs import Recorder


@pytest.fixture
def recorder(tmp_path):
    """Four runs. The third took the examples of the second from the cache; the model of the first is served."""
    made = Recorder(tmp_path)
    for number in (1, 2):
        one_run(made, number, examples(made, number))
    cached = next(a.id for a in made.store.get_artifacts() if a.uri.endswith("Examples/2"))
    one_run(made, 3, cached, state="cached")
    one_run(made, 4, examples(made, 4))
    return made


def examples(recorder, number: int) -> int:
    return made_by(recorder, "Examples", number)


def made_by(recorder, kind: str, number: int, **properties) -> int:
    directory = recorder.root / "artifacts" / kind / str(number)
    directory.mkdir(parents=True)
    (directory / "data").write_bytes(b"x" * 100)
    return recorder.artifact(kind, directory, **properties)


def one_run(recorder, number: int, data: int, state: str = "complete") -> None:
    run = f"2026010{number}"
    recorder.node(run, "ImageExampleGen", state, outputs={"examples": data})
    model = made_by(recorder, "Model", number)
    recorder.node(run, "MetaTrainer", inputs={"examples": data}, outputs={"model": model})
    evaluation = made_by(recorder, "ModelEvaluation", number)
    recorder.node(run, "FewShotEvaluator", inputs={"model": model}, outputs={"evaluation": evaluation})
    pushed = made_by(recorder, "PushedModel", number, pushed_destination=f"/serving/{number}")
    recorder.node(run, "Pusher", inputs={"model": model}, outputs={"pushed_model": pushed})


def names(recorder, keep: int, served=("/serving/1",)) -> list[str]:
    found = removable(read_history(str(recorder.root)), keep, set(served))
    return sorted("/".join(one.uri.split("/")[-2:]) for one in found)


def test_what_the_newest_runs_use_stays_also_if_an_older_one_made_it(recorder):
    assert names(recorder, 4, served=()) == []
    assert names(recorder, 3, served=()) == ["Examples/1", "Model/1", "PushedModel/1"]
    second = ["Model/2", "PushedModel/2"]  # its examples are those of the third
    assert names(recorder, 2, served=()) == ["Examples/1", "Model/1", *second[:1], "PushedModel/1", *second[1:]]
    assert "Examples/2" in names(recorder, 1, served=())


def test_what_production_was_made_from_stays(recorder):
    assert names(recorder, 3) == []
    assert names(recorder, 2) == ["Model/2", "PushedModel/2"]
    assert names(recorder, 1, served=("/serving/1", "/serving/4")) == [
        *("Examples/2", "Model/2", "Model/3", "PushedModel/2", "PushedModel/3")
    ]


def test_verdicts_stay_of_every_run(recorder):
    assert not any("Evaluation" in name for name in names(recorder, 1, served=()))


def test_what_is_removed_is_marked_and_gone(recorder, tmp_path):
    dry = prune(str(tmp_path), 2, ["/serving/1"], dry=True)
    assert all(map(os.path.isdir, dry.directories)) and dry.bytes == 200
    beside = f"{dry.directories[0]}.files.json"  # the list of a directory with one file
    open(beside, "w").close()
    assert prune(str(tmp_path), 2, ["/serving/1"]) == dry
    assert not any(map(os.path.exists, [*dry.directories, beside]))
    deleted = {one.uri for one in recorder.store.get_artifacts() if one.state == pb.Artifact.DELETED}
    assert deleted == set(dry.directories)
    assert prune(str(tmp_path), 2, ["/serving/1"]).directories == []


def test_results_of_episodes_from_before_the_newest_runs(recorder, tmp_path):
    for name, age in (("old", 10**6), ("new", -(10**6))):
        (tmp_path / "judged" / name).mkdir(parents=True)
        os.utime(tmp_path / "judged" / name, (time.time() - age,) * 2)
    assert prune(str(tmp_path), 4, []).directories == [str(tmp_path / "judged" / "old")]
    assert os.listdir(tmp_path / "judged") == ["new"]


def test_no_run_can_be_kept(tmp_path):
    with pytest.raises(ValueError, match="keep_runs: expected at least 1 run, got 0"):
        prune(str(tmp_path), 0, [])
