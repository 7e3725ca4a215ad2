"""Settings of the outer loop."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class TrainingSettings(BaseModel):
    """The outer loop.

    Attributes:
      steps: outer steps; 0 exports the base model as it was initialised.
      meta_batch: episodes a step, for a learner that is trained on episodes.
      batch_size: images a step, for a learner that is trained on batches; by default as many as the episodes would hold.
      images_per_class: images of each class in a batch, for a learner that compares the images of a batch with one another.
      optimizer: any Keras optimizer by name.
      learning_rate, schedule, halve_every: `constant`, `cosine` to zero over `steps`, or `halving` every so many steps.
      gradient_clip: largest global norm of the outer gradient, or None.
      validate_every: steps between two validations.
      patience: validations without a higher accuracy after which training stops; 0 never stops early.
      checkpoint_every: steps between two checkpoints (a validation makes one too).
      layout: how the tasks of a meta-batch are laid out in the graph: `unrolled` or `mapped`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: int = Field(2000, ge=0)
    meta_batch: int = Field(1, ge=1)
    batch_size: int | None = Field(None, ge=2)
    images_per_class: int = Field(2, ge=2)
    optimizer: str = "adam"
    learning_rate: float = Field(1e-3, gt=0)
    schedule: Literal["constant", "cosine", "halving"] = "cosine"
    halve_every: int = Field(2000, ge=1)
    gradient_clip: float | None = Field(None, gt=0)
    validate_every: int = Field(250, ge=1)
    patience: int = Field(0, ge=0)
    checkpoint_every: int = Field(100, ge=1)
    layout: Literal["unrolled", "mapped"] = "unrolled"
