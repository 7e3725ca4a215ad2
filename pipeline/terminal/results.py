"""The results that commands print as JSON and show as text."""

from collections.abc import Iterable
from typing import TypedDict

from typing_extensions import TypeIs

from components.episode_generator.classes import SplitClasses
from components.few_shot_evaluator.metrics_json import Rival
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


class Accuracy(TypedDict):
    """A mean accuracy from 0 to 1 with both 95 % intervals: half the width over episodes, and the bounds over classes."""

    accuracy: float
    ci95: float
    over_classes: OverClasses | None


class RunResult(Accuracy):
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


class Evaluation(Accuracy):
    """The result of `fewshot evaluate`. `--json` prints the fields above the blank line."""

    log_loss: float
    ece: float
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
