"""The DriftDetector on real artifacts: why a model is made anew, what is written, and when the graph goes on."""

import json
import shutil
from pathlib import Path

import pytest
from tfx.types import standard_artifacts

from components.drift_detector.executor import Executor
from components.drift_detector.settings import DriftSettings
from components.episode_generator.executor import Executor as Generator
from components.episode_generator.settings import EpisodeGeneratorSettings
from components.fewshot.images.store import ImageStore
from components.fewshot.integrity import Damaged, seal
from components.fewshot.serving.manifest import Manifest
from tests.components import artifacts
from tests.components.fewshot import toys

# The domain that each source id begins with stands for a span.
SPANS = [f"{split}-{letter}" for split in ("train", "val", "test") for letter in "ab"]


@pytest.fixture(scope="module")
def episodes(tmp_path_factory):
    inputs = artifacts.write_examples(tmp_path_factory.mktemp("inputs"))
    inputs["examples"][0].set_string_custom_property("spans", json.dumps(SPANS))
    made = artifacts.artifact(standard_artifacts.Examples, tmp_path_factory.mktemp("episodes"), 3)
    settings = EpisodeGeneratorSettings.model_validate(artifacts.EPISODES).model_dump_json()
    Generator(artifacts.context()).Do(inputs, {"episodes": [made]}, {"settings": settings})
    return made


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    directory = str(tmp_path_factory.mktemp("model"))
    toys.trained("protonet").export(directory)
    return directory


@pytest.fixture
def served(tmp_path, exported):
    """A version as the Pusher leaves it, of the recipe `r` and some spans."""

    def push(spans=(), recipe="r") -> str:
        path = tmp_path / "served" / "7"
        shutil.copytree(exported, path, dirs_exist_ok=True)
        manifest = Manifest.read(str(path))
        manifest.data = {"spans": list(spans), "spec_test": {"way": 2, "shot": 1, "query": 3}}
        manifest.lineage = {"recipe": recipe}
        manifest.write(str(path))
        seal(str(path))
        return str(path)

    return push


def detect(root: Path, episodes, *served: str, **settings):
    drift = artifacts.artifact(standard_artifacts.ModelEvaluation, root / "drift", 9)
    properties = {"settings": DriftSettings(**settings).model_dump_json(), "destination": "nowhere", "recipe": "r"}
    properties |= {"served": json.dumps(served)}
    Executor().Do({"episodes": [episodes]}, {"drift": [drift]}, properties)
    return json.loads((root / "drift" / "drift.json").read_text()), drift


def test_spans_travel_with_the_episodes(episodes):
    assert json.loads(episodes.get_string_custom_property("spans")) == SPANS


@pytest.mark.parametrize(
    ("spans", "recipe", "said"),
    [
        (None, "", "nothing is served yet"),
        ([], "r", "the model in production does not say which spans it knows"),
        (["train-a"], "another", "the settings are others than those of the model in production"),
    ],
)
def test_whatever_the_images_are(tmp_path, episodes, served, spans, recipe, said):
    known = [] if spans is None else [served(spans, recipe)]
    drift, made = detect(tmp_path, episodes, *known, retrain="needed")
    assert (drift["decision"], drift["because"], drift["goes_on"], drift["figures"]) == ("retrain", said, True, None)
    assert made.get_string_custom_property("because") == said and made.get_int_custom_property("goes_on") == 1


def test_a_model_of_another_tool(tmp_path, episodes):
    (tmp_path / "7").mkdir()
    drift, _ = detect(tmp_path, episodes, str(tmp_path / "7"))
    assert drift["decision"] == "retrain" and drift["because"].startswith(
        "the model in production was pushed by another"
    )


def test_new_classes_need_no_training(tmp_path, episodes, served):
    """All classes of the other domain are new: many more than half as many. With a higher bar the model adapts to them."""
    production = served([one for one in SPANS if one.endswith("a")])
    drift, made = detect(tmp_path / "1", episodes, production, retrain="needed")
    assert drift["decision"] == "retrain" and "100 % more train classes" in drift["because"]
    drift, made = detect(tmp_path / "2", episodes, production, retrain="needed", growth=2)
    assert (drift["decision"], drift["goes_on"], drift["production"]) == ("adapt only", False, "7")
    assert drift["spans"] == ["test-b", "train-b", "val-b"] and drift["known_spans"] == 3
    store = ImageStore.open(f"{episodes.uri}/Split-test/store")
    known = [name for name, domain in zip(store.index.names, store.index.domains, strict=True) if domain == "test-a"]
    assert drift["figures"]["adapting"]["known_classes"] == len(known)
    assert made.get_int_custom_property("goes_on") == 0
    page = (tmp_path / "2" / "drift" / "drift.html").read_text()
    assert "<strong>Adapt only</strong>" in page and "production on new classes" in page
    drift, _ = detect(tmp_path / "3", episodes, production, growth=2)
    assert drift["decision"] == "adapt only" and drift["goes_on"], "by default it always trains"


def test_nothing_came(tmp_path, episodes, served):
    drift, _ = detect(tmp_path, episodes, served(SPANS), retrain="needed")
    assert (drift["decision"], drift["figures"]["images"], drift["spans"]) == ("skip", 0, [])


def test_a_damaged_model_is_not_asked(tmp_path, episodes, served):
    production = Path(served(["train-a"]))
    (production / "saved_model.pb").write_bytes(b"x")
    with pytest.raises(Damaged):
        detect(tmp_path, episodes, str(production))
