"""The settings of a run: one frozen value, made of layers. A layer overrides the one before: preset, file, options, key=value."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from components.episode_generator.settings import AlsoSpec, EpisodeGeneratorSettings
from components.few_shot_evaluator.gate import GateSettings
from components.fewshot.base_models.table import BaseModelSettings, bound
from components.fewshot.episodes.episode import EpisodeSpec
from components.fewshot.images.decode import ImageSpec
from components.fewshot.learners import LearnerChoice, find_learner
from components.fewshot.training.optimizer import find_optimizer
from components.fewshot.training.settings import TrainingSettings
from components.meta_trainer.settings import TrainerSettings
from components.pusher.settings import PushSettings
from data.settings import ImageSetSettings

COLD, PRODUCTION = "none", "production"  # values of warm_start beside a path
NAME = r"[a-z0-9][a-z0-9-]{0,127}"  # the names that Vertex AI accepts for a pipeline


class RunSettings(BaseModel):
    """All settings of a run.

    Attributes:
      name: name of the pipeline. Runs with the same name share the cache, the history and the latest blessed model.
      seed: seed of weights, dropout and episodes.
      data: the user's images. Without them the run uses the built-in `glyphs`.
      glyphs: whether the built-in images are `grey` or in `colour`.
      image: size and channels of the images that the base model gets.
      train_episodes: how training episodes are drawn.
      episodes: how validation and test episodes are drawn.
      validation_episodes, test_episodes: how many of each are frozen.
      also: other test episodes to report the accuracy on. They do not decide about the blessing.
      learner: the algorithm that adapts.
      base_model: the feature network.
      training: steps, learning rate and the like. A list of these is a list of stages; the last one trains `learner`.
      baseline_steps: outer steps of the transfer-learning baseline. The default is the number of the model itself.
      warm_start: what training starts from: `none`, the directory of an exported model, or `production`, the model that the
        push destination serves when these settings first meet these training images.
      gate: what a model must reach to be blessed.
      push: where blessed models are pushed.
      schema_file: path of a schema of examples that replaces the built-in one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field("fewshot", pattern=f"^{NAME}$")
    seed: int = Field(0, ge=0, lt=2**32)
    data: ImageSetSettings | None = None
    glyphs: Literal["grey", "colour"] = "grey"
    image: ImageSpec = ImageSpec()
    train_episodes: EpisodeSpec = EpisodeSpec()
    episodes: EpisodeSpec = EpisodeSpec()
    validation_episodes: int = Field(200, ge=2)
    test_episodes: int = Field(1000, ge=2)
    also: tuple[AlsoSpec, ...] = ()
    learner: LearnerChoice = LearnerChoice()
    base_model: BaseModelSettings = BaseModelSettings()
    training: TrainingSettings = TrainingSettings()
    baseline_steps: int | None = Field(None, ge=0)
    warm_start: str = "none"
    gate: GateSettings = GateSettings()
    push: PushSettings = PushSettings()
    schema_file: str | None = None

    @field_validator("warm_start", mode="before")
    @classmethod
    def _named(cls, value: object) -> object:
        if value is None or value is False:
            return COLD
        if not isinstance(value, str):
            raise ValueError(f"expected none, production, or the directory of an exported model, got {value}")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> "RunSettings":
        for learner in (self.learner, *(stage.learner for stage in self.training.before)):
            learner.parsed()
        bound(self.base_model, self.image.shape)
        find_optimizer(self.training.optimizer)
        if find_learner(self.learner.name).has_fixed_head:
            asked = {"train_episodes.way": self.train_episodes.way, "episodes.way": self.episodes.way}
            asked |= {f"also[{i}].spec.way": also.spec.way for i, also in enumerate(self.also)}
            if len(set(asked.values())) > 1 or not isinstance(self.train_episodes.way, int):
                given = ", ".join(f"{key}={value}" for key, value in asked.items())
                raise ValueError(
                    f"learner {self.learner.name!r} has a fixed head: expected the same way in all episodes, got {given}"
                )
        way, shot, mapped = self.train_episodes.way, self.train_episodes.shot, self.training.layout == "mapped"
        if mapped and self.training.meta_batch > 1 and not (isinstance(way, int) and isinstance(shot, int)):
            raise ValueError(
                f"training.layout 'mapped' needs equal tasks: expected one way and one shot, got {way} and {shot}"
            )
        rotated = [
            spec for spec in (self.train_episodes, self.episodes, *(a.spec for a in self.also)) if spec.rotations
        ]
        if rotated and self.image.height != self.image.width:
            raise ValueError(
                f"rotations need square images, got image.height={self.image.height} and image.width={self.image.width}"
            )
        return self

    def trainer(self) -> TrainerSettings:
        """Returns the settings of the MetaTrainer."""
        return TrainerSettings(
            learner=self.learner,
            base_model=self.base_model,
            training=self.training,
            episodes=self.train_episodes,
            image=self.image,
            seed=self.seed,
            warm_start=None if self.warm_start == COLD else self.warm_start,
        )

    @property
    def _trains_on_episodes(self) -> bool:
        names = (self.learner.name, *(stage.learner.name for stage in self.training.before))
        return any(find_learner(name).unit == "episode" for name in names)

    def episode_generator(self) -> EpisodeGeneratorSettings:
        """Returns the settings of the EpisodeGenerator."""
        return EpisodeGeneratorSettings(
            train=self.train_episodes if self._trains_on_episodes else None,
            evaluation=self.episodes,
            val_episodes=self.validation_episodes,
            test_episodes=self.test_episodes,
            seed=self.seed,
            also=self.also,
        )


def load_settings(*layers: Mapping[str, object]) -> RunSettings:
    """Returns the settings that layers make together. Each layer overrides the one before.

    Raises:
      ValueError: a key is unknown (the message lists those that exist), or a value does not fit.
    """
    merged: dict[str, object] = {}
    for layer in layers:
        merged = _merge(merged, _with_stages(layer))
    try:
        return RunSettings.model_validate(merged)
    except ValidationError as error:
        raise ValueError(_sentence(error)) from error


def read_config(path: str) -> dict[str, object]:
    """Returns the layer in a YAML file.

    Raises:
      ValueError: the file cannot be read, or it does not hold settings.
    """
    try:
        with open(path, encoding="utf-8") as file:
            layer = yaml.safe_load(file) or {}
    except OSError as error:
        raise ValueError(
            f"--config {path}: cannot be read ({error.strerror}); expected a YAML file of settings"
        ) from error
    except yaml.YAMLError as error:
        raise ValueError(f"--config {path} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(layer, dict):
        raise ValueError(f"--config {path}: expected settings as `key: value`, got {type(layer).__name__}")
    return layer


def parse_overrides(pairs: Iterable[str]) -> dict[str, object]:
    """Returns the layer of words such as `training.steps=200` or `episodes.way=[5,10]`: dotted keys, YAML values.

    Raises:
      ValueError: a word has no `=`, or its value is not YAML.
    """
    layer: dict[str, object] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise ValueError(f"expected settings as key=value (training.steps=200), got {pair!r}")
        try:
            parsed = yaml.safe_load(value)
        except yaml.YAMLError:
            raise ValueError(f"{key}: expected a YAML value (200, [5, 10], {{a: b}}), got {value!r}") from None
        layer = _merge(layer, _nested(key.split("."), parsed))
    return layer


def setting_keys(model: type[BaseModel] = RunSettings, prefix: str = "") -> list[str]:
    """Returns the dotted keys of all settings."""
    keys = []
    for name, field in model.model_fields.items():
        options = getattr(field.annotation, "__args__", (field.annotation,))
        inner = next((o for o in options if isinstance(o, type) and issubclass(o, BaseModel)), None)
        is_tuple = getattr(field.annotation, "__origin__", None) is tuple
        keys += [f"{prefix}{name}"] if inner is None or is_tuple else setting_keys(inner, f"{prefix}{name}.")
    return keys


def _with_stages(layer: Mapping[str, object]) -> dict[str, object]:
    """Returns a layer in which a list of stages is the last one, with those `before` it, so that layers still merge."""
    stages = layer.get("training")
    if not isinstance(stages, list) or not stages or not all(isinstance(stage, Mapping) for stage in stages):
        return dict(layer)
    *before, last = stages
    return {**layer, "training": {**last, "before": before}}


def _merge(below: Mapping[str, object], above: Mapping[str, object]) -> dict[str, object]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = _merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def _nested(parts: Sequence[str], value: object) -> dict[str, object]:
    first, *rest = parts
    return {first: _nested(rest, value) if rest else value}


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"] if part not in ("int", "tuple[int, int]"))
    if first["type"] == "extra_forbidden":
        known = setting_keys()
        near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
        inside = [k for k in known if k.rpartition(".")[0] == key.rpartition(".")[0]] or known
        guess = f"did you mean {near[0]}? " if near else ""
        return f"no setting {key!r}; {guess}there are {', '.join(inside)}"
    reason = first["msg"].removeprefix("Value error, ")
    told = ", got " in reason or isinstance(first["input"], dict | BaseModel)
    got = "" if told else f" (got {first['input']!r})"
    return f"{key}: {reason}{got}" if key else reason
