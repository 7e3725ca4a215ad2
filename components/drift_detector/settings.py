"""Settings of the rule for images that came."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class DriftSettings(BaseModel):
    """When a model is trained anew, where images come in spans."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    retrain: Literal["always", "needed"] = Field(
        "always",
        description="always trains on what came; needed trains only if images of known classes have changed, there are many more"
        " to train on, or the model in production adapts worse to new classes than to known ones",
    )
    alpha: float = Field(
        0.01,
        gt=0,
        lt=1,
        description="images of known classes have changed if this is more than the probability of as much by chance",
    )
    growth: float = Field(
        0.5,
        gt=0,
        description="training pays if there are more new train classes, or images of them, than this share of the known ones",
    )
