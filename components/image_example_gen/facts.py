"""What is known of each image once it has been read."""

from collections.abc import Sequence
from typing import Any, NamedTuple


class Fact(NamedTuple):
    """What happened to one image: it was set aside if there is a `reason`, and written otherwise."""

    split: str
    class_name: str
    source_id: str
    path: str
    reason: str = ""
    domain: str = ""
    format: str = ""
    height: int = 0
    width: int = 0
    flags: tuple[str, ...] = ()
    orientation: int = 1  # by EXIF; height and width are those of the picture that is turned so
    digest: str = ""  # of the decoded pixels: equal for the same picture in two encodings
    objects: tuple[str, ...] | None = (
        None  # classes of its objects that are of its split; None if it has a class as a whole
    )
    unfit: tuple[tuple[str, str], ...] = ()  # (path of the annotation, reason) of objects that were set aside

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that it shows."""
        return (self.class_name,) if self.objects is None else self.objects


def fact_of(fields: Sequence[Any]) -> Fact:
    """A fact from its fields as JSON gives them back."""
    fact = Fact._make(fields)
    objects = None if fact.objects is None else tuple(fact.objects)
    return fact._replace(flags=tuple(fact.flags), objects=objects, unfit=tuple((path, why) for path, why in fact.unfit))
