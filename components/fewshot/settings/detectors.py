"""The settings of the learners that find objects, by the name of the learner."""

from typing import ClassVar

from pydantic import Field

from components.fewshot.settings.learners import LearnerSettings, TrainingUnit


class DetectorSettings(LearnerSettings):
    """Settings that all detectors share."""

    proposals: int = Field(
        128, ge=1, description="regions of an image that are looked at for objects; more cost time and miss fewer"
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
