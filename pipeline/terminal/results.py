"""The results that commands print as JSON and show as text."""

from collections.abc import Iterable
from typing import TypedDict

from typing_extensions import TypeIs

from components.episode_generator.classes import SplitClasses
from components.few_shot_evaluator.metrics_json import Figures, Rival
from components.fewshot.episodes.classes import TooSmall
from components.fewshot.evaluation.summary import OverClasses
from components.image_example_gen.duplicates import DuplicateCounts, DuplicateFile, LeftOut
from data.sources.folders import Rejected


class SetAside(TypedDict):
    """A file that cannot be read."""

    path: str
    reason: str


def as_set_aside(files: Iterable[Rejected]) -> list[SetAside]:
    """Returns files that were set aside, sorted by path."""
    return [{"path": one.path, "reason": one.reason} for one in sorted(files)]


class Measured(Figures):
    """A figure with both 95 % intervals: half the width over episodes, and the bounds over classes."""

    ci95: float
    over_classes: OverClasses | None


class RunResult(Measured):
    """The result of `fewshot run`. `--json` prints the fields above the blank line."""

    run_id: str
    ran: list[str]  # the nodes that were executed
    blessed: bool
    reasons: list[str]  # against the blessing
    baselines: dict[str, Rival]
    report: str
    pushed_model: str | None
    seconds: float
    duplicates: DuplicateCounts
    classes: list[SplitClasses]  # that episodes can use, for each split and specification
    decision: str | None  # about what came in spans; None without spans
    because: str | None

    chosen: str | None  # the name of the model among the candidates
    candidates: dict[str, Rival]  # that were not chosen
    production: Rival | None
    train_classes: int  # 0 if the classes are too few to train on any
    best: Rival | None  # of the models so far, if that is not the one in production
    warm_start: str | None  # what training started from
    title: str
    inductive: bool
    batch_norm: str
    rejected: int  # files set aside
    damaged: int  # JPEGs that are read as far as they go
    damaged_files: list[str]  # the first of them
    passed_over: dict[str, int]  # number of files in each place that holds no class
    differ_by_case: list[list[str]]  # classes whose names only case tells apart
    duplicate_files: list[list[DuplicateFile]]  # the first of them
    duplicates_list: str  # path of the list of all


class Stayed(TypedDict):
    """The result of `fewshot run` where what came in spans needed no training, all of which `--json` prints."""

    run_id: str
    ran: list[str]  # the nodes that were executed
    decision: str
    because: str
    report: str  # the page of figures behind the decision
    seconds: float


def stayed(result: RunResult | Stayed) -> TypeIs[Stayed]:
    """Returns whether nothing was trained and judged."""
    return "blessed" not in result


class Told(Measured, total=False):
    """What is measured beside the figure; of a model of a kind, what `EVALUATIONS` says is told."""

    log_loss: float
    ece: float | None
    mean_ap: float
    ap75: float
    precision: float | None
    recall: float
    false_positives: float


class Evaluation(Told):
    """The result of `fewshot evaluate`. `--json` prints the fields above the blank line."""

    episodes: int
    way: int | tuple[int, int]
    shot: int | tuple[int, int]
    query: int
    seed: int
    inductive: bool
    classes: int  # that episodes can use
    classes_too_small: list[TooSmall]
    duplicates: LeftOut
    duplicate_files: list[list[DuplicateFile]]
    set_aside: list[SetAside]
    passed_over: dict[str, int]  # number of files in each place that holds no class
    differ_by_case: list[list[str]]  # classes whose names only case tells apart

    title: str
    split: str  # empty if the folders have none
    images_per_class: int  # that an episode needs
    batch_norm: str


class ObjectSetAside(SetAside):
    """An object that cannot be read: its annotation file as `path`, and how a person finds it in there."""

    object: str


class BoxSizes(TypedDict):
    """The longer sides of boxes, in pixels, and as shares of the longer side of their pictures."""

    smallest: tuple[float, float]
    median: tuple[float, float]
    largest: tuple[float, float]


class InspectedClass(TypedDict):
    """The pictures of a class; and, in pictures with boxes, its objects, those of them that are ignored, and their sizes."""

    class_name: str
    pictures: int
    objects: int | None
    ignored: int | None
    sizes: BoxSizes | None


class InspectedBoxes(TypedDict):
    """What is known of pictures with boxes alone."""

    formats: list[str]
    objects: int
    ignored: int  # crowds, and objects that are called difficult
    cut: int  # boxes that reached over the edge of their picture
    nothing_in_them: int  # pictures that are known to hold no object
    objects_a_picture: tuple[int, float, int]  # least, median and most
    sizes: BoxSizes | None
    unannotated: list[str]  # pictures without an annotation, which take no part
    objects_set_aside: list[ObjectSetAside]


class Inspection(TypedDict):
    """The result of `fewshot inspect`, all of which `--json` prints."""

    kind: str  # "detection" or "classification"
    pictures: int  # that were read
    picture_sizes: list[tuple[int, int]]  # height and width of the smallest, the median and the largest by pixels
    exif_turned: int  # pictures that are shown in another way than they are stored
    same_picture: int  # pictures that show the same as one before
    classes: list[InspectedClass]
    boxes: InspectedBoxes | None
    set_aside: list[SetAside]
    passed_over: dict[str, int]  # number of files in each place that are neither pictures nor annotations
    differ_by_case: list[list[str]]  # classes whose names only case tells apart
    notes: list[str]


class Prediction(TypedDict):
    """The most probable class of one image, the probability of each class, and how familiar the image is; `none_of_these` if that
    is so little that the image is probably of none of the classes."""

    path: str
    label: str
    probability: float
    none_of_these: bool
    familiarity: float
    probabilities: dict[str, float]


class Adapted(TypedDict):
    """The result of `fewshot adapt`, all of which `--json` prints."""

    predictions: list[Prediction]
    none_of_these: dict[str, float]  # the threshold, and what it did on validation classes; empty if the model has none
    state: str | None  # file that the task state was written to
    set_aside: list[SetAside]  # queries
    support_set_aside: list[SetAside]
    passed_over: dict[str, int]  # number of files in each place that holds no image
    differ_by_case: list[list[str]]  # classes whose names only case tells apart


class FoundObject(TypedDict):
    """An object that a detector shows in a picture: its class, how sure that is (0 to 1), and ymin, xmin, ymax, xmax in 0..1."""

    label: str
    score: float
    box: tuple[float, float, float, float]


class DetectedPicture(TypedDict):
    """A picture as a person sees it, its sides in pixels, and the objects in it, the surest first."""

    path: str
    height: int
    width: int
    objects: list[FoundObject]


class Detected(TypedDict):
    """The result of `fewshot adapt` with a detector, all of which `--json` prints."""

    pictures: list[DetectedPicture]
    classes: list[str]
    threshold: float  # score from which on objects are shown
    score_threshold: dict[
        str, float
    ]  # the one of the model, and what it did on validation classes; empty if it has none
    state: str | None  # file that the task state was written to
    set_aside: list[SetAside]  # queries
    support_set_aside: list[SetAside]
    support_objects_set_aside: list[ObjectSetAside]
    ignored: int  # support objects that are a crowd, or called difficult, and not learnt from
    unannotated: list[str]  # support pictures without an annotation, which take no part
    passed_over: dict[str, int]  # number of files in each place that are neither images nor annotations
    differ_by_case: list[list[str]]  # classes whose names only case tells apart
    notes: list[str]  # on the annotations
