"""Settings of the FeatureExtractor, JSON at the TFX boundary."""

from pydantic import BaseModel, ConfigDict, Field

from components.fewshot.settings.base_models import BaseModelSettings
from components.fewshot.settings.image import ImageSpec


class FeatureSettings(BaseModel):
    """Whose features.

    Attributes:
      image: what the base model sees.
      seed: of initial weights, where the base model brings none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_model: BaseModelSettings
    image: ImageSpec
    seed: int = Field(0, ge=0)
