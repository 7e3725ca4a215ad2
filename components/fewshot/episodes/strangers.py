"""Episodes with strangers: queries of none of their classes, taken from other frozen episodes."""

from collections.abc import Sequence

import numpy as np

from components.fewshot.episodes.episode import DISTRACTOR, Draw, Episode

MOST = 200  # episodes: 15,000 queries at 5-way, enough for shares to a tenth of a percent


def with_strangers(episodes: Sequence[Episode], classes: int) -> list[Episode]:
    """The first `MOST` episodes, numbered anew, with the queries of the next one that has some of other classes as distractors.

    Nothing is drawn anew, so frozen episodes stay what they are. An episode that has distractors already is left as it is, and
    one that shares its classes with all others is left out.

    Args:
      episodes: frozen ones.
      classes: the number of classes of their split; a class turned is no stranger to itself.
    """
    found: list[Episode] = []
    for number, episode in enumerate(episodes[:MOST]):
        if (episode.query.labels == DISTRACTOR).any():
            found.append(episode._replace(index=len(found)))
            continue
        others = (episodes[(number + step) % len(episodes)] for step in range(1, len(episodes)))
        strangers = next((some for other in others if len((some := _strangers(episode, other, classes)).rows)), None)
        if strangers is not None:
            both = zip(episode.query, strangers, strict=True)
            query = Draw(*(np.concatenate(parts) for parts in both))
            found.append(episode._replace(index=len(found), query=query))
    return found


def _strangers(episode: Episode, other: Episode, classes: int) -> Draw:
    """The queries of the other episode whose classes are not in this one."""
    own, theirs = episode.class_ids % classes, other.class_ids % classes
    known = other.query.labels != DISTRACTOR
    new = known & ~np.isin(theirs[np.where(known, other.query.labels, 0)], own)
    rows, turns, labels = (values[new] for values in other.query)
    return Draw(rows, turns, np.full_like(labels, DISTRACTOR))
