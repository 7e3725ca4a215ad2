"""The settings of a run: one frozen value, made of layers (`setting_layers`)."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from components.drift_detector.settings import DriftSettings
from components.episode_generator.settings import AlsoSpec, EpisodeGeneratorSettings
from components.few_shot_evaluator.settings import GateSettings
from components.fewshot.episodes.episode import WantedEpisodes
from components.fewshot.settings.base_models import DETECTORS, BaseModelSettings
from components.fewshot.settings.image import MAX_PIXELS, ImageSpec
from components.fewshot.settings.kinds import CLASSIFICATION, DETECTION, Kind, settings_class
from components.fewshot.settings.learners import LearnerChoice
from components.fewshot.settings.sentences import place, reason
from components.fewshot.training.settings import FALSE_ALARMS, NOT_OF_BOXES, TrainingSettings
from components.fewshot.words import counted
from components.meta_trainer.settings import TrainerSettings
from components.pusher.settings import PushSettings
from data.settings import ImageSetSettings
from pipeline.history.address import EXAMPLE, PASSWORD, read_address
from pipeline.platform_settings import PlatformSettings
from pipeline.setting_keys import is_section_of_keys, section_of, setting_keys
from pipeline.setting_layers import together

COLD, PRODUCTION = "none", "production"  # values of warm_start beside a path
NAME = r"[a-z0-9][a-z0-9-]{0,127}"  # the names that Vertex AI accepts for a pipeline


class Candidate(BaseModel):
    """One of several models that a run trains: what it has in place of the run's own settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=f"^{NAME}$", description="of the candidate")
    learner: dict[str, object] = Field({}, description="what differs of the learner")
    base_model: dict[str, object] = Field({}, description="what differs of the base model")
    training: dict[str, object] = Field({}, description="what differs of the training")


class RunSettings(BaseModel):
    """All settings of a run. Each field says what it is; `fewshot settings` shows them."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)  # it may hold a password

    name: str = Field(
        "fewshot",
        pattern=f"^{NAME}$",
        description="name of the pipeline; runs with the same name share the cache, the history and the push destination",
    )
    seed: int = Field(0, ge=0, lt=2**32, description="seed of weights, dropout and episodes")
    data: ImageSetSettings | None = Field(
        None, description="your own images; without them the run uses the built-in glyphs"
    )
    glyphs: Literal["grey", "colour", "scenes"] = Field(
        "grey",
        description="which built-in images: grey ones, the same in colour, or grey scenes with boxes around their characters",
    )
    image: ImageSpec = Field(ImageSpec(), description="the form of the images that the base model gets")
    train_episodes: WantedEpisodes = Field(WantedEpisodes(), description="how training episodes are drawn")
    episodes: WantedEpisodes = Field(WantedEpisodes(), description="how validation and test episodes are drawn")
    validation_episodes: int = Field(200, ge=2, description="how many validation episodes are frozen")
    test_episodes: int = Field(1000, ge=2, description="how many test episodes are frozen")
    also: tuple[AlsoSpec, ...] = Field(
        (),
        description="further test episodes to report the accuracy on, as a list of {spec: {way: 20}, episodes: 200}; they do"
        " not decide on the blessing",
    )
    learner: LearnerChoice = Field(LearnerChoice(), description="the algorithm that adapts")
    base_model: BaseModelSettings = Field(BaseModelSettings(), description="the feature network")
    training: TrainingSettings = Field(
        TrainingSettings(),
        description="steps, learning rate and the like; a list of these is a list of stages, of which the last one trains"
        " the learner",
    )
    candidates: tuple[Candidate, ...] = Field(
        (),
        description="several models to train, as a list of {name: frozen, base_model: {trainable: none}, training: {steps: 0}}:"
        " the best of them on validation classes is judged, gated and pushed; without a list, one model is trained",
    )
    baseline_steps: int | None = Field(
        None,
        ge=0,
        description="outer steps of the transfer-learning baseline; by default it sees as many images as the model",
    )
    warm_start: str = Field(
        "none",
        description="what training starts from: none, the directory of an exported model, or production, the model that the"
        " push destination serves when these settings first meet these training images",
    )
    false_alarms: float = Field(
        FALSE_ALARMS,
        gt=0,
        lt=1,
        description="share of the queries of known classes that may be called none of these: the threshold is chosen by it on"
        " validation classes",
    )
    gate: GateSettings = Field(GateSettings(), description="what a model must reach to be blessed")
    push: PushSettings = Field(PushSettings(), description="where blessed models are pushed")
    drift: DriftSettings = Field(
        DriftSettings(), description="when a model is trained anew, where images come in spans"
    )
    platform: PlatformSettings = Field(
        PlatformSettings(), description="on what machines the nodes run, and Beam's engine"
    )
    keep_runs: int | None = Field(
        None,
        ge=1,
        description="after a run on this machine, what neither so many of the newest runs nor a model in production needs is"
        " removed; by default nothing is",
    )
    metadata: str | None = Field(
        None,
        description="where runs on this machine write their history, by default a file in the root: the database of a team's"
        f" MySQL or MariaDB, as {EXAMPLE}; its password is in the environment variable {PASSWORD}",
    )
    schema_file: str | None = Field(None, description="path of a schema of examples that replaces the built-in one")

    @field_validator("warm_start", mode="before")
    @classmethod
    def _named(cls, value: object) -> object:
        if value is None or value is False:
            return COLD
        if not isinstance(value, str):
            raise ValueError(f"expected none, production, or the directory of an exported model, got {value}")
        return value

    @field_validator("metadata")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        return None if value is None else str(read_address(value))

    @model_validator(mode="after")
    def _fits_together(self) -> "RunSettings":
        stages = ((self.learner, self.training), *((stage.learner, stage) for stage in self.training.before))
        for learner, stage in stages:
            known = settings_class(learner.name, self.kind)
            learner.parsed(known)
            stage.check_unit(known.unit)
        if settings_class(self.learner.name, self.kind).has_fixed_head:
            asked = {"train_episodes.way": self.train_episodes.way, "episodes.way": self.episodes.way}
            asked |= {
                f"also[{i}].spec.way": one.spec.way for i, one in enumerate(self.also) if one.spec.way is not None
            }
            if len(set(asked.values())) > 1 or not isinstance(self.train_episodes.way, int):
                given = ", ".join(f"{key}={'null' if value is None else value}" for key, value in asked.items())
                raise ValueError(
                    f"learner {self.learner.name!r} has a fixed head: expected the same way in all episodes, got {given}; set"
                    " train_episodes.way=5 episodes.way=5, or any other number"
                )
        if (self.base_model.name in DETECTORS) != (self.kind == DETECTION):
            fit = ", ".join(DETECTORS) if self.kind == DETECTION else f"any but {', '.join(DETECTORS)}"
            raise ValueError(f"base_model.name: expected {fit} for {self.kind}, got {self.base_model.name!r}")
        if self.kind == DETECTION and (unfit := _not_of_boxes(self)):
            raise ValueError(f"{unfit}: {NOT_OF_BOXES}; leave it out")
        way, shot, mapped = self.train_episodes.way, self.train_episodes.shot, self.training.layout == "mapped"
        if mapped and self.training.meta_batch > 1 and (isinstance(way, tuple) or isinstance(shot, tuple)):
            raise ValueError(
                f"training.layout 'mapped' needs equal tasks: expected one way and one shot, got {way} and {shot}"
            )
        names = [candidate.name for candidate in self.candidates]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"candidates: {twice[0]!r} is there more than once; give each a name of its own")
        if self.train_episodes.rotations and self.base_model.trainable != "all":
            raise ValueError(
                f"train_episodes.rotations needs base_model.trainable=all, got {self.base_model.trainable}: a frozen trunk sees"
                " each image only once, and not turned"
            )
        if self.training.augmentation.changes and self.base_model.trainable != "all":
            raise ValueError(
                f"training.augmentation needs base_model.trainable=all, got {self.base_model.trainable}: a frozen trunk sees each"
                " image only once; base_model.views=2 shows it mirrored too"
            )
        rotated = [
            spec for spec in (self.train_episodes, self.episodes, *(a.spec for a in self.also)) if spec.rotations
        ]
        if rotated and self.image.height != self.image.width:
            raise ValueError(
                f"rotations need square images, got image.height={self.image.height} and image.width={self.image.width}"
            )
        return self

    @property
    def kind(self) -> Kind:
        """The kind of task, which the images decide."""
        if self.data:
            return self.data.kind
        return DETECTION if self.glyphs == "scenes" else CLASSIFICATION

    @property
    def headline(self) -> str:
        """What a run with these settings does, in a line."""
        trained = f"{self.learner.name} on {self.base_model.name}, {counted(self.training.all_steps, 'step')}"
        if self.candidates:
            trained = f"{counted(len(self.candidates), 'candidate')} on {self.base_model.name}"
        title, open_ = self.episodes.title, self.episodes.open
        drawn = f"{counted(self.test_episodes, 'episode')}{f' of {title}' if title else ''}"
        parts = "" if not title else f" ({' and '.join(open_)})"
        return f"running {self.name}: {trained}, {drawn}{f', fitted to the images{parts}' if open_ else ''}"

    @property
    def content(self) -> str:
        """What decides on the models, as JSON: all settings but the machines, the metadata and what becomes of old runs."""
        return self.model_dump_json(exclude={"platform", "keep_runs", "metadata"})

    @property
    def contenders(self) -> "dict[str, RunSettings]":
        """The candidates as runs of their own, by name; without any, this run by the name of its learner.

        Raises:
          ValueError: the settings of a candidate do not fit; the message names it.
        """
        if not self.candidates:
            return {self.learner.name: self}
        own = self.model_dump(exclude={"candidates"})
        return {one.name: _candidate(own, one) for one in self.candidates}

    def trainer(self) -> TrainerSettings:
        """Returns the settings of the MetaTrainer."""
        return TrainerSettings(
            kind=self.kind,
            learner=self.learner,
            base_model=self.base_model,
            training=self.training,
            episodes=self.train_episodes,
            image=self.image,
            max_pixels=self.data.max_pixels if self.data else MAX_PIXELS,
            seed=self.seed,
            false_alarms=self.false_alarms,
            warm_start=None if self.warm_start == COLD else self.warm_start,
        )

    @property
    def _trains_on_episodes(self) -> bool:
        runs = self.contenders.values()
        names = [name for run in runs for name in (run.learner.name, *(s.learner.name for s in run.training.before))]
        return any(settings_class(name, self.kind).unit == "episode" for name in names)

    def episode_generator(self) -> EpisodeGeneratorSettings:
        """Returns the settings of the EpisodeGenerator."""
        return EpisodeGeneratorSettings(
            train=self.train_episodes if self._trains_on_episodes else None,
            evaluation=self.episodes,
            val_episodes=self.validation_episodes,
            test_episodes=self.test_episodes,
            image=self.image,
            seed=self.seed,
            also=self.also,
        )


def _not_of_boxes(run: RunSettings) -> str | None:
    """Returns a setting that images with boxes cannot have, if it is set."""
    specs = {"train_episodes": run.train_episodes, "episodes": run.episodes}
    specs |= {f"also[{place}].spec": one.spec for place, one in enumerate(run.also)}
    named = {
        f"{key}.{name}": getattr(spec, name) for key, spec in specs.items() for name in ("rotations", "distractors")
    }
    for number, stage in enumerate((*run.training.before, run.training)):
        at = "training" if number == len(run.training.before) else f"training[{number}]"
        if unfit := stage.not_of_boxes:
            named[f"{at}.{unfit}"] = True
    named |= {"image.fit=crop": run.image.fit == "crop"}
    named |= {"base_model.trainable": run.base_model.trainable != "all"}
    return next((key for key, value in named.items() if value), None)


def _candidate(own: Mapping[str, object], candidate: Candidate) -> RunSettings:
    changes = candidate.model_dump(exclude={"name"}, exclude_defaults=True)
    try:
        return load_settings(own, changes)
    except ValueError as error:
        raise ValueError(f"candidate {candidate.name!r}: {error}") from error


def load_settings(*layers: Mapping[str, object]) -> RunSettings:
    """Returns the settings that layers make together. Each layer overrides the one before.

    Raises:
      ValueError: a key is unknown (the message lists those that exist), or a value does not fit.
    """
    try:
        settings = RunSettings.model_validate(together(*layers))
    except ValidationError as error:
        raise ValueError(_sentence(error)) from error
    _ = settings.contenders  # those of the candidates are checked too
    return settings


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    if first["type"] == "extra_forbidden":
        return _unknown(place(first), _section_at(first["loc"][:-1]), isinstance(first["input"], Mapping))
    key = place(first)
    return f"{key}: {reason(error.errors())}" if key else reason(error.errors())


def _unknown(key: str, section: type[BaseModel], is_section: bool) -> str:
    """Returns what to say about a key that does not exist in a section."""
    inside = key.rpartition(".")[0]
    prefix = f"{inside}." if inside else ""
    keys = {f"{prefix}{name}": is_section_of_keys(field) for name, field in section.model_fields.items()}
    sections, settings = ([name for name, holds in keys.items() if holds is which] for which in (True, False))
    candidates = sections if is_section and sections else [*settings, *sections, *setting_keys(RunSettings)]
    near = difflib.get_close_matches(key, candidates, 1, 0.5)
    guess = f"did you mean {near[0]}? " if near else ""
    if is_section:
        exist = f"the sections are {', '.join(sections)}" if sections else f"there are {', '.join(settings)}"
        return f"no setting {key!r}; {guess}{exist}"
    more = f", and the sections {', '.join(sections)}" if sections else ""
    return f"no setting {key!r}; {guess}there are {', '.join(settings)}{more}"


def _section_at(parts: Sequence[int | str]) -> type[BaseModel]:
    """Returns the model of the section at a place that pydantic names."""
    section: type[BaseModel] = RunSettings
    for part in parts:
        if not isinstance(part, int):
            section = section_of(section.model_fields[part]) or section
    return section
