"""Learners by name. A new one is one file here and one line in `LEARNERS`."""

from pydantic import BaseModel, ConfigDict, ValidationError

from components.fewshot.base_models.pure import PureModel
from components.fewshot.episodes.task import Batch, Task
from components.fewshot.learners.gradient.maml import MAML
from components.fewshot.learners.interface import Aux, Learner, LearnerSettings, Outer, Part, TaskState, Weights
from components.fewshot.learners.metric.matching import Matching
from components.fewshot.learners.metric.nca import NCA
from components.fewshot.learners.metric.protonet import ProtoNet
from components.fewshot.learners.transfer.softmax_head import Transfer

LEARNERS: dict[str, type[Learner]] = {
    "protonet": ProtoNet,
    "matching": Matching,
    "nca": NCA,
    "maml": MAML,
    "transfer": Transfer,
}


class LearnerChoice(BaseModel):
    """A learner by name, with its own settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "protonet"
    settings: dict[str, object] = {}

    def parsed(self) -> LearnerSettings:
        """The settings, checked against the learner's.

        Raises:
          ValueError: no such learner or setting; the message lists what exists.
        """
        known = find_learner(self.name).Settings
        try:
            return known(**self.settings)
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"])
            exists = ", ".join(known.model_fields)
            raise ValueError(f"learner.settings.{key}: {first['msg']}; {self.name!r} has {exists}") from error


def find_learner(name: str) -> type[Learner]:
    """The class of a learner.

    Raises:
      ValueError: no such learner; the message lists what exists.
    """
    if name not in LEARNERS:
        raise ValueError(f"learner: no {name!r}; there are {', '.join(LEARNERS)}")
    return LEARNERS[name]


def build_learner(
    choice: LearnerChoice, base: PureModel, way: int | None, train_classes: int, seed: int = 0
) -> Learner:
    """The learner over a base model; `way` is None where training episodes vary in it."""
    return find_learner(choice.name)(base, choice.parsed(), way, train_classes, seed)


__all__ = [
    "LEARNERS",
    "Aux",
    "Batch",
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
