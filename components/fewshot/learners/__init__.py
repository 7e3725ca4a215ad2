"""Learners by name. A new one is one file here and one line in `LEARNERS`; `fewshot run` checks its settings by a line in
`components/fewshot/settings/learners.py`."""

from collections.abc import Mapping

from components.fewshot.base_models.pure import PureModel
from components.fewshot.episodes.task import Batch, Task
from components.fewshot.learners.gradient.maml import MAML
from components.fewshot.learners.head import HeadLearner
from components.fewshot.learners.heads.ridge import Ridge
from components.fewshot.learners.interface import Aux, Learner, Outer, Part, TaskState, Weights
from components.fewshot.learners.metric.matching import Matching
from components.fewshot.learners.metric.nca import NCA
from components.fewshot.learners.metric.protonet import ProtoNet
from components.fewshot.learners.transfer.softmax_head import Transfer
from components.fewshot.settings.learners import LearnerChoice, LearnerSettings

LEARNERS: dict[str, type[Learner]] = {
    "protonet": ProtoNet,
    "matching": Matching,
    "nca": NCA,
    "ridge": Ridge,
    "maml": MAML,
    "transfer": Transfer,
}


def find_learner(name: str, among: Mapping[str, type[Learner]] = LEARNERS) -> type[Learner]:
    """The class of a learner, by its name in a table of one kind of task.

    Raises:
      ValueError: no such learner; the message lists what exists.
    """
    if name not in among:
        raise ValueError(f"learner: no {name!r}; there are {', '.join(among)}")
    return among[name]


def build_learner(
    choice: LearnerChoice,
    base: PureModel,
    way: int | None,
    train_classes: int,
    seed: int = 0,
    among: Mapping[str, type[Learner]] = LEARNERS,
) -> Learner:
    """The learner over a base model; `way` is None where training episodes vary in it."""
    learner = find_learner(choice.name, among)
    return learner(base, choice.parsed(learner.Settings), way, train_classes, seed)


__all__ = [
    "LEARNERS",
    "Aux",
    "Batch",
    "HeadLearner",
    "Learner",
    "LearnerChoice",
    "LearnerSettings",
    "Outer",
    "Part",
    "Task",
    "TaskState",
    "Weights",
    "build_learner",
    "find_learner",
]
