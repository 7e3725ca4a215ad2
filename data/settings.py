"""The settings that say which images a run reads."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from data.spans import Which, check_pattern, is_pattern

# Each way of naming the data: (the fields it must have, the fields it may have).
WAYS = {
    "folders": (("train_dir", "test_dir"), ("val_dir",)),
    "lists": (("images",), ("splits",)),
    "records": (("train_tfrecord", "test_tfrecord"), ("val_tfrecord",)),
}
WAYS_IN_WORDS = (
    "images (splits if you have class lists), or train_dir and test_dir (val_dir if you have one), or train_tfrecord and"
    " test_tfrecord"
)
SHARE, DEALT_SHARE = 0.1, 0.2  # of the train classes, held out for validation


class ImageSetSettings(BaseModel):
    """Where the images are, and how their classes are divided into splits.

    There are three ways to name the data, of which exactly one must be used: one or more roots, whose classes a file with class
    lists divides, or else `data.sources.dealing`; one folder per split; TFRecords of tf.Example. A path is local, or any that
    `tf.io.gfile` can open.

    Raises:
      pydantic.ValidationError (a ValueError): the data is named in no way, in more than one, or only in part.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["classification", "detection"] = Field(
        "classification",
        description="classification, where an image has a class, or detection, where it has boxes around objects that have one;"
        " found from the images if they are named on the command line",
    )
    annotations: str | None = Field(
        None,
        description="where boxes are read from, with `images`: a file or a folder; by default they lie beside the images",
    )
    train_dir: str | None = Field(None, description="folder of the classes to train on")
    val_dir: str | None = Field(
        None, description="folder of the validation classes; without it, some train classes are held out"
    )
    test_dir: str | None = Field(None, description="folder of the classes to test on")
    images: tuple[str, ...] = Field(
        (),
        description="one or more folders of classes; without splits, the classes are dealt to train, validation and test. A"
        " folder with {SPAN}, or {YYYY}, {MM} and {DD}, in its name stands for all that arrive by this pattern",
    )
    spans: Which = Field(
        "all", description="which of the folders that fit a pattern are read: all, the newest, or so many of the newest"
    )
    sides: str | None = Field(
        None,
        description="file that keeps the side of every class that was dealt, so that none changes it when others arrive; where"
        " images arrive by a pattern, by default sides.json in the root",
    )
    splits: str | None = Field(
        None, description="classes of each split: file.json, or file.json#name if it holds several named splits"
    )
    train_tfrecord: str | None = Field(
        None, description="glob pattern of TFRecords of tf.Example to train on, gzipped or plain"
    )
    val_tfrecord: str | None = Field(None, description="the same for validation")
    test_tfrecord: str | None = Field(None, description="the same for the test")
    validation_split: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="share of the train classes that is held out if no validation set is named; by default 0.1, or 0.2 where"
        " images are named without splits",
    )
    max_reject_fraction: float = Field(
        0.05, ge=0, le=1, description="the run ends if a larger share of the files is set aside"
    )
    max_pixels: int = Field(
        64_000_000, ge=4, description="height x width; larger images are set aside and never decoded"
    )

    @field_validator("spans", mode="before")
    @classmethod
    def _is_all_or_some(cls, value: object) -> object:
        if value in ("all", "newest") or (isinstance(value, int) and not isinstance(value, bool) and value > 0):
            return value
        raise ValueError(f"expected all, newest, or a number of spans, got {value!r}")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        named = [name for name in _FIELDS if getattr(self, name)]
        ways = [way for way, (must, may) in WAYS.items() if set(named) & {*must, *may}]
        if not ways:
            raise ValueError(f"no images are named: give {WAYS_IN_WORDS}")
        if len(ways) > 1:
            raise ValueError(
                f"{' and '.join(named)} name the data in {len(ways)} ways: give only one of them: {WAYS_IN_WORDS}"
            )
        missing = [name for name in WAYS[ways[0]][0] if name not in named]
        if missing:
            raise ValueError(f"{' and '.join(named)} came without {' and '.join(missing)}: give {WAYS_IN_WORDS}")
        for root in self.roots:
            if is_pattern(root):
                check_pattern(root)
                if root not in self.images:
                    raise ValueError(f"expected a pattern of spans only in images, got {root!r}")
        if self.sides and not self.deals:
            raise ValueError("sides came without classes to deal: it goes with images alone, without splits")
        if self.annotations and (self.kind != "detection" or len(self.images) != 1):
            raise ValueError("annotations go with kind=detection and with one folder in images")
        if self.kind == "detection" and self.arrives:
            raise ValueError("kind=detection reads no spans: name folders in images")
        twice = sorted({root for root in self.images if self.images.count(root) > 1})
        if twice:
            raise ValueError(f"images names {twice[0]!r} more than once: name each root once")
        return self

    @property
    def way_named(self) -> str:
        """The way in which the data is named: "folders", "lists" or "records"."""
        if self.train_dir:
            return "folders"
        return "lists" if self.images else "records"

    @property
    def deals(self) -> bool:
        """Whether nothing says which classes are for training and which for the test."""
        return self.way_named == "lists" and not self.splits

    @property
    def arrives(self) -> bool:
        """Whether the images come in spans."""
        return any(map(is_pattern, self.images))

    @property
    def validation_share(self) -> float:
        """The share of the train classes that is held out if no validation set is named."""
        return self.validation_split or (DEALT_SHARE if self.deals else SHARE)

    @property
    def roots(self) -> tuple[str, ...]:
        """All folders or patterns of TFRecords, in the order of the fields."""
        named = (self.train_dir, self.val_dir, self.test_dir, *self.images)
        records = (self.train_tfrecord, self.val_tfrecord, self.test_tfrecord)
        return tuple(root for root in (*named, *records) if root)


_FIELDS = tuple(name for must, may in WAYS.values() for name in (*must, *may))
