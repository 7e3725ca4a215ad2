"""Settings of the outer loop."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from components.fewshot.learners import LearnerChoice


class StageSettings(BaseModel):
    """One stage of a training.

    Attributes:
      steps: outer steps; 0 exports the base model as it was initialised.
      meta_batch: episodes a step, for a learner that is trained on episodes.
      batch_size: images a step, for a learner that is trained on batches; by default as many as the episodes would hold.
      images_per_class: images of each class in a batch, for a learner that compares the images of a batch with one another.
      learning_rate, schedule, halve_every: `constant`, `cosine` to zero over `steps`, or `halving` every so many steps.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: int = Field(2000, ge=0)
    meta_batch: int = Field(1, ge=1)
    batch_size: int | None = Field(None, ge=2)
    images_per_class: int = Field(2, ge=2)
    learning_rate: float = Field(1e-3, gt=0)
    schedule: Literal["constant", "cosine", "halving"] = "cosine"
    halve_every: int = Field(2000, ge=1)


class EarlierStage(StageSettings):
    """A stage before the last one. Its `learner` trains the base model, which the next stage goes on with; what that learner
    has of its own ends with the stage."""

    learner: LearnerChoice = LearnerChoice(name="transfer")


class TrainingSettings(StageSettings):
    """The outer loop: its last stage, which trains the learner of the run, and what holds for all stages.

    Attributes:
      before: stages before it, in order.
      optimizer: any Keras optimizer by name.
      gradient_clip: largest global norm of the outer gradient, or None.
      validate_every: steps between two validations.
      patience: validations without a higher accuracy after which a stage stops; 0 never stops early.
      checkpoint_every: steps between two checkpoints (a validation makes one too).
      layout: how the tasks of a meta-batch are laid out in the graph: `unrolled` or `mapped`.
      deterministic: only kernels that give the same bits each time, so that a resumed run ends with the weights of an unbroken
        one. A GPU lacks such kernels for a few operations, which a base model of your own may use; training then stops with a
        message, and goes on only with False. The seed is set in both cases.
    """

    before: tuple[EarlierStage, ...] = ()
    optimizer: str = "adam"
    gradient_clip: float | None = Field(None, gt=0)
    validate_every: int = Field(250, ge=1)
    patience: int = Field(0, ge=0)
    checkpoint_every: int = Field(100, ge=1)
    layout: Literal["unrolled", "mapped"] = "unrolled"
    deterministic: bool = True

    @property
    def all_steps(self) -> int:
        """Outer steps of all stages."""
        return self.steps + sum(stage.steps for stage in self.before)

    def of(self, stage: StageSettings) -> "TrainingSettings":
        """The settings of one stage alone."""
        own = stage.model_dump(include=set(StageSettings.model_fields))
        return self.model_copy(update={"before": (), **own})
