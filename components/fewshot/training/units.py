"""The training units: what one gradient of a learner is computed from, and how the units of a run are drawn.

A unit is an episode, an ordinary batch of shuffled images, or a batch of classes with several images each. All are drawn by
number, so that a run resumes with the next. The batches hold as many images as the episodes of a step would, so learners of
different units see the same number of images in the same number of steps.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from components.fewshot.episodes.batches import GroupedBatches
from components.fewshot.episodes.episode import Episode, EpisodeSpec
from components.fewshot.episodes.task import TrainingUnit
from components.fewshot.images.feed import fed
from components.fewshot.images.feeds import feed_of
from components.fewshot.images.store import PixelStore
from components.fewshot.training.settings import StageSettings, TrainingSettings


class Units(NamedTuple):
    """The units of a training.

    Attributes:
      read: unit by number, as numpy arrays.
      signature: their shapes and dtypes.
      each: number of units a step.
      parts: into how many a step can be divided: its episodes, or the rows of a batch, unless its images are compared
        with one another.
    """

    read: Callable[[int], TrainingUnit]
    signature: TrainingUnit
    each: int
    parts: int

    def feed(self, steps: range) -> Iterator[tuple[TrainingUnit, ...]]:
        """The units of each of `steps`, read ahead."""
        return fed(self.read, steps, self.each)


def training_units(unit: str, store: PixelStore, spec: EpisodeSpec, settings: TrainingSettings, seed: int) -> Units:
    """The units of a name in `UNITS`.

    Args:
      unit: what the learner is trained on (`Learner.unit`).
      store: images of the meta-training classes.
      spec: of training episodes.
      settings: how many episodes or images a step takes.
      seed: of the draws.

    Raises:
      ValueError: the store has too few classes or images, or a unit of this name cannot be trained on as the settings say.
    """
    settings.check_unit(unit)
    return UNITS[unit](store, spec, settings, seed)


def episodes_of(store: PixelStore, draw: Callable[[int], Episode], each: int) -> Units:
    """The episodes that `draw` gives by number, `each` a step."""
    feed = feed_of(store)
    return Units(lambda number: feed.task(draw(number)), feed.task_signature(), each, each)


def images_a_step(spec: EpisodeSpec, settings: StageSettings) -> int:
    """Images that a step takes: `batch_size`, or as many as its episodes hold, on average where way and shot vary."""
    way, shot = (sum(bounds) / 2 for bounds in (spec.way_range, spec.shot_range))
    episode = way * shot + (way + spec.distractors) * spec.query + spec.negatives
    return settings.batch_size or round(settings.meta_batch * episode)


def _episodes(store: PixelStore, spec: EpisodeSpec, settings: TrainingSettings, seed: int) -> Units:
    return episodes_of(store, feed_of(store).sampler(spec, seed), settings.meta_batch)


def _shuffled(store: PixelStore, spec: EpisodeSpec, settings: TrainingSettings, seed: int) -> Units:
    size, feed = images_a_step(spec, settings), feed_of(store)
    draw = feed.shuffled(size, seed, spec.rotations)
    return Units(lambda number: feed.batch(draw(number)), feed.batch_signature(), 1, size)


def _grouped(store: PixelStore, spec: EpisodeSpec, settings: TrainingSettings, seed: int) -> Units:
    size, feed = images_a_step(spec, settings), feed_of(store)
    draw = GroupedBatches(store.index, size, settings.images_per_class, seed, spec.rotations)
    return Units(lambda number: feed.batch(draw(number)), feed.batch_signature(), 1, 1)


UNITS: dict[str, Callable[[PixelStore, EpisodeSpec, TrainingSettings, int], Units]] = {
    "episode": _episodes,
    "shuffled": _shuffled,
    "grouped": _grouped,
}
