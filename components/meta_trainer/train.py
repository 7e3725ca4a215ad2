"""The work of the MetaTrainer: from an image store and frozen validation episodes to trained weights."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import tensorflow as tf

from components.fewshot.base_models.outside import weights_digest
from components.fewshot.base_models.pure import PureModel
from components.fewshot.base_models.table import pure_base_model
from components.fewshot.episodes.episode import TURNS, EpisodeSpec
from components.fewshot.episodes.fitting import for_training
from components.fewshot.episodes.frozen import episodes_hash, read_frozen
from components.fewshot.images.store import ImageStore
from components.fewshot.integrity import Damaged
from components.fewshot.kinds import KINDS
from components.fewshot.learners import Learner, LearnerChoice, build_learner
from components.fewshot.serving.manifest import Manifest, versions
from components.fewshot.serving.seen import Seen
from components.fewshot.settings.kinds import settings_class
from components.fewshot.training import checkpoint
from components.fewshot.training.checkpoint import checkpoint_file
from components.fewshot.training.finish import Fitted
from components.fewshot.training.history import History, validation_of_kept
from components.fewshot.training.loop import Progress, Trainer
from components.fewshot.training.observing import observe
from components.fewshot.training.selection import Validation
from components.fewshot.training.settings import TrainingSettings
from components.fewshot.training.step import make_deterministic
from components.fewshot.training.units import training_units
from components.meta_trainer.settings import TrainerSettings
from components.meta_trainer.untrainable import untrainable

WEIGHTS = os.path.join(
    "assets.extra", "weights.npz"
)  # below a SavedModel, so that training can start from a pushed one
CHECKPOINTS = 20  # that stay: a run has four, and one that was stopped may wait while others are tried


class Trained(NamedTuple):
    """A learner with its best weights, and how it came to them."""

    learner: Learner
    episodes: EpisodeSpec
    history: History
    seen: Seen
    warm: bool
    fitted: Fitted
    no_warm_start: str | None  # why training did not start from the weights of an earlier model, although it was to


class Inputs(NamedTuple):
    """Where training reads.

    Attributes:
      train, val, test: directories of the splits of an episodes artifact.
      val_episodes: how many validation episodes it has.
      features: the directory of what the trunk of the base model made of the images of train and val; empty without a trunk.
      trunk: the digest of that trunk.
    """

    train: str
    val: str
    test: str
    val_episodes: int
    features: Mapping[str, str] = {}  # by split
    trunk: str = ""


def train(
    settings: TrainerSettings,
    inputs: Inputs,
    checkpoint_root: str,
    code_fingerprint: str,
    reporter: Callable[[History], Callable[[Progress], None]],
    tell: Callable[[str], None] = lambda sentence: None,
) -> Trained:
    """Trains from the checkpoint that belongs to just these settings, inputs and code, or from the start.

    Args:
      reporter: given the history so far, returns what is called after each step.
      tell: gets a sentence if a damaged checkpoint makes training start anew.

    Without a train image it trains nothing: the weights stay as the base model brings them, and none are chosen or calibrated.

    Raises:
      ValueError: training diverged, the device has no deterministic kernel for an operation of the base model, or there is
        nothing to train on although the base model needs it.
    """
    places = {"train": inputs.train, "val": inputs.val, "test": inputs.test} | dict(inputs.features)
    store, val_store, test_store = (
        ImageStore.open(os.path.join(place, "store"), any_view=split == "train") for split, place in places.items()
    )
    if not store.index.names:
        test = zip(test_store.index.names, test_store.index.counts.tolist(), strict=True)
        if reason := untrainable(settings, list(test)):
            raise ValueError(reason)
    frozen = read_frozen(inputs.val, count=inputs.val_episodes) if inputs.val_episodes else []
    validation = Validation(val_store, frozen) if frozen else None
    chosen_by = episodes_hash(frozen, val_store.index, val_store.source_ids)
    episodes = for_training(settings.episodes, store.index)
    # At the last moment: Python's generator is everybody's.
    make_deterministic(settings.seed, settings.training.deterministic)
    learner = new_learner(settings, store)
    check_trunk(learner, inputs)
    seen = Seen(train=frozenset(store.index.names), val=frozenset(val_store.index.names))
    names = test_store.index.names, val_store.index.names
    warm = begin_with(learner, settings.warm_start, *names) if settings.warm_start else Warm()
    choice = trained_by(settings)
    kind = KINDS[settings.kind]
    key = [choice, store.fingerprint, val_store.fingerprint, chosen_by, code_fingerprint]
    history: History = {"steps": [], "validation": [], "best_step": 0}
    for number, stage in enumerate(stages_of(settings, learner, store) if store.index.names else ()):
        content = json.dumps([*key, warm.fingerprint, number])
        path = checkpoint_file(checkpoint_root, hashlib.sha256(content.encode()).hexdigest()[:24])
        observe(stage.learner, store)
        units = training_units(stage.learner.unit, store, episodes, stage.training, settings.seed)
        given = stage.learner, stage.training, units, validation, path
        make = partial(Trainer, *given, before=history, validator=kind.validator)
        trainer = restored(make, path, tell)
        trainer.report = reporter(trainer.history)
        history = run_of(trainer)
    checkpoint.prune(checkpoint_root, CHECKPOINTS)
    fitted = kind.finish(learner, validation, settings.false_alarms)
    return Trained(learner, episodes, history, seen | warm.seen, warm.fingerprint is not None, fitted, warm.refused)


def trained_by(settings: TrainerSettings) -> str:
    """What decides on the weights, as JSON: all settings but those by which a trained learner is used."""
    learner = settings.learner.parsed(settings_class(settings.learner.name, settings.kind))
    own = learner.model_dump_json(exclude=set(learner.at_adaptation))
    return settings.model_dump_json(exclude={"false_alarms": True, "learner": {"settings"}}) + own


def check_trunk(learner: Learner, inputs: Inputs) -> None:
    """Raises ValueError unless the features that training reads are those of the learner's own trunk."""
    own = trunk_of(learner)
    if own != inputs.trunk:
        raise ValueError(
            f"the features were made by another trunk ({inputs.trunk[:12] or 'none'}) than the base model has"
            f" ({own[:12] or 'none'}): make them again with the weights that are installed now"
        )


def trunk_of(learner: Learner) -> str:
    """The digest of the trunk that a learner's base model is behind; empty if there is none."""
    return learner.base.trunk.digest() if learner.base.trunk else ""


def restored(make: Callable[[], Trainer], path: str, tell: Callable[[str], None]) -> Trainer:
    """A trainer that goes on from its checkpoint at `path`; if that is damaged, it is removed, and training starts anew."""
    try:
        return make()
    except Damaged as damaged:
        tell(f"{damaged.directory} is damaged ({damaged.what}): training starts anew")
        tf.io.gfile.rmtree(os.path.dirname(path))
        return make()


def run_of(trainer: Trainer) -> History:
    """The history of a training that ran to its end.

    Raises:
      ValueError: it diverged, or the device has no deterministic kernel for an operation.
    """
    try:
        return trainer.run().history
    except tf.errors.UnimplementedError as error:
        if not trainer.settings.deterministic:
            raise
        said = next((line.strip() for line in str(error.message).splitlines() if "determinis" in line.lower()), "")
        if not said:
            raise
        raise ValueError(
            f"training.deterministic: this device lacks a kernel ({said}); set training.deterministic=false, and a rerun will "
            "give nearly the same weights instead of the very same"
        ) from error


class Stage(NamedTuple):
    """A learner, and how it trains the base model that all stages share."""

    learner: Learner
    training: TrainingSettings


def stages_of(settings: TrainerSettings, learner: Learner, store: ImageStore) -> list[Stage]:
    """The stages of a training, in order; the last trains `learner` itself."""
    training = settings.training
    earlier = [
        Stage(learner_over(learner.base, stage.learner, settings, store), training.of(stage))
        for stage in training.before
    ]
    return [*earlier, Stage(learner, training.of(training))]


class Warm(NamedTuple):
    """What came of beginning with the weights of an earlier model: the fingerprint of those taken, or why none were."""

    fingerprint: str | None = None
    refused: str | None = None
    seen: Seen = Seen()


def begin_with(learner: Learner, earlier: str, test: Sequence[str], val: Sequence[str]) -> Warm:
    """Gives a learner the weights of an exported model, unless they have met what is to be new to it or do not fit."""
    seen = Seen.read(earlier)
    if refused := seen.among(test, val):
        return Warm(refused=refused)
    fingerprint, unfit = assign_weights(learner, os.path.join(earlier, WEIGHTS))
    return Warm(fingerprint, None, seen) if fingerprint else Warm(refused=unfit)


def new_learner(settings: TrainerSettings, store: ImageStore) -> Learner:
    """The learner with initial weights."""
    base = pure_base_model(settings.base_model, settings.image.shape)
    return learner_over(base, settings.learner, settings, store)


def learner_over(base: PureModel, choice: LearnerChoice, settings: TrainerSettings, store: ImageStore) -> Learner:
    """A learner over a base model, for the training classes of a store."""
    low, high = for_training(settings.episodes, store.index).way_range
    classes = len(store.index.names) * (TURNS if settings.episodes.rotations else 1)
    way = low if low == high else None
    return build_learner(choice, base, way, classes, settings.seed, KINDS[settings.kind].learners)


def save_weights(learner: Learner, path: str) -> None:
    """All weights of a learner, by name."""
    tf.io.gfile.makedirs(os.path.dirname(path))
    arrays = {name: variable.numpy() for name, variable in learner.named_variables().items()}
    checkpoint.save(path, arrays, {"trunk": trunk_of(learner)})


def assign_weights(learner: Learner, path: str) -> tuple[str | None, str | None]:
    """Gives a learner the weights of an earlier model: (their fingerprint, None), or (None, why they do not fit)."""
    stored = checkpoint.load(path)
    if stored is None:
        return None, "it has no weights"
    arrays, targets = stored[0], learner.named_variables()
    if stored[1].get("trunk", "") != trunk_of(learner):
        return None, "it has another trunk (base_model.trainable)"
    for name in sorted(arrays.keys() | targets.keys()):
        has, wants = (tuple(found[name].shape) if name in found else None for found in (arrays, targets))
        if has != wants:
            return None, f"its weight {name!r} has shape {has or 'none'}, expected {wants or 'none'}"
    for name, variable in targets.items():
        variable.assign(arrays[name])
    return weights_fingerprint(learner), None


def weights_fingerprint(learner: Learner) -> str:
    """SHA-256 (hex) of all weights of a learner, and of the trunk before them."""
    digest = hashlib.sha256(trunk_of(learner).encode())
    for variable in learner.named_variables().values():
        digest.update(variable.numpy().tobytes())
    return digest.hexdigest()


def model_fingerprint(learner: Learner, settings: TrainerSettings, code_fingerprint: str) -> str:
    """16 hex digits that are the same however often these weights are exported; a SavedModel differs each time."""
    content = [settings.model_dump_json(), code_fingerprint, weights_fingerprint(learner)]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def manifest_of(
    trained: Trained, settings: TrainerSettings, data: dict[str, object], lineage: dict[str, object]
) -> Manifest:
    """What the exported model says of itself."""
    learner, history = trained.learner, trained.history
    return Manifest(
        learner=settings.learner.name,
        learner_settings=learner.settings.model_dump(),
        base_model=settings.base_model.name,
        base_model_settings=settings.base_model.settings,
        base_model_weights=weights_digest(settings.base_model),
        trainable=settings.base_model.trainable,
        trunk=trunk_of(learner),
        image=settings.image,
        max_pixels=settings.max_pixels,
        episodes=trained.episodes,
        fixed_way=learner.way if learner.has_fixed_head else None,
        batch_norm=learner.batch_norm,
        inductive=learner.inductive,
        seed=settings.seed,
        steps=len(history["steps"]),
        validation=validation_of_kept(history),
        kind=settings.kind,
        none_of_these=dict(trained.fitted.none_of_these or {}),
        score_threshold=dict(trained.fitted.score or {}),
        data=data,
        lineage=lineage,
        versions=versions(),
    )
