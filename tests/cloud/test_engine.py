"""The three nodes of ours that use Beam, on an engine with worker processes of its own: the same bytes as in one process.

It shows that nothing in them needs the memory or the disk of the process that starts them but the files that all can reach, and
that everything which goes to workers can be sent. It does not show how a cluster behaves that loses machines, nor its speed.
"""

import json
import os
from pathlib import Path

import pytest
import tensorflow as tf
from tfx.types import standard_artifacts
from tfx.utils import path_utils

from components.episode_generator.executor import Executor as Generator
from components.episode_generator.settings import EpisodeGeneratorSettings
from components.few_shot_evaluator.executor import Executor as Evaluator
from components.few_shot_evaluator.settings import GateSettings
from components.fewshot.integrity import LIST
from components.image_example_gen.component import ImageExampleGen
from components.image_example_gen.executor import Executor as Ingest
from data.settings import ImageSetSettings
from tests import pictures
from tests.cloud.engine import portable_engine
from tests.components import artifacts
from tests.components.fewshot import toys

WORKERS = 2


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    with portable_engine(tmp_path_factory.mktemp("engine"), WORKERS) as made:
        yield made


def contents(directory: Path) -> dict[str, object]:
    """The content of each file. Of frozen episodes, whose order no engine keeps, the sorted records, and nothing of the list of
    digests, which is of this order."""
    found: dict[str, object] = {}
    for path in sorted(one for one in directory.rglob("*") if one.is_file() and one.name != LIST):
        name = str(path.relative_to(directory))
        if path.suffix == ".tfrecord":
            found[name] = sorted(one.numpy() for one in tf.data.TFRecordDataset(str(path)))
        else:
            found[name] = path.read_bytes()
    return found


def ingest(root: Path, folders: dict[str, str], beam: tuple[str, ...]) -> Path:
    examples = artifacts.artifact(standard_artifacts.Examples, root / "ingest" / "examples" / "1")
    properties = dict(ImageExampleGen(ImageSetSettings(**folders), "some").exec_properties)
    Ingest(artifacts.context(beam)).Do({}, {"examples": [examples]}, properties)
    return Path(examples.uri)


def generate(root: Path, inputs: dict, beam: tuple[str, ...]):
    made = artifacts.artifact(standard_artifacts.Examples, root / "episodes", 3)
    settings = EpisodeGeneratorSettings.model_validate(artifacts.EPISODES).model_dump_json()
    Generator(artifacts.context(beam)).Do(inputs, {"episodes": [made]}, {"settings": settings})
    return made


def evaluate(root: Path, episodes, model, beam: tuple[str, ...]) -> dict:
    evaluation = artifacts.artifact(standard_artifacts.ModelEvaluation, root / "evaluation", 21)
    blessing = artifacts.artifact(standard_artifacts.ModelBlessing, root / "blessing", 22)
    properties = {"gate": GateSettings(require_baselines=False).model_dump_json(), "configuration": "{}"}
    properties |= {"code_fingerprint": "x", "destination": "nowhere", "served": "[]", "judged": ""}
    outputs = {"evaluation": [evaluation], "blessing": [blessing]}
    Evaluator(artifacts.context(beam)).Do({"episodes": [episodes], "model": [model]}, outputs, properties)
    return json.loads((root / "evaluation" / "metrics.json").read_text())


def test_ingest(tmp_path, engine):
    folders, before = pictures.write_set(tmp_path / "images", train=8, val=3, test=4), engine.started
    here = ingest(tmp_path / "here", folders, artifacts.ONE_WORKER)
    there = ingest(tmp_path / "there", folders, engine.beam)
    assert contents(there) == contents(here) and len(os.listdir(here)) > 3
    assert engine.started - before == WORKERS


def test_episodes_and_evaluation(tmp_path, engine):
    inputs = artifacts.write_examples(tmp_path / "inputs")
    before = engine.started
    here = generate(tmp_path / "here", inputs, artifacts.ONE_WORKER)
    there = generate(tmp_path / "there", inputs, engine.beam)
    assert contents(Path(there.uri)) == contents(Path(here.uri))
    assert (engine.started - before) % WORKERS == 0 < engine.started - before
    model, before = artifacts.artifact(standard_artifacts.Model, tmp_path / "model", 11), engine.started
    toys.trained("protonet").export(path_utils.serving_model_dir(model.uri))
    by_one = evaluate(tmp_path / "here", here, model, artifacts.ONE_WORKER)
    by_engine = evaluate(tmp_path / "there", here, model, engine.beam)
    assert by_engine == by_one
    assert engine.started - before == 2 * WORKERS  # one pipeline embeds the images, and one judges the episodes
