"""The base model that a user chooses."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

BASE_MODELS = {  # where the function of each is
    name: f"components.fewshot.base_models.{name}:{name}" for name in ("conv4", "mlp", "resnet12", "pixels")
}
EXISTING = f"there are {', '.join(BASE_MODELS)}, or your own as package.module:function"


class BaseModelSettings(BaseModel):
    """A base model by name (`BASE_MODELS`), one of `keras.applications:ResNet50`, or the user's own `package.module:function`.

    Raises:
      pydantic.ValidationError (a ValueError): there is no such name; the message lists what exists.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(
        "conv4",
        description=f"the feature network: {', '.join(BASE_MODELS)}, keras.applications:NAME, or your own function as"
        " package.module:function",
    )
    settings: dict[str, Any] = Field(
        {}, description="keyword arguments of its function, such as base_model.settings.filters=32"
    )

    @model_validator(mode="after")
    def _exists(self) -> Self:
        if self.name not in BASE_MODELS and ":" not in self.name:
            raise ValueError(f"no {self.name!r}; {EXISTING}")
        return self
