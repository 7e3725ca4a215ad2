"""Evaluates models on frozen episodes in a Beam pipeline.

This module does not import TFX, so that worker processes start quickly.
"""

import functools
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam

from components.fewshot.episodes.frozen import from_example
from components.fewshot.evaluation.features import FeatureStore, embed_share
from components.fewshot.evaluation.judging import judge_by_features
from components.fewshot.evaluation.kinds import EVALUATIONS
from components.fewshot.evaluation.results import to_json
from components.fewshot.images.store import ImageStore
from components.fewshot.parallel import in_parallel
from components.fewshot.serving.opening import open_served

BUNDLES = 32  # enough to share the episodes among workers; few, because a worker may load the models for each bundle
TOGETHER = 16  # episodes that share a pool of threads: enough to use every core of a worker, with bounded memory


class EmbedImages(beam.PTransform):
    """Writes the features of test images.

    Args:
      models: the directory of each SavedModel, by the directory for its features, where `features.deal_out` has said what is to
        be embedded.
      store: the directory of the image store.
    """

    def __init__(self, models: Mapping[str, str], store: str) -> None:
        super().__init__()
        self.models, self.store = dict(models), store

    def expand(self, shares: beam.PCollection[int]) -> beam.PCollection[None]:
        """Takes numbers of shares."""
        return shares | beam.Reshuffle() | beam.ParDo(_Embed(self.models, self.store))


class JudgeEpisodes(beam.PTransform):
    """Evaluates every model, all of one kind, on every episode.

    Args:
      models: the directory of each SavedModel, by the name of the model.
      store: the directory of the image store.
      features: the directory of the features of all images of the episodes, for each model that is to be judged by them; the
        others get the images.
    """

    def __init__(self, models: Mapping[str, str], store: str, features: Mapping[str, str]) -> None:
        super().__init__()
        self.models, self.store = dict(models), store
        self.features = {name: path for name, path in features.items() if name in self.models}

    def expand(self, episodes: beam.PCollection[bytes]) -> beam.PCollection[tuple[str, str]]:
        """Takes serialized episodes; returns (name of the model, JSON of its result) for each model and episode."""
        batches = episodes | beam.Reshuffle(BUNDLES) | beam.BatchElements(TOGETHER, TOGETHER)
        return batches | beam.ParDo(_Judge(self.models, self.store, self.features))


# All workers and stages of a process share one of each: a model takes seconds to load, and the store keeps turned images.
_ONE_AT_A_TIME = threading.Lock()


def served_model(path: str) -> Any:
    """Returns the client of the model in a directory, of its kind; a process loads it only once."""
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


_served_model = functools.cache(open_served)  # a run has as many as its user wants candidates; `forget` lets go of them
_image_store = functools.lru_cache(1)(ImageStore.open)


class _Embed(beam.DoFn):
    def __init__(self, models: dict[str, str], store: str) -> None:
        self.paths, self.store = models, store

    def process(self, share: int) -> None:
        models = {features: served_model(path) for features, path in self.paths.items()}
        embed_share(share, models, image_store(self.store))


class _Judge(beam.DoFn):
    def __init__(self, models: dict[str, str], store: str, features: dict[str, str]) -> None:
        self.paths, self.directory, self.embedded = models, store, features

    def setup(self) -> None:
        self.models = {name: served_model(path) for name, path in self.paths.items()}
        self.store = image_store(self.directory)
        self.features = {name: FeatureStore(path) for name, path in self.embedded.items()}

    def process(self, batch: Sequence[bytes]) -> Iterator[tuple[str, str]]:
        for judged in in_parallel(self._judge, batch):
            yield from judged

    def _judge(self, serialized: bytes) -> list[tuple[str, str]]:
        episode = from_example(serialized)
        results: dict[str, Any] = {}
        for name, features in self.features.items():
            results[name] = judge_by_features(self.models[name], features, self.store.index, episode)
        if by_images := self.models.keys() - self.features.keys():
            of_kind = EVALUATIONS[self.models[min(by_images)].manifest.kind]
            encoded = of_kind.encode(self.store, episode)  # read once for all of them
            results |= {name: of_kind.judge(self.models[name], encoded)[0] for name in by_images}
        return [(name, to_json(result)) for name, result in results.items()]
