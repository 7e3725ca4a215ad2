"""What the pushed models of a bucket tell of the runs that made them."""

import json
import uuid

import pytest

from pipeline.history import explain, pushed, runs, tables
from pipeline.history.metadata import read_history
from tests.cloud.bucket import Bucket


@pytest.fixture
def bucket(tmp_path, monkeypatch):
    with Bucket(f"b-{uuid.uuid4().hex[:8]}", tmp_path / "server") as made:
        for name, value in made.environment.items():
            monkeypatch.setenv(name, value)
        yield made


class Root:
    """A root in a bucket, in which a platform has pushed models."""

    def __init__(self, bucket):
        self.bucket, self.path = bucket, f"gs://{bucket.name}/team"

    def push(self, version, run, aside="", episodes=None, warm=None, **told):
        """Version `version` of the pipeline `shop`, pushed by a run; the episodes may be those of an earlier run."""

        def place(task, output, of=run):
            return {"id": 0, "uri": f"{self.path}/artifacts/77/{of}/{task}_-123/{output}"}

        manifest = {
            "format": 1,
            "learner": "protonet",
            "steps": 30,
            "data": {"fingerprint_train": episodes or run},
            "metrics": {"accuracy": 0.5 + version / 1000, "ci95": 0.01, "blessed": True, "served": []},
            "lineage": {
                "transform_graph": place("Transform", "transform_graph", episodes or run),
                "episodes": place("EpisodeGenerator", "episodes", episodes or run),
                "model": place("MetaTrainer", "model"),
                "model_blessing": place("FewShotEvaluator", "blessing"),
                "evaluation": place("FewShotEvaluator", "evaluation"),
                "warm_start_from": warm,
                "run": "0123456789abcdef",
            },
            **told,
        }
        self.put(version, json.dumps(manifest).encode(), aside)
        return f"{self.path}/serving/shop/{aside}{version}"

    def put(self, version, manifest, aside=""):
        directory = f"team/serving/shop/{aside}{version}"
        for name in ("saved_model.pb", "variables/variables.index", "files.json"):
            self.bucket.put(f"{directory}/{name}", b"123")
        if manifest is not None:
            self.bucket.put(f"{directory}/assets.extra/fewshot.json", manifest)


@pytest.fixture
def root(bucket):
    return Root(bucket)


def test_a_list_has_every_version_by_the_run_that_pushed_it(root, capfd):
    root.push(10, "monday")
    served = root.push(11, "tuesday", episodes="monday")
    aside = root.push(12, "wednesday", aside=".rolled-back/")
    found = runs.list_runs(root.path)
    assert [(one.run_id, one.pipeline, one.state, one.pushed_model) for one in found] == [
        ("wednesday", "shop", "complete", aside),
        ("tuesday", "shop", "complete", served),
        ("monday", "shop", "complete", f"{root.path}/serving/shop/10"),
    ]
    assert [(one.accuracy, one.blessed, one.seconds) for one in found][1] == (0.511, True, None)
    assert (found[1].cached, found[2].cached, found[1].nodes) == (2, 0, 5), "the episodes were there"
    assert capfd.readouterr().err.count("is known to the platform alone") == 1
    tables.show_list(found)
    assert "tuesday" in capfd.readouterr().out


def test_show_and_lineage_go_back_to_the_data_and_the_parent(root):
    parent = root.push(10, "monday")
    child = root.push(11, "tuesday", episodes="monday", warm=parent)
    details = runs.show_run(root.path, "tues")
    assert [node.node for node in details.nodes] == [node.name for node in pushed.NODES]
    assert details.nodes[2].settings["settings"]["learner"] == "protonet"
    assert runs.show_run(root.path, "latest").run.run_id == "tuesday"
    for path in (child, f"{root.path}/serving/shop", f"{root.path}/serving/shop/"):
        traced = runs.lineage(root.path, path)
        assert traced[-1].uri == child
        assert [(one.node, one.run_id) for one in traced if one.type == "Model"] == [
            ("MetaTrainer", "monday"),
            ("MetaTrainer", "tuesday"),
        ]
        assert traced[1].settings["settings"]["fingerprint_train"] == "monday"
    with pytest.raises(ValueError, match="unknown to the ML Metadata of this --root"):
        runs.lineage(root.path, f"{root.path}/serving/other/3")


def test_explain_names_what_differs(root):
    root.push(10, "monday")
    root.push(11, "tuesday", episodes="monday", steps=60)
    run_id, found = explain.explain(root.path, "latest")
    told = {one.node: one for one in found}
    assert run_id == "tuesday" and told["EpisodeGenerator"].state == "cached"
    assert told["MetaTrainer"].reasons == ["steps was 30 and is 60"] and told["MetaTrainer"].compared == "monday"
    assert told["FewShotEvaluator"].reasons == ["new inputs: model (MetaTrainer)"]


@pytest.mark.parametrize("manifest", [None, b"no json", b"[]", b'{"format": 2}', b'{"format": 1, "lineage": 3}'])
def test_a_model_of_another_tool_is_listed_by_its_version(root, manifest):
    root.put(7, manifest)
    (found,) = runs.list_runs(root.path)
    assert (found.run_id, found.accuracy, found.pushed_model) == ("7", None, f"{root.path}/serving/shop/7")


def test_a_model_that_was_pushed_from_a_machine_is_listed_by_its_version(root):
    evaluation = {"uri": "/data/runs/artifacts/FewShotEvaluator/evaluation/11"}
    root.push(8, "", lineage={"evaluation": evaluation})
    assert [one.run_id for one in runs.list_runs(root.path)] == ["8"]


def test_requests_are_one_for_each_version_and_one_for_a_thousand_objects(root):
    for version in range(100, 400):
        root.push(version, f"run-{version}")
    assert len(runs.list_runs(root.path)) == 300
    asked = [one.path for one in root.bucket.requests]
    pages, manifests = (sum(path.endswith(end) for path in asked) for end in ("/o", "fewshot.json"))
    assert (pages, manifests) == (2, 300) and len(asked) <= 302 + 3, "beside it a token, once"


def test_what_cannot_be_read_is_a_sentence(root, bucket):
    with pytest.raises(ValueError, match=r"no pushed model in gs://.*/team/serving; expected the --root of a pipeline"):
        read_history(root.path)
    with pytest.raises(ValueError, match=r"--root s3://b/c: expected a directory, a folder of a bucket"):
        read_history("s3://b/c")
    bucket.closed = True
    with pytest.raises(ValueError, match="cannot be listed: .*no right to do so"):
        read_history(root.path)


def test_nothing_is_pruned_in_a_bucket(root, fewshot):
    result = fewshot("runs", "prune", "--keep", "1", "--root", root.path)
    assert result.returncode == 2 and "expected a directory of this machine" in result.stderr.splitlines()[-1]
