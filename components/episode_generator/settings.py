"""Settings of the EpisodeGenerator; TFX passes them as JSON."""

from pydantic import BaseModel, ConfigDict, Field

from components.fewshot.episodes.episode import WantedEpisodes
from components.fewshot.settings.image import ImageSpec


class AlsoSpec(BaseModel):
    """Further test episodes; the model is also evaluated on these, but they do not decide on blessing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    spec: WantedEpisodes = Field(description="how they are drawn, with the keys of `episodes`")
    episodes: int = Field(200, ge=2, description="how many of them are frozen")


class EpisodeGeneratorSettings(BaseModel):
    """Which episodes are checked and frozen.

    Attributes:
      train: the training episodes; they are only checked here, because training draws its own. None if nothing is trained on
        episodes.
      evaluation: the validation and test episodes.
      val_episodes, test_episodes: how many episodes of each are frozen.
      image: the form of the pixels that the transform graph makes.
      seed: seed by which the frozen episodes are drawn.
      also: specifications of further test episodes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    train: WantedEpisodes | None = WantedEpisodes()
    evaluation: WantedEpisodes = WantedEpisodes()
    val_episodes: int = Field(200, ge=2)
    test_episodes: int = Field(1000, ge=2)
    image: ImageSpec = ImageSpec()
    seed: int = Field(0, ge=0)
    also: tuple[AlsoSpec, ...] = ()
