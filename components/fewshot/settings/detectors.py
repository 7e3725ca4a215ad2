"""The settings of the learners that find objects, by the name of the learner."""

from typing import ClassVar, Self

from pydantic import Field, model_validator

from components.fewshot.settings.learners import LearnerSettings, TrainingUnit


class DetectorSettings(LearnerSettings):
    """Settings that all detectors share."""

    shared: ClassVar[frozenset[str]] = frozenset({"proposals", "alike", "cascade"})

    proposals: int = Field(
        128, ge=1, description="regions of an image that are looked at for objects; more cost time and miss fewer"
    )
    alike: float = Field(
        0.7,
        gt=0,
        le=1,
        description=(
            "overlap from which on two of these regions are one; with less they are spread over more places, which finds more"
            " objects of kinds unlike those of training"
        ),
    )
    cascade: bool = Field(
        True,
        description="whether a region is looked at a second time, within its better box, before it is named",
    )


class ProtoNetDetectorSettings(DetectorSettings):
    """Settings of prototypes of boxes."""

    auxiliary: float = Field(
        0.0,
        ge=0,
        description="weight of an ordinary classifier of all training classes beside the episodes; 0 has none",
    )
    cohort: float = Field(
        0.0,
        ge=0,
        le=1,
        description=(
            "share of a region's likeness to the training class that it is most like, by which its likeness to each class of a"
            " task is lowered; above 0 it needs auxiliary above 0, by which training classes are known"
        ),
    )

    @model_validator(mode="after")
    def _a_cohort_is_known(self) -> Self:
        if self.cohort and not self.auxiliary:
            raise ValueError(
                f"cohort={self.cohort:g} needs auxiliary above 0, by which training classes are known; set auxiliary=0.5, or"
                " leave cohort out"
            )
        return self


class TransferDetectorSettings(DetectorSettings):
    """Settings of an ordinary detector with a new head."""

    unit: ClassVar[TrainingUnit] = "shuffled"
    at_adaptation: ClassVar[frozenset[str]] = frozenset({"head_steps", "head_rate"})

    head_steps: int = Field(
        0, ge=0, description="gradient steps by which the class means become a head for a new task; 0 keeps them"
    )
    head_rate: float = Field(0.01, gt=0, description="learning rate of these steps, of Adam")


class FineTuneDetectorSettings(DetectorSettings):
    """Settings of an ordinary detector that is fine-tuned for each task."""

    unit: ClassVar[TrainingUnit] = "shuffled"

    steps: int = Field(50, ge=1, description="gradient steps for a new task")
    rate: float = Field(1e-3, gt=0, description="learning rate of these steps, of Adam")


DETECTOR_SETTINGS: dict[str, type[DetectorSettings]] = {
    "protonet": ProtoNetDetectorSettings,
    "transfer": TransferDetectorSettings,
    "finetune": FineTuneDetectorSettings,
}
