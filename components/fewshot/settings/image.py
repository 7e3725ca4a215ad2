"""The form of the images that a base model gets."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

MAX_PIXELS = 64_000_000  # height x width of the largest file that is read


class ImageSpec(BaseModel):
    """The form of images for the base model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    height: int = Field(28, ge=2, le=4096, description="height in pixels")
    width: int = Field(28, ge=2, le=4096, description="width in pixels")
    channels: int = Field(1, description="1 (grey) or 3 (RGB)")
    invert: bool = Field(False, description="makes dark strokes bright")
    fit: Literal["stretch", "crop", "pad"] = Field(
        "stretch",
        description="what becomes of another aspect ratio: it is stretched, or its centre is cropped, or it gets white bars",
    )
    resize: Literal["bilinear", "bicubic"] = Field("bilinear", description="the filter; both are antialiased")

    @field_validator("channels")
    @classmethod
    def _grey_or_rgb(cls, channels: int) -> int:
        if channels not in (1, 3):
            raise ValueError(f"expected 1 (grey) or 3 (RGB), got {channels}")
        return channels

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        return self.height, self.width, self.channels
