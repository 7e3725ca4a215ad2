"""Settings of the Pusher."""

from pydantic import BaseModel, ConfigDict, Field


class PushSettings(BaseModel):
    """Where blessed models are pushed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    destination: str | None = Field(
        None, description="directory that TF Serving watches; the default is <root>/serving/<name>"
    )
    keep: int = Field(3, ge=1, description="number of versions to keep")
