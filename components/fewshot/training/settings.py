"""Settings of the outer loop."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from components.fewshot.settings.learners import LearnerChoice

# The optimizers of Keras 3.15 that train by themselves; others only wrap these.
OPTIMIZERS = (
    *(
        "adadelta",
        "adafactor",
        "adagrad",
        "adam",
        "adamax",
        "adamw",
        "ftrl",
        "lamb",
        "lion",
        "muon",
        "nadam",
        "rmsprop",
    ),
    *("schedulefreeadamw", "sgd"),
)


class StageSettings(BaseModel):
    """One stage of a training."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    steps: int = Field(2000, ge=0, description="outer steps; 0 exports the base model as it was initialised")
    meta_batch: int = Field(1, ge=1, description="episodes a step, for a learner that is trained on episodes")
    batch_size: int | None = Field(
        None,
        ge=2,
        description="images a step, for a learner that is trained on batches; by default as many as the episodes would hold",
    )
    images_per_class: int = Field(
        2,
        ge=2,
        description="images of each class in a batch, for a learner that compares the images of a batch with one another",
    )
    learning_rate: float = Field(1e-3, gt=0, description="of the outer optimizer, at the start")
    schedule: Literal["constant", "cosine", "halving"] = Field(
        "cosine",
        description="of the learning rate: constant, cosine to zero over the steps, or halving every halve_every",
    )
    halve_every: int = Field(2000, ge=1, description="steps after which the schedule `halving` halves the rate")


class EarlierStage(StageSettings):
    """A stage before the last one. Its `learner` trains the base model, which the next stage goes on with; what that learner
    has of its own ends with the stage."""

    learner: LearnerChoice = Field(
        LearnerChoice(name="transfer"), description="what trains the base model in this stage"
    )


class TrainingSettings(StageSettings):
    """The outer loop: its last stage, which trains the learner of the run, and what holds for all stages.

    Raises:
      pydantic.ValidationError (a ValueError): Keras has no such optimizer, or a value does not fit.
    """

    before: tuple[EarlierStage, ...] = Field((), description="stages before the last one, in order")
    optimizer: str = Field("adam", description=f"an optimizer of Keras: {', '.join(OPTIMIZERS)}")
    gradient_clip: float | None = Field(None, gt=0, description="largest global norm of the outer gradient")
    validate_every: int = Field(250, ge=1, description="steps between two validations")
    patience: int = Field(
        0, ge=0, description="validations without a higher accuracy after which a stage stops; 0 never stops early"
    )
    checkpoint_every: int = Field(100, ge=1, description="steps between two checkpoints (a validation makes one too)")
    layout: Literal["unrolled", "mapped"] = Field(
        "unrolled", description="how the tasks of a meta-batch are laid out in the graph: unrolled or mapped"
    )
    deterministic: bool = Field(
        True,
        description="only kernels that give the same bits each time, so that a resumed run ends with the weights of an unbroken"
        " one. A GPU lacks such kernels for a few operations, which a base model of your own may use; training then stops"
        " with a message, and goes on only with false. The seed is set in both cases",
    )

    @field_validator("optimizer")
    @classmethod
    def _exists(cls, name: str) -> str:
        if name.lower() not in OPTIMIZERS:
            raise ValueError(f"no {name!r} in Keras; there are {', '.join(OPTIMIZERS)}")
        return name

    @property
    def all_steps(self) -> int:
        """Outer steps of all stages."""
        return self.steps + sum(stage.steps for stage in self.before)

    def of(self, stage: StageSettings) -> "TrainingSettings":
        """The settings of one stage alone."""
        own = stage.model_dump(include=set(StageSettings.model_fields))
        return self.model_copy(update={"before": (), **own})
