"""Fits episodes to the classes and images that there are, where a user leaves way, shot or query open."""

import math
from collections.abc import Iterable
from typing import NamedTuple

from components.fewshot.episodes.classes import usable_classes
from components.fewshot.episodes.episode import ClassIndex, EpisodeSpec, WantedEpisodes

SHOT = 1


class Most(NamedTuple):
    """What is open, where there are enough classes and images."""

    way: int
    query: int  # images of a class


# By whether rows are objects: an image with boxes shows several, and takes longer.
EVALUATED = {False: Most(5, 15), True: Most(5, 2)}
# The same in training: more classes than in the test teach more (Snell et al. 2017), more queries take time that further episodes
# use better. A detector's episodes teach the classes of all their objects, whatever their way.
TRAINED = {False: Most(20, 5), True: Most(5, 1)}
# Queries are as many as most classes have images for: one tiny class does not take them from all others. What is left out is at
# most a quarter of the classes, and of four or fewer none, because four are the fewest that tell what to expect on others.
KEPT, KEPT_LEAST = 0.75, 4


def for_training(wanted: WantedEpisodes, *train: ClassIndex) -> EpisodeSpec:
    """The specification of training episodes that fits the train classes; without them, the one for enough classes and images."""
    return fitted(wanted, *train, most=TRAINED[_of_objects(train)])


def fitted(
    wanted: WantedEpisodes, *sides: ClassIndex, test: ClassIndex | None = None, most: Most | None = None
) -> EpisodeSpec:
    """The specification that fits all of `sides` and `test`; what is not open stays as it is, whether it fits or not.

    Way is that of `most`, or as many as there are classes with enough images; in `test` half as many, so that there are two
    episodes without a common class, without which there is no interval over classes (fewer than four classes have none in any
    case). Shot is 1.
    Query is that of `most`, or as many as at least three quarters of the classes have images for.

    Args:
      wanted: the specification, parts of which may be open.
      sides: the classes of splits.
      test: those of the test split, if the episodes are for it.
      most: by default that of `EVALUATED`.
    """
    every = [*sides, *([test] if test else [])]
    most = most or EVALUATED[_of_objects(every)]
    least = {"way": 2, "shot": SHOT, "query": 1}
    spec = EpisodeSpec.model_validate(wanted.model_dump() | {name: least[name] for name in wanted.open})
    if "query" in wanted.open:
        query = min((most.query, *(_queries(index, spec) for index in every)))
        spec = spec.model_copy(update={"query": query})
    if "way" in wanted.open:
        room = [usable_classes(index, spec).most - spec.distractors for index in every]
        room += [half for index in every if index is test and (half := usable_classes(index, spec).classes // 2) > 1]
        spec = spec.model_copy(update={"way": max(2, min((most.way, *room)))})
    return spec


def fitted_within(spec: EpisodeSpec, index: ClassIndex) -> EpisodeSpec:
    """A specification without distractors, with as many ways and queries as classes have room for, at most those of `spec`."""
    wanted = WantedEpisodes(**spec.model_dump() | {"way": None, "query": None, "distractors": 0})
    return fitted(wanted, index, most=Most(spec.way_range[1], spec.query))


def _queries(index: ClassIndex, spec: EpisodeSpec) -> int:
    """The most queries that enough classes have images for; 1 if no class has more images than the support takes."""
    shot, needed = spec.shot_range[1], spec.way_range[1] + spec.distractors
    images = sorted((int(count) for count in index.images if count > shot), reverse=True)
    if not images:
        return 1
    kept = max(math.ceil(KEPT * len(images)), min(len(images), max(KEPT_LEAST, needed)))
    return images[kept - 1] - shot


def _of_objects(indexes: Iterable[ClassIndex]) -> bool:
    return any(index.distinct is not None for index in indexes)
