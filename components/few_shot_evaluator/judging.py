"""Evaluates models on frozen episodes in a Beam pipeline.

This module does not import TFX, so that worker processes start quickly.
"""

import functools
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import apache_beam as beam

from components.fewshot.episodes.frozen import from_example
from components.fewshot.evaluation.judging import encode_episode, judge
from components.fewshot.evaluation.metrics import to_json
from components.fewshot.images.store import ImageStore
from components.fewshot.serving.served import ServedModel

BUNDLES = 32  # enough to share the episodes among workers; few, because a worker may load the models for each bundle
TOGETHER = 16  # episodes that share a pool of threads: enough to use every core of a worker, with bounded memory


class JudgeEpisodes(beam.PTransform):
    """Evaluates every model on every episode.

    Args:
      models: the directory of each SavedModel, by the name of the model.
      store: the directory of the image store.
    """

    def __init__(self, models: Mapping[str, str], store: str) -> None:
        super().__init__()
        self.models, self.store = dict(models), store

    def expand(self, episodes: beam.PCollection[bytes]) -> beam.PCollection[tuple[str, str]]:
        """Takes serialized episodes; returns (name of the model, JSON of its `EpisodeResult`) for each model and episode."""
        batches = episodes | beam.Reshuffle(BUNDLES) | beam.BatchElements(TOGETHER, TOGETHER)
        return batches | beam.ParDo(_Judge(self.models, self.store))


# All workers and stages of a process share one of each: a model takes seconds to load, and the store keeps turned images.
_ONE_AT_A_TIME = threading.Lock()


def served_model(path: str) -> ServedModel:
    """Returns the model in a directory; a process loads it only once."""
    with _ONE_AT_A_TIME:
        return _served_model(path)


def image_store(directory: str) -> ImageStore:
    """Returns the image store in a directory; a process opens it only once."""
    with _ONE_AT_A_TIME:
        return _image_store(directory)


def forget() -> None:
    """Lets go of all models and of the store: a process that goes on with other work needs their memory, 150 MB a model."""
    with _ONE_AT_A_TIME:
        _served_model.cache_clear()
        _image_store.cache_clear()


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
