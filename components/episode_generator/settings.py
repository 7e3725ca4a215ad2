"""Settings of the EpisodeGenerator, JSON at the TFX boundary."""

from pydantic import BaseModel, ConfigDict, Field

from components.fewshot.episodes.episode import EpisodeSpec


class AlsoSpec(BaseModel):
    """A further specification under which the model is judged on the test classes, beside the one that gates."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    spec: EpisodeSpec
    episodes: int = Field(200, ge=2)


class EpisodeGeneratorSettings(BaseModel):
    """What is frozen.

    Attributes:
      train: specification of training episodes, which are drawn as training goes; here only checked.
      evaluation: specification of validation and test episodes.
      val_episodes, test_episodes: how many are frozen.
      seed: of the frozen episodes.
      also: further test episodes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    train: EpisodeSpec = EpisodeSpec()
    evaluation: EpisodeSpec = EpisodeSpec()
    val_episodes: int = Field(200, ge=2)
    test_episodes: int = Field(1000, ge=2)
    seed: int = Field(0, ge=0)
    also: tuple[AlsoSpec, ...] = ()
