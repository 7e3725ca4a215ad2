"""Settings of the Pusher."""

from pydantic import BaseModel, ConfigDict, Field


class PushSettings(BaseModel):
    """Where blessed models are pushed.

    Attributes:
      destination: directory that TF Serving watches. The default is `<root>/serving/<name>`.
      keep: number of versions to keep.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    destination: str | None = None
    keep: int = Field(3, ge=1)
