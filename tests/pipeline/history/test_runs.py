"""Histories as TFX writes them, made by hand: contexts, executions, events."""

import fcntl
import json

import ml_metadata as mlmd
import pytest
from ml_metadata.proto import metadata_store_pb2 as pb

from pipeline.history import runs, tables
from pipeline.history.failures import Failure, note_failure
from pipeline.history.homes import File
from pipeline.history.metadata import unpack

STATES = {name.lower(): value for name, value in pb.Execution.State.items()}


class Recorder:
    """Writes runs into a store, the way TFX's launcher does."""

    def __init__(self, root, home=None):
        home = home or File(str(root))
        self.root, self.suffix, self.store = root, home.suffix, mlmd.MetadataStore(home.config())
        self.contexts = {}

    def context(self, kind, name):
        if (kind, name) not in self.contexts:
            type_id = self.store.put_context_type(pb.ContextType(name=kind))
            (self.contexts[kind, name],) = self.store.put_contexts([pb.Context(type_id=type_id, name=name)])
        return self.contexts[kind, name]

    def artifact(self, kind, uri, **properties):
        type_id = self.store.put_artifact_type(pb.ArtifactType(name=kind))
        artifact = pb.Artifact(type_id=type_id, uri=str(uri), state=pb.Artifact.LIVE)
        set_properties(artifact, properties)
        return self.store.put_artifacts([artifact])[0]

    def node(self, run, node, state="complete", inputs=(), outputs=(), **settings):
        type_id = self.store.put_execution_type(pb.ExecutionType(name=f"components.{node}"))
        execution = pb.Execution(type_id=type_id, last_known_state=STATES[state])
        set_properties(execution, settings)
        (made,) = self.store.put_executions([execution])
        events = []
        for kind, links in ((pb.Event.INPUT, inputs), (pb.Event.OUTPUT, outputs)):
            for key, artifact in dict(links).items():
                event = pb.Event(execution_id=made, artifact_id=artifact, type=kind)
                event.path.steps.add().key = key
                events.append(event)
        self.store.put_events(events)
        shop = f"shop{self.suffix}"
        names = [("pipeline", shop), ("pipeline_run", f"{run}{self.suffix}"), ("node", f"{shop}.{node}")]
        links = [pb.Association(execution_id=made, context_id=self.context(*name)) for name in names]
        self.store.put_attributions_and_associations([], links)


def set_properties(proto, values):
    for key, value in values.items():
        if isinstance(value, int):
            proto.custom_properties[key].int_value = value
        else:
            proto.custom_properties[key].string_value = value


@pytest.fixture
def root(tmp_path):
    """Three runs: one whole, one from the cache but for the model, one that failed."""
    at = Recorder(tmp_path)
    uri = tmp_path / "artifacts"
    config = {"custom_config": {"@type": "Struct", "value": {"fingerprint": "f00", "settings": '{"train_dir": "a"}'}}}
    examples = at.artifact("Examples", uri / "ImageExampleGen/examples/1")
    episodes = at.artifact("Examples", uri / "EpisodeGenerator/episodes/2", hash_test="cafe")
    started = None
    for run, accuracy, blessed in (("20260101-a", 0.9, True), ("20260102-b", 0.8, False)):
        state = "complete" if run == "20260101-a" else "cached"
        at.node(run, "ImageExampleGen", state, outputs={"examples": examples}, custom_config=json.dumps(config))
        at.node(run, "EpisodeGenerator", state, {"examples": examples}, {"episodes": episodes}, settings='{"seed": 0}')
        baseline = at.artifact("Model", uri / f"Baseline/model/{run}")
        at.node(run, "Baseline", outputs={"model": baseline})
        model = at.artifact("Model", uri / f"MetaTrainer/model/{run}")
        settings = json.dumps({"warm_start": started})
        at.node(run, "MetaTrainer", inputs={"episodes": episodes}, outputs={"model": model}, settings=settings)
        evaluation = uri / f"FewShotEvaluator/evaluation/{run}"
        evaluation.mkdir(parents=True)
        metrics = {"accuracy": accuracy, "ci95": 0.01, "blessed": blessed}
        (evaluation / "metrics.json").write_text(json.dumps(metrics))
        judged = at.artifact("ModelEvaluation", evaluation)
        blessing = at.artifact("ModelBlessing", uri / f"FewShotEvaluator/blessing/{run}", blessed=int(blessed))
        inputs = {"model": model, "transfer": baseline, "episodes": episodes}
        outputs = {"evaluation": judged, "blessing": blessing}
        at.node(run, "FewShotEvaluator", inputs=inputs, outputs=outputs, configuration='{"name": "shop", "seed": 0}')
        destination = str(tmp_path / "serving/shop/1") if blessed else ""
        pushed = at.artifact("PushedModel", uri / f"Pusher/pushed_model/{run}", pushed_destination=destination)
        at.node(run, "Pusher", inputs={"model": model, "model_blessing": blessing}, outputs={"pushed_model": pushed})
        started = destination
    at.node("20260103-c", "ImageExampleGen", "failed")
    return tmp_path


def test_list(root):
    last, second, first = runs.list_runs(str(root))
    assert (last.run_id, last.state, last.accuracy, last.blessed) == ("20260103-c", "failed", None, None)
    assert (second.state, second.nodes, second.cached) == ("complete", 6, 2)
    assert (second.accuracy, second.blessed, second.pushed_model) == (0.8, False, None)
    assert (first.accuracy, first.ci95, first.cached) == (0.9, 0.01, 0)
    assert first.pushed_model == str(root / "serving/shop/1")
    assert first.pipeline == "shop"


def test_a_run_of_a_detector_beside_others(tmp_path, capsys):
    at = Recorder(tmp_path)
    for run, figure in (
        ("20260101-a", {"accuracy": 0.9, "ci95": 0.01}),
        ("20260102-b", {"ap50": 0.705, "ci95": 0.027}),
    ):
        evaluation = tmp_path / f"FewShotEvaluator/evaluation/{run}"
        evaluation.mkdir(parents=True)
        (evaluation / "metrics.json").write_text(json.dumps({**figure, "blessed": True}))
        at.node(run, "FewShotEvaluator", outputs={"evaluation": at.artifact("ModelEvaluation", evaluation)})
    scenes, first = runs.list_runs(str(tmp_path))
    assert (scenes.ap50, scenes.accuracy, first.ap50, first.accuracy) == (0.705, None, None, 0.9)
    assert runs.as_json(scenes)["ap50"] == 0.705
    tables.show_list([scenes])
    assert "AP50, %" in (alone := capsys.readouterr().out) and "70.50 ± 2.70" in alone and "AP50 70" not in alone
    tables.show_list([first])
    assert "accuracy, %" in capsys.readouterr().out
    tables.show_list([scenes, first])
    shown = " ".join(capsys.readouterr().out.split())
    assert "AP50 or accuracy, %" in shown and "AP50 70.50 ± 2.70" in shown and "accuracy 90.00 ± 1.00" in shown


def test_a_run_that_had_nothing_to_train_is_complete(tmp_path, capsys):
    at = Recorder(tmp_path)
    for run, decision, goes_on in (("20260101-a", "adapt only", 0), ("20260102-b", "retrain", 1)):
        at.node(run, "ImageExampleGen", outputs={"examples": at.artifact("Examples", f"/examples/{run}")})
        drift = at.artifact("ModelEvaluation", f"/drift/{run}", decision=decision, goes_on=goes_on, because="so")
        at.node(run, "DriftDetector", outputs={"drift": drift})
    goes_on, ended = runs.list_runs(str(tmp_path))
    assert (ended.state, ended.decision, ended.blessed, ended.accuracy) == ("complete", "adapt only", None, None)
    assert (goes_on.state, goes_on.decision) == ("unfinished", "retrain")
    tables.show_list([ended])
    assert "adapt only" in capsys.readouterr().out


def test_a_killed_run_is_told_from_a_living_one(tmp_path):
    at = Recorder(tmp_path)
    at.node("20260101-a", "ImageExampleGen", "running")
    assert runs.list_runs(str(tmp_path))[0].state == "unfinished"
    with open(tmp_path / ".lock", "w") as lock:
        assert runs.list_runs(str(tmp_path))[0].state == "unfinished"
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert runs.list_runs(str(tmp_path))[0].state == "running"
        assert runs.show_run(str(tmp_path), "latest").nodes[0].seconds is None


def test_show(root):
    details = runs.show_run(str(root), "20260102-b")
    names = ["ImageExampleGen", "EpisodeGenerator", "Baseline", "MetaTrainer", "FewShotEvaluator", "Pusher"]
    assert [node.node for node in details.nodes] == names
    assert [node.state for node in details.nodes] == ["cached", "cached", *["complete"] * 4]
    assert details.nodes[0].settings == {"custom_config": {"fingerprint": "f00", "settings": {"train_dir": "a"}}}
    assert [one.key for one in details.nodes[3].inputs] == ["episodes"]
    assert details.nodes[3].settings["settings"] == {"warm_start": str(root / "serving/shop/1")}
    assert details.nodes[1].outputs[0].uri.endswith("EpisodeGenerator/episodes/2")
    assert details.run == runs.list_runs(str(root))[1]


def test_why_a_run_failed(root, capsys):
    reason = "too few classes " * 9
    note_failure(str(root), "20260103-c", Failure("ImageExampleGen", reason.strip(), "/runs/logs/run-1.log"))
    details = runs.show_run(str(root), "latest")
    assert runs.as_json(details)["run"]["failure"] == {
        "node": "ImageExampleGen", "reason": reason.strip(), "log": "/runs/logs/run-1.log"
    }  # fmt: skip
    assert runs.list_runs(str(root))[1].failure is None
    tables.show_one(details)
    out = capsys.readouterr().out
    assert "ImageExampleGen failed: too few classes" in out and "traceback: /runs/logs/run-1.log" in out
    assert max(len(line) for line in out.splitlines() if "run-1" not in line) <= 80


def test_what_fails_before_it_is_a_node_of_the_history_has_failed_too(root):
    note_failure(str(root), "20260101-a", Failure("Pusher", "no", None))
    assert runs.show_run(str(root), "20260101-a").run.state == "failed"


def test_a_node_whose_driver_failed_does_not_run(tmp_path):
    at = Recorder(tmp_path)
    at.node("20260101-a", "StatisticsGen")
    at.node("20260101-a", "ImageExampleGen", "running")
    note_failure(str(tmp_path), "20260101-a", Failure("ImageExampleGen", "no", None))
    details = runs.show_run(str(tmp_path), "latest")
    assert [(node.node, node.state) for node in details.nodes] == [
        ("StatisticsGen", "complete"), ("ImageExampleGen", "failed")
    ]  # fmt: skip
    assert details.nodes[1].seconds is None and details.run.state == "failed"


def test_a_failure_that_cannot_be_noted_hides_nothing(root, tmp_path_factory):
    note_failure(str(root), "no such run", Failure("Pusher", "no", None))
    note_failure(str(tmp_path_factory.mktemp("empty")), "x", Failure("Pusher", "no", None))
    (root / "metadata.sqlite").write_bytes(b"damaged")
    note_failure(str(root), "20260101-a", Failure("Pusher", "no", None))


def test_show_by_the_beginning_of_an_id(root):
    assert runs.show_run(str(root), "20260101").run.run_id == "20260101-a"
    assert runs.show_run(str(root), "latest").run.run_id == "20260103-c"
    with pytest.raises(ValueError, match="several .* there are 20260101-a, 20260102-b, 20260103-c"):
        runs.show_run(str(root), "2026")
    with pytest.raises(ValueError, match="no such run .* there are 20260101-a"):
        runs.show_run(str(root), "x")


def test_lineage_of_a_pushed_model(root):
    found = runs.lineage(str(root), str(root / "serving/shop/1"))
    chain = [one.node for one in found]
    assert chain == ["ImageExampleGen", "EpisodeGenerator", "MetaTrainer", "FewShotEvaluator", "Pusher"]
    assert {one.run_id for one in found} == {"20260101-a"}
    by_node = {one.node: one for one in found}
    assert by_node["ImageExampleGen"].settings["custom_config"]["fingerprint"] == "f00"
    assert by_node["EpisodeGenerator"].properties == {"hash_test": "cafe"}
    assert by_node["MetaTrainer"].made_of == [by_node["EpisodeGenerator"].id]
    assert found[-1].made_of == sorted([by_node["MetaTrainer"].id, by_node["FewShotEvaluator"].id])


def test_lineage_goes_through_the_cache_and_the_warm_start(root):
    model = root / "artifacts/MetaTrainer/model/20260102-b"
    found = runs.lineage(str(root), str(model / "Format-Serving"))
    assert [(one.node, one.run_id) for one in found] == [
        ("ImageExampleGen", "20260101-a"),  # where it was made, not where it was taken from the cache
        ("EpisodeGenerator", "20260101-a"),
        ("MetaTrainer", "20260101-a"),
        ("MetaTrainer", "20260102-b"),
    ]


def test_lineage_of_a_destination_is_of_its_latest_version(root):
    version = root / "serving/shop/1"
    version.mkdir(parents=True)
    (version / "saved_model.pb").touch()
    assert runs.lineage(str(root), str(root / "serving/shop"))[-1].node == "Pusher"


def test_lineage_by_the_manifest_of_a_copied_model(root):
    copy = root / "elsewhere" / "assets.extra"
    copy.mkdir(parents=True)
    uri = str(root / "artifacts/MetaTrainer/model/20260101-a")
    (copy / "fewshot.json").write_text(json.dumps({"lineage": {"model": {"id": 4, "uri": uri}}}))
    assert runs.lineage(str(root), str(copy.parent))[-1].uri == uri
    (copy / "fewshot.json").write_text(json.dumps({"lineage": {"model_uri": uri}}))
    assert runs.lineage(str(root), str(copy.parent))[-1].uri == uri


def test_lineage_of_the_unknown(root):
    with pytest.raises(ValueError, match=r"nowhere: unknown to the ML Metadata .* expected the path of a pushed model"):
        runs.lineage(str(root), str(root / "nowhere"))


def test_no_history(tmp_path):
    with pytest.raises(ValueError, match="metadata.sqlite; expected the --root of an earlier"):
        runs.list_runs(str(tmp_path))
    assert not list(tmp_path.iterdir())


def test_json_is_plain(root):
    for found in (
        runs.list_runs(str(root)),
        runs.show_run(str(root), "20260101-a"),
        runs.lineage(str(root), str(root / "serving/shop/1")),
    ):
        assert json.loads(json.dumps(runs.as_json(found))) == runs.as_json(found)
    details = runs.as_json(runs.show_run(str(root), "20260101-a"))
    assert details["nodes"][3]["outputs"][0]["key"] == "model"


def test_shown_in_eighty_columns(root, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    tables.show_list(runs.list_runs(str(root)))
    out = capsys.readouterr().out
    assert "90.00 ± 1.00 yes" in out
    assert max(len(line) for line in out.splitlines()) <= 80


def test_shown_settings_and_lineage(root, capsys):
    tables.show_one(runs.show_run(str(root), "20260101-a"))
    out = capsys.readouterr().out
    assert "name: shop" in out
    assert "EpisodeGenerator/episodes/2" in out
    tables.show_lineage(runs.lineage(str(root), str(root / "serving/shop/1")))
    out = capsys.readouterr().out
    assert "fingerprint: f00" in out
    assert f"pushed to {root / 'serving/shop/1'}" in out


def test_unpack():
    assert unpack('{"a": "[1, {\\"b\\": \\"x\\"}]", "c": "{not json"}') == {"a": [1, {"b": "x"}], "c": "{not json"}
    assert unpack(3) == 3
