"""Which classes the episodes of a run can use, for each split and specification.

It does not import TFX, so that a run can ask before it starts.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypedDict

from components.episode_generator.settings import AlsoSpec, EpisodeGeneratorSettings
from components.fewshot.episodes.classes import TooSmall, UsableClasses, usable_classes
from components.fewshot.episodes.episode import ClassIndex, EpisodeSpec, WantedEpisodes
from components.fewshot.episodes.fitting import fitted, for_training

MENDS = {
    "train": "add classes or images to train",
    "val": "name a validation set (val_dir), raise validation_split, or add classes or images to train",
    "test": "add classes or images to test",
}


class Asked(NamedTuple):
    """Episodes that a run draws from a split.

    Attributes:
      split: train, val or test.
      key: the name of their specification in the settings.
      spec: their specification.
      open: the parts of it that were fitted to the images.
    """

    split: str
    key: str
    spec: EpisodeSpec
    open: tuple[str, ...] = ()


class Ingested(NamedTuple):
    """What became of the files of one split before they came here.

    Attributes:
      left_out: source ids of the images that take no part, because their picture is in another file too.
      listed: where these images are listed.
      classes: their classes, and those whose files were all set aside: they may have no image left.
      images: how many images take part; None if that is not known.
    """

    left_out: frozenset[str] = frozenset()
    listed: str = ""
    classes: frozenset[str] = frozenset()
    images: int | None = None


class SplitClasses(TypedDict):
    """An entry of classes.json: which classes of a split can be in episodes of one specification."""

    split: str
    episodes: str  # title of the specification
    query: int  # images of a class
    fitted: list[str]  # parts of the specification that were fitted to the images: way, shot, query
    images_per_class: int  # that an episode needs
    classes: int  # that have so many
    classes_too_small: list[TooSmall]


def asked(settings: EpisodeGeneratorSettings, classes: Mapping[str, ClassIndex]) -> list[Asked]:
    """Returns all kinds of episodes that a run draws, fitted to the classes of each split.

    Without train and validation classes, nothing is drawn from them: nothing is trained, and nothing chosen.
    """
    train, val, test = (classes[split] for split in ("train", "val", "test"))
    trains = bool(train.names or val.names)
    main = fitted(settings.evaluation, *([val] if trains else []), test=test)
    found = [
        Asked(split, "episodes", main, settings.evaluation.open)
        for split in ("val", "test")
        if trains or split == "test"
    ]
    if settings.train and trains:
        found.insert(0, Asked("train", "train_episodes", for_training(settings.train, train), settings.train.open))
    return found + [
        Asked("test", "also", EpisodeSpec(**also.spec.model_dump())) for also in drawable(settings.also, test)
    ]


def drawable(further: Sequence[AlsoSpec], test: ClassIndex) -> tuple[AlsoSpec, ...]:
    """Returns further test episodes, fitted to the test classes.

    Where a part is open and the classes or images are too few even so, they are left out: nobody asked for just these.
    """
    every = [also.model_copy(update={"spec": fitted(also.spec, test=test)}) for also in further]
    return tuple(
        now for now, was in zip(every, further, strict=True) if not was.spec.open or _can_be_drawn(now.spec, test)
    )


def _can_be_drawn(wanted: WantedEpisodes, index: ClassIndex) -> bool:
    return usable_classes(index, EpisodeSpec(**wanted.model_dump())).shortage() is None


def check_classes(one: Asked, index: ClassIndex, ingested: Ingested | None = None) -> SplitClasses:
    """Returns which classes of a split can be used.

    Args:
      one: the episodes.
      index: the classes of their split.
      ingested: what became of the files of the split, if that is known.

    Raises:
      ValueError: they are too few for the largest episode; the message names the split and what to change.
    """
    ingested = ingested or Ingested()
    usable = usable_classes(index, one.spec, ingested.classes - set(index.names))
    left_out = len(ingested.left_out)
    repeated = f" (files with the same picture, {left_out:,} here, do not count: see {ingested.listed})"
    *most, last = [f"{one.key}.{name}" for name in ("way", "shot", "query") if name not in one.open] or [""]
    lower = f"{', '.join(most)} or {last}" if most else last
    if shortage := usable.shortage(MENDS[one.split], lower, repeated if left_out else ""):
        raise ValueError(f"split {one.split!r}: {shortage}")
    return split_classes(one.split, usable, one.open)


def check_trainable(train: ClassIndex, ingested: Ingested) -> None:
    """Raises ValueError if no two train classes have a picture of their own, whatever is trained on them."""
    if len(train.names) < 2 and ingested.left_out:
        raise ValueError(
            f"split 'train': expected pictures of at least 2 classes, got {len(train.names)} (files with the same picture,"
            f" {len(ingested.left_out):,} here, do not count: see {ingested.listed}): leave each picture in its true class only"
        )


def split_classes(split: str, usable: UsableClasses, fitted: Iterable[str] = ()) -> SplitClasses:
    """Returns the entry of classes.json; `fitted` names the parts of the specification that were fitted to the images."""
    return {
        "split": split,
        "episodes": usable.spec.title,
        "query": usable.spec.query,
        "fitted": list(fitted),
        "images_per_class": usable.spec.images_per_class,
        "classes": usable.classes,
        "classes_too_small": usable.too_small,
    }


def ingested_of(summary: Mapping[str, dict], pictures: Iterable[Iterable[dict]], split: str, listed: str) -> Ingested:
    """Returns what ImageExampleGen says about a split.

    Args:
      summary: the content of summary.json; {} says nothing.
      pictures: the content of duplicates.json.
      split: train, val or test.
      listed: path of duplicates.json.
    """
    out = [file for files in pictures for file in files if file["split"] == split and not file["takes_part"]]
    read = summary.get("splits", {}).get(split, {})
    classes = frozenset((*read.get("empty_classes", ()), *(file["class_name"] for file in out)))
    left_out = frozenset(file["source_id"] for file in out)
    images = read["images"] - len(left_out) if read else None
    return Ingested(left_out, listed, classes, images)
