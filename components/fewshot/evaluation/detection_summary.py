"""The metrics of a detector over many episodes, as types."""

from typing import TypedDict

from components.fewshot.evaluation.summary import OverClasses, ReliabilityBin


class MeanAp50(TypedDict):
    """The mean AP50 over episodes, with half the width of its 95 % interval over episodes of these classes."""

    ap50: float
    ci95: float
    episodes: int


class DomainAp50(TypedDict):
    """The mean AP50 of the classes of one domain, over the episodes that have objects of them."""

    domain: str
    ap50: float
    objects: int
    episodes: int


class SizeAp(TypedDict):
    """The mean of the objects of one size, over the episodes that have some."""

    mean_ap: float
    episodes: int


class CurvePoint(TypedDict):
    """What the detections with a score of at least `threshold` are, over all episodes."""

    threshold: float
    precision: float
    recall: float


class DetectionSummary(MeanAp50):
    """The metrics of one detector on one set of episodes.

    Attributes:
      mean_ap, ap75: means over episodes; of an overlap of 0.5 to 0.95, and of 0.75.
      by_size: `mean_ap` of small, medium and large objects as in COCO, in pixels of the picture as it is kept; None where no
        object is of that size.
      proposal_recall: the share of all objects, those of other classes too, that the first 10, 50 and 100 proposals of an image
        overlap, as the mean over overlaps of 0.5 to 0.95; None if the model makes no proposals.
      threshold: score from which the served model shows a detection.
      precision: the share of the detections shown that are right; None if none is.
      recall: the share of objects that are shown.
      false_positives: wrong detections shown in an image.
      reliability: detections by score; `accuracy` is the share that is right.
      ece: expected calibration error; None where nothing was detected.
      curve: precision and recall, from the highest threshold to the lowest.
    """

    over_classes: OverClasses | None
    classes: int
    mean_ap: float
    ap75: float
    by_size: dict[str, SizeAp | None]
    proposal_recall: dict[str, float] | None
    threshold: float
    precision: float | None
    recall: float
    false_positives: float
    reliability: list[ReliabilityBin]
    ece: float | None
    curve: list[CurvePoint]
    by_shot: dict[str, MeanAp50]
    by_way: dict[str, MeanAp50]
    by_domain: list[DomainAp50]
    worst_domain: DomainAp50 | None
    histogram: list[int]
