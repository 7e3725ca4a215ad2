"""Artifacts of images with boxes, as the executors make them of those of `scenes.py`."""

from pathlib import Path
from typing import Any

from tfx.types import standard_artifacts

from components.episode_generator.executor import Executor as EpisodeGenerator
from components.episode_generator.settings import EpisodeGeneratorSettings
from components.image_example_gen.executor import Executor as ImageExampleGen
from data.settings import ImageSetSettings
from tests.components import artifacts

IMAGE = {"height": 64, "width": 64, "channels": 3, "fit": "pad"}
SETTINGS = {
    "train": {"way": 3, "shot": 1, "query": 2},
    "evaluation": {"way": 2, "shot": 1, "query": 2, "negatives": 2},
    "val_episodes": 4,
    "test_episodes": 6,
    "image": IMAGE,
}


def ingest(root: Path, **named: str) -> Any:
    """The Examples of the images that are named."""
    examples = artifacts.artifact(standard_artifacts.Examples, root / "examples" / "1")
    settings = ImageSetSettings(kind="detection", **named)
    ImageExampleGen(artifacts.context()).Do({}, {"examples": [examples]}, {"settings": settings.model_dump_json()})
    return examples


def generate(root: Path, examples: Any, workers=artifacts.ONE_WORKER, **changes) -> Any:
    """The episodes of Examples, by SETTINGS with changes."""
    inputs = {"examples": [examples], "transform_graph": [artifacts.write_transform_graph(root, **IMAGE)]}
    episodes = artifacts.artifact(standard_artifacts.Examples, root / "episodes", 3)
    settings = EpisodeGeneratorSettings.model_validate(SETTINGS | changes)
    properties = {"settings": settings.model_dump_json(), "code_fingerprint": "x"}
    EpisodeGenerator(artifacts.context(workers)).Do(inputs, {"episodes": [episodes]}, properties)
    return episodes
