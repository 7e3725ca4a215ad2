"""The base model that a user chooses."""

import re
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

LITE = tuple(f"efficientnet_lite{number}" for number in range(3))
CLASSIFIERS = ("conv4", "mlp", "resnet12", "pixels")
DETECTORS = ("faster_rcnn",)  # base models of detectors; all others are of images that have a class as a whole
BASE_MODELS = {  # where the function of each is
    **{name: f"components.fewshot.base_models.{name}:{name}" for name in (*CLASSIFIERS, *DETECTORS)},
    **{name: f"components.fewshot.base_models.efficientnet_lite:{name}" for name in LITE},
}
LAST = "last "  # what the value of `trainable` begins with, if a number follows
KERAS, HUB, FILE = "keras.applications:", "keras_hub:", "file:"  # what the name of such a base model begins with
OTHERS = f"{KERAS}NAME, {HUB}PRESET, {FILE}PATH.keras, or your own function as package.module:function"
EXISTING = f"there are {', '.join(BASE_MODELS)}, {OTHERS}"


class BaseModelSettings(BaseModel):
    """A base model by name: of `BASE_MODELS`, `keras.applications:ResNet50`, `keras_hub:dinov2_small`, a model that was saved
    (`file:PATH.keras`), or the user's own `package.module:function`.

    Raises:
      pydantic.ValidationError (a ValueError): there is no such name; the message lists what exists.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(
        "conv4",
        description=f"the feature network: {', '.join(BASE_MODELS)}, {OTHERS}",
    )
    settings: dict[str, Any] = Field(
        {}, description="keyword arguments of its function, such as base_model.settings.filters=32"
    )
    trainable: str = Field(
        "all",
        description="what of it is trained: all; none, so that only what the learner adds is; or `last 16`, the last 16 layers"
        " with a kernel. What the others make of an image is computed once",
    )

    views: int = Field(
        1, ge=1, le=2, description="with 2 each training image is also learned from mirrored, where a trunk is frozen"
    )
    budget: float = Field(
        4.0,
        gt=0,
        description="gigabytes that may hold what a frozen trunk makes; if the images need more, each class has fewer",
    )

    images_per_class: int | None = Field(
        None,
        ge=2,
        description="how many training images of each class go through a frozen trunk at most; all of them if it is null",
    )

    @field_validator("trainable")
    @classmethod
    def _all_none_or_last(cls, value: str) -> str:
        if not re.fullmatch(rf"all|none|{LAST}[1-9]\d*", value):
            raise ValueError(f"expected all, none or `last N` (as last 16), got {value!r}")
        return value

    @model_validator(mode="after")
    def _exists(self) -> Self:
        if self.name not in BASE_MODELS and ":" not in self.name:
            raise ValueError(f"no {self.name!r}; {EXISTING}")
        return self
