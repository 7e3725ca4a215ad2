"""Episodes of some of the images of a split: those that were there before, or those of some classes."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from components.fewshot.episodes.episode import ClassIndex, Draw, Episode, EpisodeSpec
from components.fewshot.episodes.sampler import EpisodeSampler


class Subset(NamedTuple):
    """Some rows of a split, and the classes that they belong to."""

    whole: ClassIndex
    alone: ClassIndex  # of the subset
    classes: np.ndarray  # int64 [c], the place of each class of the subset in the whole
    rows: np.ndarray  # int64 [n], the row in the whole of each of its rows

    def episodes(self, spec: EpisodeSpec, seed: int, count: int) -> list[Episode]:
        """The episodes 0 to `count` - 1 that are drawn where there is nothing but the subset; with rows and classes of the whole.

        Raises:
          ValueError: the subset has too few classes or images for them.
        """
        sampler = EpisodeSampler(self.alone, spec, seed)
        return [self._in_whole(sampler(number)) for number in range(count)]

    def _in_whole(self, episode: Episode) -> Episode:
        turns, places = np.divmod(episode.class_ids, len(self.classes))
        class_ids = turns * len(self.whole.names) + self.classes[places]
        support, query = (self._draw_in_whole(draw) for draw in (episode.support, episode.query))
        return Episode(episode.index, class_ids.astype(np.int32), support, query)

    def _draw_in_whole(self, draw: Draw) -> Draw:
        return draw._replace(rows=self.rows[draw.rows])


def subset_of(index: ClassIndex, kept: Sequence[bool] | np.ndarray) -> Subset:
    """The rows for which `kept` [N] is true."""
    rows = np.flatnonzero(np.asarray(kept, bool))
    counts = np.diff(np.searchsorted(rows, index.starts))
    classes = np.flatnonzero(counts)
    named = ((index.names[place], index.domains[place], int(counts[place])) for place in classes)
    return Subset(index, ClassIndex.of(named), classes, rows)
