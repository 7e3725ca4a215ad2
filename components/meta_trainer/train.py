"""The work of the MetaTrainer: from an image store and frozen validation episodes to trained weights."""

import hashlib
import json
import os
from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

from components.fewshot import checkpoint
from components.fewshot.base_models import build_base_model
from components.fewshot.episodes import TURNS, EpisodeSampler, read_frozen
from components.fewshot.functional import PureModel
from components.fewshot.learners import Learner, build_learner
from components.fewshot.manifest import Manifest, versions
from components.fewshot.store import ImageStore
from components.fewshot.training import Progress, Trainer, Validation, checkpoint_file, make_deterministic
from components.meta_trainer.settings import TrainerSettings


class Trained(NamedTuple):
    """A learner with its best weights, and how it came to them."""

    learner: Learner
    history: dict[str, Any]
    warm_started: bool


class Inputs(NamedTuple):
    """Where training reads: the directories of the splits of an episodes artifact, and weights to begin with."""

    train: str
    val: str
    weights: str | None = None


def train(
    settings: TrainerSettings,
    inputs: Inputs,
    checkpoint_root: str,
    code_fingerprint: str,
    reporter: Callable[[dict[str, Any]], Callable[[Progress], None]],
) -> Trained:
    """Trains from the checkpoint that belongs to just these settings, inputs and code, or from the start.

    Args:
      reporter: given the history so far, returns what is called after each step.
    """
    store, val_store = (ImageStore.open(os.path.join(split, "store")) for split in (inputs.train, inputs.val))
    make_deterministic(settings.seed)  # at the last moment: Python's generator is everybody's
    learner = new_learner(settings, store)
    warm = assign_weights(learner, inputs.weights) if settings.warm_start and inputs.weights else None
    key = [settings.model_dump_json(), store.fingerprint, val_store.fingerprint, code_fingerprint, warm]
    trainer = Trainer(
        learner,
        settings.training,
        store,
        EpisodeSampler(store.index, settings.episodes, settings.seed),
        Validation(val_store, read_frozen(inputs.val)),
        checkpoint_file(checkpoint_root, hashlib.sha256(json.dumps(key).encode()).hexdigest()[:24]),
    )
    trainer.report = reporter(trainer.history)
    return Trained(learner, trainer.run().history, warm is not None)


def new_learner(settings: TrainerSettings, store: ImageStore) -> Learner:
    """The learner with initial weights."""
    low, high = settings.episodes.way_range
    classes = len(store.index.names) * (TURNS if settings.episodes.rotations else 1)
    base = PureModel(build_base_model(settings.base_model, settings.image.shape))
    return build_learner(settings.learner, base, low if low == high else None, classes, settings.seed)


def save_weights(learner: Learner, path: str) -> None:
    """All weights of a learner, by part and number."""
    weights = learner.variables()._asdict()
    arrays = {
        f"{part}_{i}": variable.numpy() for part, variables in weights.items() for i, variable in enumerate(variables)
    }
    checkpoint.save(path, arrays, {})


def assign_weights(learner: Learner, path: str) -> str | None:
    """Gives a learner the weights of an earlier model; returns their fingerprint, or None where they do not fit."""
    stored = checkpoint.load(path)
    if stored is None:
        return None
    targets = {f"{part}_{i}": v for part, vs in learner.variables()._asdict().items() for i, v in enumerate(vs)}
    arrays = stored[0]
    if {key: a.shape for key, a in arrays.items()} != {key: tuple(v.shape) for key, v in targets.items()}:
        return None
    digest = hashlib.sha256()
    for key, variable in targets.items():
        variable.assign(arrays[key])
        digest.update(arrays[key].tobytes())
    return digest.hexdigest()


def manifest_of(trained: Trained, settings: TrainerSettings, data: dict[str, Any], lineage: dict[str, Any]) -> Manifest:
    """What the exported model says of itself."""
    learner, history = trained.learner, trained.history
    chosen: dict[str, Any] = next((v for v in history["validation"] if v["step"] == history["best_step"]), {})
    return Manifest(
        learner=settings.learner.name,
        learner_settings=learner.settings.model_dump(),
        base_model=settings.base_model.name,
        base_model_settings=settings.base_model.settings,
        image=settings.image,
        episodes=settings.episodes,
        fixed_way=learner.way if learner.has_fixed_head else None,
        batch_norm=learner.batch_norm,
        inductive=learner.batch_norm != "transductive",
        seed=settings.seed,
        steps=len(history["steps"]),
        validation=chosen,
        data=data,
        lineage=lineage,
        versions=versions(),
    )


def preprocess_of(transform_graph: str) -> tuple[Callable[[tf.Tensor], tf.Tensor], Any]:
    """(encoded images [B] -> uint8 [B, H, W, C], the resources it needs) by the pipeline's own transform graph."""
    import tensorflow_transform as tft

    layer = tft.TFTransformOutput(transform_graph).transform_features_layer()

    def preprocess(encoded: tf.Tensor) -> tf.Tensor:
        serialized = layer({"image/encoded": encoded})["image"]
        return tf.map_fn(
            lambda one: tf.ensure_shape(tf.io.parse_tensor(one, tf.uint8), [None, None, None]),
            serialized,
            fn_output_signature=tf.TensorSpec([None, None, None], tf.uint8),
        )

    return preprocess, layer
