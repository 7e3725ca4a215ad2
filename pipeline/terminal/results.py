"""The results that commands print as JSON and show as text."""

from typing import TypedDict

from components.few_shot_evaluator.metrics_json import Rival


class Accuracy(TypedDict):
    """A mean accuracy and the half-width of its 95 % interval, both from 0 to 1."""

    accuracy: float
    ci95: float


class RunResult(Accuracy):
    """The result of `fewshot run`. `--json` prints the fields above the blank line."""

    run_id: str
    blessed: bool
    baselines: dict[str, Rival]
    report: str
    pushed_model: str | None
    seconds: float

    previous: Rival | None  # the latest blessed model
    reasons: list[str]  # why the model is not blessed
    title: str
    inductive: bool
    batch_norm: str
    rejected: int  # files set aside
    leaks: int  # images that are in two splits


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

    title: str
    set_aside: list[str]  # a path and a reason for each file
    batch_norm: str


class Prediction(TypedDict):
    """The most probable class of one image."""

    path: str
    label: str
    probability: float
