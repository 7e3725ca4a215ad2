"""Counts facts one after another. What is kept grows with classes, with sizes of pictures and with files that were set aside, not
with images."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from components.image_example_gen.facts import Fact
from data.sources.folders import Rejected

SHOWN = 100  # leaks, duplicates and damaged files


class Tally:
    """What has been counted. Its numbers are of the images that were read; those that were set aside are in `rejected`.

    Attributes:
      facts: how many there were, of both.
      images: by split, then class; 0 for a class of which none could be read.
      domains: by split.
      named: the (class, domain) of all facts, with the path of the first.
      formats, flags: images of each.
      sizes: images of each (area, height, width), in pixels.
      damaged: paths of the first SHOWN JPEGs whose data is incomplete or wrong.
      rejected: the files that were set aside.
    """

    def __init__(self) -> None:
        self.facts = 0
        self.images: dict[str, Counter[str]] = defaultdict(Counter)
        self.domains: dict[str, set[str]] = defaultdict(set)
        self.named: dict[tuple[str, str], str] = {}
        self.formats: Counter[str] = Counter()
        self.flags: Counter[str] = Counter()
        self.sizes: Counter[tuple[int, int, int]] = Counter()
        self.damaged: list[str] = []
        self.rejected: list[Rejected] = []

    @classmethod
    def of(cls, facts: Iterable[Fact]) -> "Tally":
        """The tally of some facts."""
        tally = cls()
        for fact in facts:
            tally.add(fact)
        return tally

    def add(self, fact: Fact) -> None:
        """Counts one more."""
        self.facts += 1
        self.images[fact.split][fact.class_name] += not fact.reason
        self.named.setdefault((fact.class_name, fact.domain), fact.path)
        if fact.reason:
            self.rejected.append(Rejected(fact.path, fact.reason))
            return
        self.domains[fact.split].add(fact.domain)
        self.formats[fact.format] += 1
        self.flags.update(fact.flags)
        self.sizes[fact.height * fact.width, fact.height, fact.width] += 1
        if "damaged" in fact.flags and len(self.damaged) < SHOWN:
            self.damaged.append(fact.path)
