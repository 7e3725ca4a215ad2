"""The FewShotEvaluator on real models, episodes and artifacts."""

import json
import math
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from tfx.components.evaluator import constants
from tfx.types import standard_artifacts
from tfx.utils import path_utils

from components.episode_generator.executor import Executor as Generator
from components.episode_generator.settings import EpisodeGeneratorSettings
from components.few_shot_evaluator import judging
from components.few_shot_evaluator.executor import Executor
from components.few_shot_evaluator.gate import GateSettings
from components.fewshot.episodes.episode import EpisodeSpec, images_of
from components.fewshot.episodes.frozen import episodes_hash, from_example, read_frozen, to_example
from components.fewshot.episodes.subset import subset_of
from components.fewshot.evaluation import features
from components.fewshot.images.store import ImageStore
from components.fewshot.integrity import Damaged, Incomplete, seal
from components.fewshot.parallel import BATCH
from components.fewshot.serving.manifest import Manifest
from components.fewshot.serving.seen import Seen
from components.fewshot.serving.served import ServedModel
from tests.components import artifacts
from tests.components.fewshot import toys

FIXED = artifacts.EPISODES | {"also": [{"spec": {"way": 2, "shot": 3, "query": 4}, "episodes": 3}]}


@pytest.fixture(scope="module")
def episodes_of(tmp_path_factory):
    inputs = artifacts.write_examples(tmp_path_factory.mktemp("inputs"))

    def generate(**changes):
        made = artifacts.artifact(standard_artifacts.Examples, tmp_path_factory.mktemp("episodes"), 3)
        settings = EpisodeGeneratorSettings.model_validate(FIXED | changes).model_dump_json()
        Generator(artifacts.context()).Do(inputs, {"episodes": [made]}, {"settings": settings})
        return made

    return generate


@pytest.fixture(scope="module")
def episodes(episodes_of):
    return episodes_of()


@pytest.fixture(scope="module")
def model_of(tmp_path_factory):
    """Model artifacts: of a learner with these settings."""

    def make(learner="protonet", number=11, **settings):
        model = artifacts.artifact(standard_artifacts.Model, tmp_path_factory.mktemp("model"), number)
        toys.trained(learner, **settings).export(path_utils.serving_model_dir(model.uri))
        return [model]

    return make


@pytest.fixture(scope="module")
def model(model_of):
    return model_of()


def judge(
    root: Path,
    inputs: dict,
    workers=artifacts.ONE_WORKER,
    served: tuple[str, ...] = (),
    kept: str = "",
    code="x",
    **gate,
):
    """Runs the executor, with these versions in the push destination; answers with metrics, the evaluation's directory and
    the blessing."""
    evaluation = artifacts.artifact(standard_artifacts.ModelEvaluation, root / "evaluation", 21)
    blessing = artifacts.artifact(standard_artifacts.ModelBlessing, root / "blessing", 22)
    settings = GateSettings.model_validate({"require_baselines": False} | gate)
    properties = {
        "gate": settings.model_dump_json(),
        "configuration": json.dumps({"seed": 5}),
        "code_fingerprint": code,
    }
    properties |= {"destination": "nowhere", "served": json.dumps(served), "judged": kept}
    Executor(artifacts.context(workers)).Do(inputs, {"evaluation": [evaluation], "blessing": [blessing]}, properties)
    metrics = json.loads((root / "evaluation" / "metrics.json").read_text())
    return metrics, root / "evaluation", blessing


@pytest.fixture(scope="module")
def judged(tmp_path_factory, episodes, model, model_of):
    inputs = {"episodes": [episodes], "model": model, "pixels": model_of("transfer", 12)}
    return judge(tmp_path_factory.mktemp("judged"), inputs)


def test_what_is_written(judged, episodes, model):
    metrics, directory, blessing = judged
    assert metrics["episodes"] == 12 and metrics["way"] == 3 and metrics["shot"] == 2 and metrics["query"] == 4
    assert metrics["episodes_hash"] == episodes.get_string_custom_property("hash_test")
    assert metrics["batch_norm"] == "running" and metrics["inductive"] is True and metrics["learner"] == "protonet"
    assert metrics["baselines"].keys() == {"pixels"} and metrics["production"] is None
    assert metrics["over_classes"]["low"] <= metrics["accuracy"] <= metrics["over_classes"]["high"]
    (also,) = metrics["also"]
    assert also["name"] == "2-way 3-shot" and also["episodes"] == 3
    assert json.loads((directory / "latency.json").read_text()).keys() == {"adapt_ms", "predict_ms", "predict_one_ms"}
    assert "3-way 2-shot" in (directory / "report.html").read_text()
    by_features = metrics["independence"]["by_features"]
    assert by_features["checked"] == 5 and by_features["holds"] and by_features["max_difference"] <= 1e-4
    assert "each test image was embedded once" in (directory / "report.html").read_text()
    assert not (directory / "features").exists()
    assert metrics["blessed"] is True
    assert os.listdir(blessing.uri) == [constants.BLESSED_FILE_NAME]
    assert blessing.get_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY) == constants.BLESSED_VALUE
    assert blessing.get_string_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY) == model[0].uri


def test_two_workers_find_the_same_to_the_last_digit(tmp_path, judged, episodes, model, model_of):
    inputs = {"episodes": [episodes], "model": model, "pixels": model_of("transfer", 12)}
    assert judge(tmp_path, inputs, artifacts.TWO_PROCESSES)[0] == judged[0]


def test_by_features_as_by_images(tmp_path, judged, episodes, model, model_of, monkeypatch):
    """Models that take no features go the long way, and everything that is measured is the same within rounding."""
    monkeypatch.setattr(ServedModel, "takes_features", property(lambda self: False))
    inputs = {"episodes": [episodes], "model": model, "pixels": model_of("transfer", 12)}
    metrics, directory, _ = judge(tmp_path, inputs)
    assert metrics["independence"]["by_features"] is None
    assert "each test image was embedded once" not in (directory / "report.html").read_text()
    ours, theirs = ({**one, "independence": None} for one in (judged[0], metrics))
    numbers = {key: (ours.pop(key), theirs.pop(key)) for key in ("log_loss", "ece", "reliability", "also", "baselines")}
    assert ours == theirs
    for key in ("log_loss", "ece"):
        assert numbers[key][0] == pytest.approx(numbers[key][1], abs=1e-5)
    for ours, theirs in zip(*numbers["also"], strict=True):
        assert (ours["accuracy"], ours["ci95"]) == (theirs["accuracy"], theirs["ci95"])
    ours, theirs = (baselines["pixels"] for baselines in numbers["baselines"])
    assert (ours["accuracy"], ours["difference"]) == (theirs["accuracy"], theirs["difference"])


def test_each_image_is_embedded_once(tmp_path, episodes, model, model_of, monkeypatch):
    """Once for all models, those of all their episodes together; only these are looked at, and decoded once where models see the
    same in them."""
    drawn, seen, embed, see = [], [], features.embed_share, ServedModel.see
    monkeypatch.setattr(ServedModel, "episode_answers", lambda *given: pytest.fail("by images"))

    def counted(number, models, store):
        def encoded(draw):
            drawn.extend((int(r), int(t)) for r, t in zip(draw.rows, draw.turns, strict=True))
            return store.encoded(draw)

        assert len(models) == 2
        embed(number, models, SimpleNamespace(encoded=encoded))

    monkeypatch.setattr(judging, "embed_share", counted)
    monkeypatch.setattr(ServedModel, "see", lambda self, images: seen.append(len(images)) or see(self, images))
    monkeypatch.setattr(Manifest, "reading", property(lambda self: "alike"))
    split = os.path.join(episodes.uri, "Split-test")
    sets = {name: read_frozen(split, name) for name in ("episodes", "also-0")}
    case = SimpleNamespace(
        sets=sets, directory=os.path.join(split, "store"), serialized=lambda name: [to_example(e) for e in sets[name]]
    )
    paths = {
        name: path_utils.serving_model_path(one[0].uri) for name, one in (("model", model), ("pixels", model_of("nca")))
    }
    wanted = {"episodes": paths, "also-0": {"model": paths["model"]}}
    Executor(artifacts.context())._judge_new(case, str(tmp_path), wanted)
    images = images_of([*sets["episodes"], *sets["also-0"]])
    assert len(images) <= 48 < 12 * 3 * 6
    assert sorted(drawn) == [(i // 4, i % 4) for i in images]
    assert seen == [BATCH] * math.ceil(len(images) / BATCH)


def test_models_that_make_the_same_features_share_them(tmp_path, episodes, model, monkeypatch):
    monkeypatch.setattr(Manifest, "embedding", property(lambda self: "alike"))
    split = os.path.join(episodes.uri, "Split-test")
    sets = {name: read_frozen(split, name) for name in ("episodes", "also-0")}
    case = SimpleNamespace(sets=sets, directory=os.path.join(split, "store"))
    path = path_utils.serving_model_path(model[0].uri)
    wanted = {"episodes": {"candidate-one": path}, "also-0": {"model": path}}
    found = Executor(artifacts.context())._embed(case, str(tmp_path), wanted)
    assert found == dict.fromkeys(("candidate-one", "model"), str(tmp_path / "alike"))
    store = features.FeatureStore(str(tmp_path / "alike"))
    for episode in (*sets["episodes"], *sets["also-0"]):
        assert len(store.vectors(episode.query)) == len(episode.query.rows)


def test_features_that_beam_loses_are_missed(tmp_path, episodes, model, monkeypatch):
    monkeypatch.setattr(judging, "embed_share", lambda number, models, store: None)
    with pytest.raises(Incomplete, match=r"features: features-00000 of \d+ images is missing"):
        judge(tmp_path, {"episodes": [episodes], "model": model})


def test_features_that_are_not_those_of_the_images_bless_nothing(tmp_path, episodes, model, monkeypatch):
    """A model whose `adapt_features` takes features for something else than what `adapt` makes of the images."""
    adapt = ServedModel.adapt_features
    monkeypatch.setattr(ServedModel, "adapt_features", lambda self, support, labels: adapt(self, 2 * support, labels))
    metrics, directory, _ = judge(tmp_path, {"episodes": [episodes], "model": model})
    by_features = metrics["independence"]["by_features"]
    assert by_features["holds"] is False and by_features["max_difference"] > 0.01
    assert metrics["independence"]["holds"] is True and metrics["blessed"] is False
    assert "by its features differ by up to" in metrics["reasons"][-1]
    assert "by its features differ by up to" in (directory / "report.html").read_text()


def test_what_is_not_good_enough_is_not_blessed(tmp_path, episodes, model):
    metrics, _, blessing = judge(tmp_path, {"episodes": [episodes], "model": model}, threshold=1.0)
    assert metrics["blessed"] is False and "below the threshold of 100.00 %" in metrics["reasons"][0]
    assert os.listdir(blessing.uri) == [constants.NOT_BLESSED_FILE_NAME]
    assert blessing.get_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY) == constants.NOT_BLESSED_VALUE


def test_a_transductive_model_is_labelled_and_not_blessed(tmp_path, episodes, model_of):
    inputs = {"episodes": [episodes], "model": model_of(batch_norm="transductive")}
    metrics, directory, _ = judge(tmp_path, inputs)
    assert metrics["batch_norm"] == "transductive" and metrics["inductive"] is False
    assert metrics["blessed"] is False and metrics["reasons"][-1].endswith("the model is not inductive")
    assert "transductive" in (directory / "report.html").read_text()


def pushed(root: Path, version: int, model: list, **metrics) -> str:
    """A version as the Pusher leaves it."""
    path = root / "served" / str(version)
    shutil.copytree(path_utils.serving_model_path(model[0].uri), path)
    manifest = Manifest.read(str(path))
    manifest.metrics = {"way": 3, "shot": 2, "query": 4} | metrics
    manifest.data = {"fingerprint_test": "images"}
    manifest.write(str(path))
    return str(path)


def test_beside_the_model_in_production(tmp_path, episodes, model):
    """Against a copy of itself the difference is nothing; what was compared is in the blessing."""
    served = pushed(tmp_path, 7, model)
    metrics, directory, blessing = judge(tmp_path, {"episodes": [episodes], "model": model}, served=(served,))
    same = {"low": 0.0, "high": 0.0, "classes": 6}
    assert metrics["production"]["difference"] == {"mean": 0.0, "ci95": 0.0, "over_classes": same}
    assert metrics["production"]["version"] == "7" and metrics["served"] == [served]
    assert metrics["best"] is None and metrics["blessed"]
    assert blessing.get_string_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_URI_KEY) == served
    assert "in production" in (directory / "report.html").read_text()


def test_beside_the_best_one_so_far(tmp_path, episodes, model, model_of):
    """The newest version is in production; an older one had a higher accuracy on the same test images."""
    candidate = artifacts.artifact(standard_artifacts.Model, tmp_path / "candidate", 14)
    shutil.copytree(path_utils.serving_model_path(model[0].uri), path_utils.serving_model_dir(candidate.uri))
    manifest = Manifest.read(path_utils.serving_model_path(candidate.uri))
    manifest.data = {"fingerprint_test": "images"}
    manifest.write(path_utils.serving_model_path(candidate.uri))
    served = tuple(pushed(tmp_path, i, model, accuracy=at) for i, at in enumerate((0.6, 0.9, 0.7)))
    metrics, directory, _ = judge(tmp_path, {"episodes": [episodes], "model": [candidate]}, served=served)
    assert (metrics["production"]["version"], metrics["best"]["version"]) == ("2", "1")
    assert "best so far" in (directory / "report.html").read_text()


def test_what_came_since_the_model_in_production(tmp_path, episodes_of, model, model_of):
    """The domain that begins each source id stands for a span. The model in production was pushed by the first one alone; it and
    the candidate are judged on the test episodes of then, on the classes of the second, and nobody else is."""
    episodes = episodes_of()
    episodes.set_string_custom_property("spans", json.dumps(["test-a", "test-b"]))
    store = ImageStore.open(f"{episodes.uri}/Split-test/store")
    spec = EpisodeSpec(way=2, shot=1, query=3)
    drawn = subset_of(store.index, [one.startswith("test-a/") for one in store.source_ids]).episodes(spec, 3, 6)
    served = pushed(tmp_path, 7, model_of("transfer", 12))
    manifest = Manifest.read(served)
    manifest.data = {"spans": ["test-a"], "seed": 3, "test_episodes": 6, "spec_test": spec.model_dump(mode="json")}
    manifest.data |= {"hash_test": episodes_hash(drawn, store.index, store.source_ids)}
    manifest.write(served)
    inputs = {"episodes": [episodes], "model": model, "pixels": model_of("transfer", 13)}
    metrics, directory, _ = judge(tmp_path, inputs, served=(served,), margin=1)
    before, new = metrics["arrivals"]["before"], metrics["arrivals"]["new"]
    assert (before["way"], before["episodes"], before["classes"]) == (2, 6, 3)
    assert (new["way"], new["query"], new["episodes"], new["classes"]) == (3, 4, 6, 3)
    for on in (before, new):
        assert on["accuracy"] - on["production"] == pytest.approx(on["difference"]["mean"])
    assert "Since the model in production" in (directory / "report.html").read_text()
    judged_on = {
        line.partition("\t")[0] for line in (directory / "results-new-00000-of-00001").read_text().splitlines()
    }
    assert judged_on == {"model", "production"}


def test_a_model_in_production_is_not_compared_with_itself(tmp_path, episodes, model):
    candidate = artifacts.artifact(standard_artifacts.Model, tmp_path / "candidate", 14)
    shutil.copytree(path_utils.serving_model_path(model[0].uri), path_utils.serving_model_dir(candidate.uri))
    served = pushed(tmp_path, 7, [candidate])
    for path in (served, path_utils.serving_model_path(candidate.uri)):
        manifest = Manifest.read(path)
        manifest.lineage = {"model_fingerprint": "of these weights"}
        manifest.write(path)
    metrics, _, _ = judge(tmp_path, {"episodes": [episodes], "model": [candidate]}, served=(served,))
    assert metrics["production"] == {"not_comparable": "it is this very model"} and metrics["blessed"]


def test_a_model_of_another_way_cannot_be_compared(tmp_path, episodes_of, model, model_of):
    episodes = episodes_of(evaluation={"way": 4, "shot": 1, "query": 3}, also=())
    served = pushed(tmp_path, 7, model_of("maml"))
    metrics, directory, _ = judge(tmp_path, {"episodes": [episodes], "model": model}, served=(served,))
    said = "it has a fixed head of 3 classes, and these episodes are 4-way 1-shot"
    assert metrics["production"] == {"not_comparable": said} and metrics["blessed"]
    assert "a fixed head of 3 classes" in (directory / "report.html").read_text()


def test_ranges_from_episodes_to_report(tmp_path, episodes_of, model):
    episodes = episodes_of(evaluation={"way": (2, 4), "shot": (1, 3), "query": 3}, also=())
    metrics, directory, _ = judge(tmp_path, {"episodes": [episodes], "model": model})
    assert metrics["way"] == [2, 4] and set(metrics["by_shot"]) == {"1", "2", "3"} and len(metrics["by_way"]) > 1
    assert "2..4-way 1..3-shot" in (directory / "report.html").read_text()


def test_distractors_are_measured(tmp_path, episodes_of, model):
    episodes = episodes_of(evaluation={"way": 3, "shot": 1, "query": 3, "distractors": 2}, also=())
    metrics, directory, _ = judge(tmp_path, {"episodes": [episodes], "model": model})
    assert 0 <= metrics["distractor_auroc"] <= 1
    assert "none of these" in (directory / "report.html").read_text()


def test_what_the_threshold_for_none_of_these_does_is_measured(judged, model):
    metrics, directory, _ = judged
    threshold = ServedModel(path_utils.serving_model_path(model[0].uri)).manifest.none_of_these["threshold"]
    found = metrics["none_of_these"]
    assert found["threshold"] == threshold and found["episodes"] == 12 and found["auroc"] > 0.5
    (path,) = directory.glob("results-strangers-*")
    results = [json.loads(line.split("\t")[1]) for line in path.read_text().splitlines()]
    for side, share in (("known_scores", "false_alarms"), ("unknown_scores", "caught")):
        scores = [score for result in results for score in result[side]]
        assert found[share] == sum(score < threshold for score in scores) / len(scores)
    assert "<h3>None of these</h3>" in (directory / "report.html").read_text()


def test_a_model_without_a_threshold_says_nothing_of_strangers(tmp_path, episodes, model):
    bare = artifacts.artifact(standard_artifacts.Model, tmp_path / "bare", 31)
    place = path_utils.serving_model_dir(bare.uri)
    shutil.copytree(path_utils.serving_model_path(model[0].uri), place)
    Manifest.read(place).model_copy(update={"none_of_these": {}}).write(place)
    metrics, directory, _ = judge(tmp_path / "out", {"episodes": [episodes], "model": [bare]})
    assert metrics["none_of_these"] is None and not list(directory.glob("results-strangers-*"))
    assert "<h3>None of these</h3>" not in (directory / "report.html").read_text()


def test_a_model_without_manifest(tmp_path, episodes, model):
    bare = artifacts.artifact(standard_artifacts.Model, tmp_path / "bare", 30)
    os.makedirs(path_utils.serving_model_dir(bare.uri))
    with pytest.raises(FileNotFoundError, match="no few-shot model at"):
        judge(tmp_path / "out", {"episodes": [episodes], "model": [bare]})
    assert Manifest.read(path_utils.serving_model_path(model[0].uri)).learner == "protonet"


def test_a_model_that_has_seen_a_test_class_is_no_rival(tmp_path, episodes, model, model_of):
    served = pushed(tmp_path, 7, model_of("transfer", 13))
    Seen(train=frozenset({"test-a/00", "elsewhere"})).write(served)
    metrics, _, _ = judge(tmp_path, {"episodes": [episodes], "model": model}, served=(served,))
    said = "it was trained on 1 of the classes that must be unseen (test-a/00)"
    assert metrics["production"] == {"not_comparable": said} and metrics["blessed"]


def test_a_fixed_head_tells_how_much_names_matter(tmp_path, judged, episodes_of, model_of):
    assert judged[0]["label_spread"] is None
    inputs = {"episodes": [episodes_of(also=())], "model": model_of("maml"), "pixels": model_of("transfer", 12)}
    metrics, directory, _ = judge(tmp_path, inputs)
    spread = metrics["label_spread"]
    assert spread["namings"] == 3 and spread["episodes"] == 10 and 0 < spread["std"] < 0.5
    assert "has a fixed head" in (directory / "report.html").read_text()
    assert metrics["batch_norm"] == "support"
    assert metrics["baselines"]["pixels"]["batch_norm"] == "running" and metrics["baselines"]["pixels"]["inductive"]


@pytest.fixture
def new(monkeypatch):
    """The models that are judged in a Beam pipeline, by set of episodes."""
    seen: list[dict[str, list[str]]] = []
    before = Executor._judge_new

    def judge_new(self, case, output, sets):
        seen.append({name: sorted(models) for name, models in sets.items()})
        before(self, case, output, sets)

    monkeypatch.setattr(Executor, "_judge_new", judge_new)
    return seen


def test_another_gate_judges_nothing_again(tmp_path, episodes, model, model_of, new):
    kept = str(tmp_path / "kept")
    inputs = {"episodes": [episodes], "model": model, "pixels": model_of("transfer", 12)}
    first, directory, _ = judge(tmp_path / "1", inputs, kept=kept)
    assert new == [{"episodes": ["model", "pixels"], "also-0": ["model"], "strangers": ["model"]}] and first["blessed"]
    again, directory, blessing = judge(tmp_path / "2", inputs, kept=kept, threshold=1.0)
    assert len(new) == 1
    assert again["blessed"] is False and os.listdir(blessing.uri) == [constants.NOT_BLESSED_FILE_NAME]
    decided = ("blessed", "reasons", "gate")
    assert {k: v for k, v in again.items() if k not in decided} == {k: v for k, v in first.items() if k not in decided}
    lines = [line for path in directory.glob("results-episodes-*") for line in path.read_text().splitlines()]
    assert len(lines) == 2 * 12


def test_what_is_new_is_judged(tmp_path, episodes, episodes_of, model, model_of, new):
    """Another rival, other code, other episodes, and results that are damaged."""
    kept = str(tmp_path / "kept")
    inputs = {"episodes": [episodes], "model": model}
    judge(tmp_path / "1", inputs, kept=kept)
    judge(tmp_path / "2", inputs | {"pixels": model_of("transfer", 12)}, kept=kept)
    assert new[1:] == [{"episodes": ["pixels"]}]
    judge(tmp_path / "3", inputs, kept=kept, code="y")
    judge(tmp_path / "4", inputs | {"episodes": [episodes_of(seed=7)]}, kept=kept)
    assert new[2:] == [{"episodes": ["model"], "also-0": ["model"], "strangers": ["model"]}] * 2
    before = judge(tmp_path / "5", inputs, kept=kept)[0]
    assert len(new) == 4
    for path in Path(kept).glob("*/results.jsonl"):
        path.write_text(path.read_text().replace("1", "2"))
    assert judge(tmp_path / "6", inputs, kept=kept)[0] == before
    assert new[4:] == [{"episodes": ["model"], "also-0": ["model"], "strangers": ["model"]}]
    assert judge(tmp_path / "7", inputs, kept=kept)[0] == before and len(new) == 5


def test_a_pushed_copy_is_not_judged_again(tmp_path, episodes, model, new):
    """Its manifest has changed, which does not answer anything."""
    kept = str(tmp_path / "kept")
    judge(tmp_path / "1", {"episodes": [episodes], "model": model}, kept=kept)
    served = pushed(tmp_path, 7, model)
    metrics, _, _ = judge(tmp_path / "2", {"episodes": [episodes], "model": model}, served=(served,), kept=kept)
    assert len(new) == 1 and metrics["production"]["difference"]["mean"] == 0.0


def test_no_damaged_model_is_judged(tmp_path, episodes, model):
    """Neither the candidate nor what it is compared with; the sentence says what to do."""
    served = pushed(tmp_path, 7, model)
    seal(served)
    flip(Path(served) / "saved_model.pb")
    with pytest.raises(Damaged, match=r"served/7 is damaged \(saved_model.pb has other bytes .*: remove this version"):
        judge(tmp_path / "one", {"episodes": [episodes], "model": model}, served=(served,))
    candidate = artifacts.artifact(standard_artifacts.Model, tmp_path / "model" / "11", 11)
    shutil.copytree(model[0].uri, candidate.uri, dirs_exist_ok=True)
    seal(candidate.uri)
    flip(next(Path(candidate.uri).rglob("variables.data*")))
    with pytest.raises(Damaged, match="variables.data-00000-of-00001 has other bytes than were written"):
        judge(tmp_path / "two", {"episodes": [episodes], "model": [candidate]})


def test_a_result_that_beam_loses_is_missed(tmp_path, episodes, model, monkeypatch):
    judge_one = judging._Judge._judge

    def lossy(self, serialized):
        return [] if from_example(serialized).index == 3 else judge_one(self, serialized)

    monkeypatch.setattr(judging._Judge, "_judge", lossy)
    with pytest.raises(Incomplete, match=r"'model': expected 12 episodes by number, got 11 \(number 3 is missing\)"):
        judge(tmp_path, {"episodes": [episodes], "model": model})


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
