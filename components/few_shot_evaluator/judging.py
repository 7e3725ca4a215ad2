"""Models on frozen episodes in a Beam pipeline. Nothing here knows of TFX, so that worker processes start without it."""

import functools
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import apache_beam as beam

from components.fewshot.episodes.frozen import from_example
from components.fewshot.evaluation.judging import encode_episode, judge
from components.fewshot.evaluation.metrics import to_json
from components.fewshot.images.store import ImageStore
from components.fewshot.serving.served import ServedModel

BUNDLES = 32  # of episodes: enough for any number of workers here, few enough that loading models is cheap
TOGETHER = 16  # episodes that share a pool of threads: a worker keeps every core busy, and memory stays bounded


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
        batches = episodes | beam.Reshuffle(BUNDLES) | beam.BatchElements(TOGETHER, TOGETHER)
        return batches | beam.ParDo(_Judge(self.models, self.store))


# Loading takes seconds, and turned images are kept by the store: one of each for all workers and stages of a process.
_ONE_AT_A_TIME = threading.Lock()


def served_model(path: str) -> ServedModel:
    """The model in a directory."""
    with _ONE_AT_A_TIME:
        return _served_model(path)


def image_store(directory: str) -> ImageStore:
    """The image store in a directory."""
    with _ONE_AT_A_TIME:
        return _image_store(directory)


_served_model = functools.lru_cache(8)(ServedModel)
_image_store = functools.lru_cache(1)(ImageStore.open)


class _Judge(beam.DoFn):
    def __init__(self, models: dict[str, str], store: str) -> None:
        self.paths, self.directory = models, store

    def setup(self) -> None:
        self.models = {name: served_model(path) for name, path in self.paths.items()}
        self.store = image_store(self.directory)

    def process(self, batch: Sequence[bytes]) -> Iterator[tuple[str, str]]:
        with ThreadPoolExecutor(os.cpu_count()) as pool:  # TensorFlow computes outside Python's lock
            for judged in pool.map(self._judge, batch):
                yield from judged

    def _judge(self, serialized: bytes) -> list[tuple[str, str]]:
        encoded = encode_episode(self.store, from_example(serialized))
        return [(name, to_json(judge(model, encoded)[0])) for name, model in self.models.items()]
