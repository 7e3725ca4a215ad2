"""Settings of the gate."""

from pydantic import BaseModel, ConfigDict, Field


class GateSettings(BaseModel):
    """What a model must reach to be blessed. Every bound is one of a 95 % interval, over classes where nothing else is said."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    threshold: float = Field(0.0, ge=0, le=1, description="the least lower bound of the accuracy, from 0 to 1")
    margin: float = Field(
        0.01,
        ge=0,
        le=1,
        description="how far the lower bound of the difference to the model in production may be below 0; over episodes, the same"
        " on the test episodes that it was pushed by and on the test classes that came since",
    )
    drift_margin: float = Field(
        0.02,
        ge=0,
        le=1,
        description="the same for the best model that was ever pushed and judged on this test set; it ends a series of models"
        " that are each a little worse than the one before",
    )
    require_baselines: bool = Field(
        True, description="the lower bound of the difference to every baseline must be above 0"
    )
