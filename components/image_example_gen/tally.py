"""Counts facts one after another. What is kept grows with classes, with sizes of pictures and with files that were set aside, not
with images."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from components.image_example_gen.facts import Fact
from data.sources.folders import Rejected, domain_of

SHOWN = 100  # leaks, duplicates and damaged files


class Tally:
    """What has been counted. Its numbers are of the images that were read; those that were set aside are in `rejected`.

    Attributes:
      facts: how many there were, of both.
      read: images of each split.
      images: by split, then class; 0 for a class of which none could be read.
      domains: by split.
      named: the (class, domain) of all facts, with the path of the first.
      formats, flags: images of each.
      sizes: images of each (area, height, width), in pixels.
      damaged: paths of the first SHOWN JPEGs whose data is incomplete or wrong.
      rejected: the files that were set aside.
      unfit: objects that were set aside in images that were read.
    """

    def __init__(self) -> None:
        self.facts = 0
        self.read: Counter[str] = Counter()
        self.images: dict[str, Counter[str]] = defaultdict(Counter)
        self.domains: dict[str, set[str]] = defaultdict(set)
        self.named: dict[tuple[str, str], str] = {}
        self.formats: Counter[str] = Counter()
        self.flags: Counter[str] = Counter()
        self.sizes: Counter[tuple[int, int, int]] = Counter()
        self.damaged: list[str] = []
        self.rejected: list[Rejected] = []
        self.unfit: list[Rejected] = []

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
        domains = [fact.domain] if fact.objects is None else map(domain_of, fact.objects)
        for name, domain in zip(fact.classes, domains, strict=True):
            self.images[fact.split][name] += not fact.reason
            self.named.setdefault((name, domain), fact.path)
            if not fact.reason:
                self.domains[fact.split].add(domain)
        if fact.reason:
            self.rejected.append(Rejected(fact.path, fact.reason))
            return
        self.read[fact.split] += 1
        self.unfit += [Rejected(path, reason) for path, reason in fact.unfit]
        self.formats[fact.format] += 1
        self.flags.update(fact.flags)
        self.sizes[fact.height * fact.width, fact.height, fact.width] += 1
        if "damaged" in fact.flags and len(self.damaged) < SHOWN:
            self.damaged.append(fact.path)
