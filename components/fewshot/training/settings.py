"""Settings of the outer loop."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

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

Precision = Literal["float32", "bfloat16", "float16"]
Device = Literal["auto", "cpu", "gpu", "tpu"]
WORDS = {
    "episode": "episodes",
    "shuffled": "shuffled images",
    "grouped": "batches of several images a class",
}
FALSE_ALARMS = 0.05  # of a threshold for none of these, if nobody asks for another
SETS_ANEW = {"ftrl", "schedulefreeadamw"}  # what these make of a weight depends on sums of their own, not on its value


class AugmentationSettings(BaseModel):
    """Random changes of training images; by default there are none."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    crop: float = Field(
        1.0, gt=0, le=1, description="smallest share of an image's area that is cut out and brought back to its size"
    )
    flip: bool = Field(False, description="mirrors half of the images, left to right")
    rotation: float = Field(0.0, ge=0, le=180, description="largest angle in degrees by which images are turned")
    translation: float = Field(
        0.0, ge=0, le=1, description="largest way that images are moved, as a share of each side"
    )
    zoom: float = Field(0.0, ge=0, lt=1, description="largest share by which images are drawn larger or smaller")
    colour: float = Field(
        0.0, ge=0, le=1, description="largest share by which brightness, contrast and saturation rise or fall"
    )
    cutout: float = Field(0.0, ge=0, lt=1, description="share of each side of a rectangle that is covered")

    @property
    def moves(self) -> bool:
        """Whether places in an image change."""
        return bool(self.crop < 1 or self.flip or self.rotation or self.translation or self.zoom)

    @property
    def changes(self) -> bool:
        """Whether images change at all."""
        return bool(self.moves or self.colour or self.cutout)


# What is said of a setting that images with boxes cannot have.
NOT_OF_BOXES = "not for images with boxes, which it would leave behind or tell wrongly"


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
    warm_up: int = Field(
        0, ge=0, description="steps over which the learning rate rises to its value, before the schedule begins"
    )
    head_rate: float = Field(
        1.0,
        gt=0,
        description="learning rate of what a learner has of its own (a head, a scale), as a multiple of the base model's",
    )
    weight_decay: float | None = Field(
        None,
        ge=0,
        description="share of a weight that a step of learning rate 1 takes away (decoupled, as in AdamW); not of biases, scales"
        " and offsets. By default what the optimizer has: none, or of adamw 0.004, which there is of all weights",
    )
    augmentation: AugmentationSettings = Field(
        AugmentationSettings(), description="random changes of training images, another one of each image in each step"
    )
    label_smoothing: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of a target that is spread evenly over all classes, as against overconfidence",
    )
    mixup: float = Field(
        0.0,
        ge=0,
        description="alpha of the Beta distribution by which two images and their targets are mixed; 0 mixes none. For a learner"
        " that is trained on batches of shuffled images, such as transfer",
    )
    blend: float = Field(
        0.0,
        ge=0,
        le=1,
        description="share of the base model's weights at the start of the stage in those at its end (WiSE-FT), for fine-tuning"
        " pretrained weights",
    )

    @model_validator(mode="after")
    def _warms_up_in_time(self) -> Self:
        if self.warm_up > self.steps > 0:
            raise ValueError(f"warm_up: expected at most the {self.steps} steps of the stage, got {self.warm_up}")
        return self

    @property
    def not_of_boxes(self) -> str | None:
        """The name of a setting that images with boxes cannot have, if one is set."""
        named = {
            "label_smoothing": self.label_smoothing,
            "mixup": self.mixup,
            "augmentation.rotation": self.augmentation.rotation,
        }
        return next((name for name, value in named.items() if value), None)

    def check_unit(self, unit: str) -> None:
        """Whether a learner that is trained on this unit can be trained in this way.

        Raises:
          ValueError: it cannot.
        """
        if self.mixup and self.steps and unit != "shuffled":
            raise ValueError(
                f"training.mixup: expected 0 for a learner that is trained on {WORDS[unit]}, got {self.mixup:g}; only batches of"
                " shuffled images are mixed (learner transfer)"
            )


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
    device: Device = Field(
        "auto",
        description="where the gradients of a step are computed: on the tpu that TPU_NAME names, on all gpus, or on the cpu;"
        " auto takes the first of these that there is. Several devices share out the episodes of a meta-batch, or the images of a"
        " batch",
    )
    precision: Precision = Field(
        "float32",
        description="in which the layers of the base model compute in training; weights, distances and sums are float32, and"
        " so is all that is validated, exported and measured. With float16 gradients are scaled so that small ones are not lost",
    )
    jit: bool = Field(
        False,
        description="compiles the gradients of a step by XLA, as a tpu always does: for each way and shot that occurs, so that"
        " train_episodes should fix both",
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

    @model_validator(mode="after")
    def _optimizer_can(self) -> Self:
        stages: tuple[StageSettings, ...] = (*self.before, self)
        for stage in stages:
            asked = "head_rate" if stage.head_rate != 1 else "weight_decay" if stage.weight_decay else None
            if asked and self.optimizer.lower() in SETS_ANEW:
                raise ValueError(
                    f"{asked}: expected an optimizer that moves a weight from where it is (adam, sgd, ...), got "
                    f"{self.optimizer!r}, which sets it anew; leave {asked} out, or choose another training.optimizer"
                )
        return self

    @property
    def all_steps(self) -> int:
        """Outer steps of all stages."""
        return self.steps + sum(stage.steps for stage in self.before)

    def of(self, stage: StageSettings) -> "TrainingSettings":
        """The settings of one stage alone."""
        own = {name: getattr(stage, name) for name in StageSettings.model_fields}
        return self.model_copy(update={"before": (), **own})
