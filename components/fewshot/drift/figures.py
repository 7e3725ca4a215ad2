"""All figures about images that came since the model in production, from the image stores of a run."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from components.fewshot.drift.adapting import Adapting, Pool, adapting
from components.fewshot.drift.appearance import LOOKS, looks
from components.fewshot.drift.decide import Figures, Look, Mix
from components.fewshot.drift.energy import PERMUTATIONS, Change, change
from components.fewshot.drift.sample import ClassImages, by_class, encoded, few, some
from components.fewshot.episodes.episode import ClassIndex, EpisodeSpec
from components.fewshot.images.store import ImageStore
from components.fewshot.parallel import BATCH, batched, in_parallel
from components.fewshot.serving.served import ServedModel

CLASSES, EACH = 50, 8  # classes with known and new images that are compared, and images of each kind of a class
NEW, KNOWN, POOL = 12, 12, 12  # new and known classes that episodes are drawn from, and images of each


def figures(
    stores: Mapping[str, ImageStore], model: ServedModel, seen: frozenset[str], came: Callable[[str], bool], seed: int
) -> Figures:
    """The figures.

    Args:
      stores: of all images of the run, by split.
      model: the model in production.
      seen: the names of the classes that it was trained on or chosen by.
      came: whether an image came since, by its source id.
      seed: of samples, permutations and episodes.
    """
    every = by_class(stores, came)
    by_looks, by_features, told = _changes(stores, model, every, seen, seed)
    return {
        "images": sum(len(one.new) for one in every),
        "known_images": sum(len(one.known) for one in every),
        "classes": sorted(one.name for one in every if not len(one.known)),
        "known_classes": sum(len(one.known) > 0 for one in every),
        "growth": _growth([one for one in every if one.split == "train"]),
        "mix": _mix(every, seed),
        "looks": told,
        "by_looks": by_looks,
        "by_features": by_features,
        "adapting": _adapting(stores, model, every, seen, seed),
    }


def _growth(train: Sequence[ClassImages]) -> dict[str, float]:
    known = sum(len(one.known) for one in train)
    if not known:
        return {}
    new_classes = sum(not len(one.known) for one in train)
    images = sum(len(one.new) for one in train)
    return {"classes": new_classes / (len(train) - new_classes), "images": images / known}


def _mix(every: Sequence[ClassImages], seed: int) -> Mix | None:
    """By Monte Carlo: the new images of known classes against as many that are drawn with the shares of the known ones."""
    known, new = (
        np.array([len(side) for side in sides]) for sides in zip(*((o.known, o.new) for o in every), strict=True)
    )
    new = np.where(known > 0, new, 0)
    if not known.sum() or not new.sum():
        return None
    shares, count = known / known.sum(), int(new.sum())
    drawn = np.random.default_rng(seed).multinomial(count, shares, PERMUTATIONS)
    distance, others = (np.abs(side / count - shares).sum(-1) / 2 for side in (new, drawn))
    return {"distance": float(distance), "p": (1 + int((others >= distance - 1e-12).sum())) / (1 + PERMUTATIONS)}


def _changes(
    stores: Mapping[str, ImageStore], model: ServedModel, every: Sequence[ClassImages], seen: frozenset[str], seed: int
) -> tuple[Change | None, Change | None, dict[str, Look]]:
    """Whether images of known classes have changed as they look, and as the model sees them; and how they look.

    A model sees the very images that it was trained on in another way than others like them. So only classes that it has not seen
    tell whether images have changed for it.
    """
    files: list[bytes] = []
    classes, new = [], []
    both = [one for one in every if len(one.known) and len(one.new)]
    compared = some(both, CLASSES, seed)
    for number, one in enumerate(compared):
        for is_new, rows in ((False, one.known), (True, one.new)):
            taken = encoded(stores[one.split], few(rows, EACH, seed))
            files += taken
            classes += [number] * len(taken)
            new += [is_new] * len(taken)
    if not files:
        return None, None, {}
    of, came = np.array(classes), np.array(new)
    looked = looks(files)
    spread = _within(looked, of)
    by_looks = change(looked / spread, of, came, seed)
    unseen = np.flatnonzero([compared[number].name not in seen for number in classes])
    by_features = None
    if model.takes_features and len(unseen):
        features = _features(model, [files[place] for place in unseen])
        by_features = change(features, of[unseen], came[unseen], seed)
    return by_looks, by_features, _told(looked, of, came, spread)


def _told(looked: np.ndarray, classes: np.ndarray, new: np.ndarray, spread: np.ndarray) -> dict[str, Look]:
    """The means over classes, each of which counts once."""
    sides = [
        np.mean([looked[(classes == one) & (new == is_new)].mean(0) for one in np.unique(classes)], 0)
        for is_new in (False, True)
    ]
    rows = zip(LOOKS, *sides, spread, strict=True)
    return {
        name: {"known": float(known), "new": float(now), "shift": float((now - known) / sd)}
        for name, known, now, sd in rows
    }


def _within(values: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """The standard deviation within classes, [D]; 1 where there is none."""
    deviations = values - np.stack([values[classes == one].mean(0) for one in classes])
    spread = np.sqrt((deviations**2).mean(0))
    return np.where(spread > 0, spread, 1.0)


def _features(model: ServedModel, files: Sequence[bytes]) -> np.ndarray:
    return np.concatenate(list(in_parallel(model.embed, batched(files, BATCH))))


def _adapting(
    stores: Mapping[str, ImageStore], model: ServedModel, every: Sequence[ClassImages], seen: frozenset[str], seed: int
) -> Adapting | None:
    unseen = [one for one in every if one.name not in seen]
    new = some((one for one in unseen if not len(one.known)), NEW, seed)
    known = some((one for one in unseen if one.split == "test" and len(one.known)), KNOWN, seed)
    if not new or not known:
        return None
    chosen = sorted([*new, *known], key=lambda one: one.name)
    files = [encoded(stores[one.split], few(one.known if len(one.known) else one.new, POOL, seed)) for one in chosen]
    index = ClassIndex.of((one.name, one.domain, len(own)) for one, own in zip(chosen, files, strict=True))
    flat = [file for own in files for file in own]
    features = _features(model, flat) if model.takes_features else None
    pool = Pool(index, frozenset(one.name for one in new), flat, features)
    return adapting(model, pool, EpisodeSpec.model_validate(model.manifest.data["spec_test"]), seed)
