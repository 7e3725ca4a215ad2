"""The settings of the learners, by the name of the learner."""

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from components.fewshot.settings.sentences import place, reason

BatchNorm = Literal["running", "support", "transductive"]
TrainingUnit = Literal["episode", "shuffled", "grouped"]


class LearnerSettings(BaseModel):
    """Base of every learner's settings.

    Attributes:
      unit: what the learner is trained on: an `episode`, or a batch of `shuffled` images of all classes, or one that is
        `grouped`, several images of each of its classes.
      has_fixed_head: whether it can tell apart only as many classes as in training.
      at_adaptation: those that training does not depend on, so that learners that differ in them alone are trained once.
      shared: those that baselines are given, too, for a comparison without them would be of something else.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    unit: ClassVar[TrainingUnit] = "episode"
    has_fixed_head: ClassVar[bool] = False
    at_adaptation: ClassVar[frozenset[str]] = frozenset()
    shared: ClassVar[frozenset[str]] = frozenset()

    batch_norm: BatchNorm = Field(
        "running",
        description="where batch normalisation takes its statistics for a new task: running averages from training, the support"
        " set, or (transductive) the query batch itself, so that queries help one another",
    )


class FeatureMapSettings(LearnerSettings):
    """Settings of learners that map feature vectors before they compare them."""

    centre: float = Field(
        0.0,
        ge=0,
        le=1,
        description="share of the mean feature of the training classes that is taken away from features",
    )
    whiten: float | None = Field(
        None,
        gt=0,
        description="shrinkage of a whitening within the training classes (such as 10); by default none",
    )
    residual: float | None = Field(
        None,
        gt=0,
        description="penalty of a learned residual map of features (such as 0.01); by default none",
    )


class ProtoNetSettings(FeatureMapSettings):
    """Settings of prototypical networks."""

    distance: Literal["euclidean", "cosine"] = Field(
        "euclidean",
        description="between a query and a prototype; cosine has a learned scale, and takes features at unit length",
    )


class RidgeSettings(FeatureMapSettings):
    """Settings of the ridge-regression head."""

    ridge: float = Field(0.1, gt=0, description="weight of the penalty, at the start; it is learned")


class MatchingSettings(LearnerSettings):
    """Settings of matching networks."""

    scale: float = Field(
        10.0,
        gt=0,
        description="of the cosines before the softmax; the paper's is 1, which leaves the attention nearly even",
    )


class NCASettings(LearnerSettings):
    """Settings of neighbourhood components analysis."""

    unit: ClassVar[TrainingUnit] = "grouped"

    scale: float = Field(
        10.0, gt=0, description="of the cosine similarities before the softmax, at the start; it is learned"
    )
    classifier: float = Field(
        0.5, ge=0, description="weight of the ordinary classifier's cross-entropy; with 0 there is none"
    )


class MAMLSettings(LearnerSettings):
    """Settings of MAML."""

    has_fixed_head: ClassVar[bool] = True

    inner_rate: float = Field(0.4, gt=0, description="step size of the inner loop")
    steps: int = Field(1, ge=1, description="inner steps in training")
    test_steps: int = Field(5, ge=1, description="inner steps for a new task")
    first_order: bool = Field(
        False, description="inner gradients count as constants when the outer gradient is taken (FOMAML)"
    )
    batch_norm: BatchNorm = Field(
        "support",
        description="as in the other learners, but by default the support set's moments, because running averages do not fit"
        " weights that the inner loop moved",
    )


class TransferSettings(FeatureMapSettings):
    """Settings of transfer learning."""

    unit: ClassVar[TrainingUnit] = "shuffled"

    classifier: Literal["linear", "cosine"] = Field(
        "linear",
        description="of the training classes; cosine starts from their class means, so that pretrained weights do not suffer from"
        " a random one",
    )

    head_steps: int = Field(100, ge=1, description="steps of accelerated gradient descent for the new head")
    head_l2: float = Field(1e-3, gt=0, description="weight decay of the new head")


SETTINGS: dict[str, type[LearnerSettings]] = {
    "protonet": ProtoNetSettings,
    "matching": MatchingSettings,
    "nca": NCASettings,
    "ridge": RidgeSettings,
    "maml": MAMLSettings,
    "transfer": TransferSettings,
}


class LearnerChoice(BaseModel):
    """A learner by name, with its own settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field("protonet", description=f"the algorithm that adapts: {', '.join(SETTINGS)}")
    settings: dict[str, object] = Field(
        {}, description="what this learner has of its own, such as learner.settings.scale=20"
    )

    def parsed(self, known: type[LearnerSettings]) -> LearnerSettings:
        """The settings, checked against those of the learner, whose class is `known`.

        Raises:
          ValueError: there is no such setting, or a value does not fit; the message lists what exists.
        """
        try:
            return known(**self.settings)
        except ValidationError as error:
            found = error.errors()
            key = ".".join(filter(None, ("learner.settings", place(found[0]))))
            exists = f"{self.name!r} has {', '.join(known.model_fields)}"
            if found[0]["type"] == "extra_forbidden":
                raise ValueError(f"no setting {key!r}; {exists}") from error
            raise ValueError(f"{key}: {reason(found)}; {exists}") from error
