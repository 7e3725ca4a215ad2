"""Settings of the MetaTrainer, JSON at the TFX boundary."""

from pydantic import BaseModel, ConfigDict, Field

from components.fewshot.episodes.episode import WantedEpisodes
from components.fewshot.settings.base_models import BaseModelSettings
from components.fewshot.settings.image import MAX_PIXELS, ImageSpec
from components.fewshot.settings.kinds import CLASSIFICATION, Kind
from components.fewshot.settings.learners import LearnerChoice
from components.fewshot.training.settings import FALSE_ALARMS, TrainingSettings


class TrainerSettings(BaseModel):
    """What is trained and how.

    Attributes:
      kind: of task (`components.fewshot.kinds.KINDS`).
      episodes: the training episodes; what is open is fitted to the train classes.
      image: what the base model sees; the transform graph makes it.
      max_pixels: of the largest file that the transform graph reads.
      seed: of initial weights, dropout and training episodes.
      warm_start: directory of an exported model whose weights training starts from, or None.
      false_alarms: the largest share of the queries of validation classes that the threshold for *none of these* may refuse;
        None chooses no threshold, which baselines do without.
      needs_training: whether the run ends if there is nothing to train on and no weights come from elsewhere. A baseline stays as
        it is then: it is what the model must beat.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind = CLASSIFICATION
    learner: LearnerChoice = LearnerChoice()
    base_model: BaseModelSettings = BaseModelSettings()
    training: TrainingSettings = TrainingSettings()
    episodes: WantedEpisodes = WantedEpisodes()
    image: ImageSpec = ImageSpec()
    max_pixels: int = Field(MAX_PIXELS, ge=4)
    seed: int = Field(0, ge=0)
    warm_start: str | None = None
    needs_training: bool = True
    false_alarms: float | None = FALSE_ALARMS
