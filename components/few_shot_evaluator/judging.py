"""Models on frozen episodes in a Beam pipeline. Nothing here knows of TFX, so that worker processes start without it."""

from collections.abc import Iterator, Mapping
from typing import Any

import apache_beam as beam

from components.fewshot.episodes import from_example
from components.fewshot.evaluation import encode_episode, judge
from components.fewshot.metrics import to_json
from components.fewshot.served import ServedModel
from components.fewshot.store import ImageStore

BUNDLES = 32  # of episodes: enough for any number of workers here, few enough that loading models is cheap


class JudgeEpisodes(beam.PTransform):
    """Serialized episodes to (name of model, JSON of `EpisodeResult`), for every model.

    Args:
      models: name to directory of a SavedModel.
      store: directory of the image store.
    """

    def __init__(self, models: Mapping[str, str], store: str) -> None:
        super().__init__()
        self.models, self.store = dict(models), store

    def expand(self, episodes: Any) -> Any:
        """PCollection of bytes to PCollection of tuple[str, str]."""
        return episodes | beam.Reshuffle(BUNDLES) | beam.ParDo(_Judge(self.models, self.store))


class _Judge(beam.DoFn):
    def __init__(self, models: dict[str, str], store: str) -> None:
        self.paths, self.directory = models, store

    def setup(self) -> None:
        self.models = {name: ServedModel(path) for name, path in self.paths.items()}
        self.store = ImageStore.open(self.directory)

    def process(self, serialized: bytes) -> Iterator[tuple[str, str]]:
        encoded = encode_episode(self.store, from_example(serialized))
        for name, model in self.models.items():
            yield name, to_json(judge(model, encoded)[0])
