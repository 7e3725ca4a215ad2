"""Few-shot learning in a notebook: any Keras model, numpy arrays, and the methods of Keras."""

import hashlib
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from components.fewshot.base_models.given import given_base_model
from components.fewshot.episodes.episode import EpisodeSpec
from components.fewshot.episodes.sampler import EpisodeSampler
from components.fewshot.images.decode import decode
from components.fewshot.images.feed import to_unit_range
from components.fewshot.images.store import ArrayStore
from components.fewshot.learners import Learner, LearnerChoice, TaskState, build_learner, find_learner
from components.fewshot.parallel import BATCH, in_parallel
from components.fewshot.serving.manifest import Manifest, versions
from components.fewshot.serving.module import export
from components.fewshot.serving.server import Server
from components.fewshot.training.finish import finish
from components.fewshot.training.history import History, validation_of_kept
from components.fewshot.training.loop import Progress, Trainer
from components.fewshot.training.none_of_these import Threshold
from components.fewshot.training.observing import observe
from components.fewshot.training.selection import Validation
from components.fewshot.training.settings import TrainingSettings
from components.fewshot.training.units import training_units

QUERIES = 256  # in memory at a time


class MetaLearningModel:
    """Meta-trains `base_model`, adapts it to new classes, predicts, exports.

    ```python
    model = MetaLearningModel(base_model, num_classes=5, learner="protonet")
    model.compile(optimizer="adam")
    model.fit(train_images, train_labels, epochs=50, validation_split=0.1)
    model.adapt(support_images, support_labels)
    model.predict(query_images)
    model.export("model_dir")
    ```

    A base model by name that brings weights, as `efficientnet_lite0` does, is frozen unless `trainable` says otherwise, and can
    `adapt` without `fit`.

    Args:
      base_model: any `keras.Model` from float32 images [B, H, W, C] in 0..1 to features, or the name of one
        (`BaseModelSettings`).
      num_classes: way of the training episodes.
      learner: a name of `LEARNERS`.
      seed: of the episodes and of the initial values of the learner's variables.
      image_shape: (H, W, C) for a base model by name; by default (224, 224, 3) for one that brings weights.
      trainable: what of a base model by name is trained: all, none, or `last N`.
      learner_settings: settings of that learner.
    """

    def __init__(
        self,
        base_model: keras.Model | str,
        num_classes: int = 5,
        learner: str = "protonet",
        seed: int = 0,
        image_shape: tuple[int, int, int] | None = None,
        trainable: str | None = None,
        **learner_settings: object,
    ) -> None:
        self.base_model, self.num_classes, self.seed = base_model, num_classes, seed
        self._choice = LearnerChoice(name=learner, settings=learner_settings)
        self._choice.parsed(find_learner(learner).Settings)
        self._given = given_base_model(base_model, image_shape, trainable, seed)
        if trunk := self._given.base.trunk:
            self._compiled_trunk = tf.function(
                lambda images: trunk(trunk.values(), images), autograph=False, reduce_retracing=True
            )
        self._training: dict[str, object] = {}
        self._learner: Learner | None = None
        self._spec = EpisodeSpec(way=num_classes)
        self._history: History = {"steps": [], "validation": [], "best_step": 0}
        self._none_of_these: Threshold | None = None
        self._task_state: TaskState | None = None
        self._way = 0

    def compile(self, optimizer: str = "adam", **training: object) -> None:
        """Chooses the outer optimizer, by its name in Keras, and any other of `TrainingSettings` (learning_rate, ...).

        Raises:
          pydantic.ValidationError (a ValueError): no such setting or value.
          TypeError: the optimizer is not a name.
        """
        if not isinstance(optimizer, str):
            raise TypeError(
                f"optimizer: expected a name ('adam'), got {optimizer!r}; learning_rate and more go beside it"
            )
        self._training = TrainingSettings(optimizer=optimizer, **training).model_dump(exclude_unset=True)

    def fit(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        epochs: int = 10,
        steps_per_epoch: int = 100,
        validation_split: float = 0.1,
        shot: int | tuple[int, int] = 1,
        query: int = 5,
        rotations: bool = False,
        validation_episodes: int = 100,
        verbose: bool = True,
    ) -> History:
        """Meta-trains on episodes of `images` [N, H, W, C] (uint8, or floats in 0..1) and `labels` [N].

        `validation_split` of the *classes* are held out; the weights that adapt best to them are kept.

        Returns:
          The history: `steps`, `validation`, `best_step`.

        Raises:
          ValueError: too few classes or images, or values out of range.
        """
        images, labels = self._checked(images), one_label_each(labels, images)
        if self._given.base.trunk and rotations:
            raise ValueError("rotations need trainable='all': a frozen trunk sees each image only once, and not turned")
        self._task_state = None  # of the weights before
        self._spec = EpisodeSpec(way=self.num_classes, shot=shot, query=query, rotations=rotations)
        held_out = hold_out(np.unique(labels).astype(str).tolist(), validation_split)
        is_validation = np.isin(labels.astype(str), held_out)
        store = ArrayStore(images[~is_validation], labels[~is_validation])
        if rotations and images.shape[1] != images.shape[2]:
            raise ValueError(f"rotations need square images, got {images.shape[1]} x {images.shape[2]}")
        sampler_of("training", store, self._spec, self.seed)  # refuses too few classes in the words of these arguments
        validation = None
        if held_out:
            kept = ArrayStore(images[is_validation], labels[is_validation])
            sampler = sampler_of("validation", kept, self._spec.model_copy(update={"rotations": False}), self.seed)
            drawn = [sampler(i) for i in range(validation_episodes)]
            validation = Validation(kept.mapped(self._through_trunk), drawn)
        store = store.mapped(self._through_trunk)  # late, because a trunk takes its time
        turns = 4 if rotations else 1
        self._learner = build_learner(
            self._choice, self._given.base, self.num_classes, len(store.index.names) * turns, self.seed
        )
        settings = TrainingSettings(
            **{"steps": epochs * steps_per_epoch, "validate_every": steps_per_epoch} | self._training
        )
        report = _progress_bar(epochs, steps_per_epoch) if verbose else lambda progress: None
        observe(self._learner, store)
        units = training_units(self._learner.unit, store, self._spec, settings, self.seed)
        self._history = Trainer(self._learner, settings, units, validation, report=report).run().history
        self._none_of_these = finish(self._learner, validation).none_of_these
        return self._history

    def adapt(self, support_images: np.ndarray, support_labels: np.ndarray) -> None:
        """Adapts to new classes: images [S, H, W, C] and labels [S] in 0..W-1, without gaps.

        Raises:
          RuntimeError: called before `fit`, and the base model brings no weights.
          ValueError: labels with gaps, or another number of classes than a fixed head has.
        """
        labels = one_label_each(support_labels, support_images).astype(np.int32)
        found = np.unique(labels)
        if not len(found) or not np.array_equal(found, np.arange(len(found))):
            raise ValueError(
                f"support_labels: expected one of 0..W-1 for each image, without gaps, got {found.tolist()}"
            )
        learner = self._trained()
        if learner.has_fixed_head and len(found) != learner.way:
            raise ValueError(
                f"learner {self._choice.name!r} has a fixed head: expected exactly {learner.way} classes, got {len(found)}"
            )
        self._task_state = learner.adapt(
            learner.values(), self._tensor(support_images), tf.constant(labels), len(found)
        )
        self._way = len(found)

    def predict(self, query_images: np.ndarray) -> np.ndarray:
        """Probabilities float32 [Q, W] of images [Q, H, W, C] for the classes last adapted to.

        Raises:
          RuntimeError: called before `adapt`.
        """
        if self._task_state is None:
            raise RuntimeError("call adapt(support_images, support_labels) before predict")
        size = QUERIES if self._trained().inductive else max(1, len(query_images))
        starts = range(0, len(query_images), size)
        batches = [self._probabilities(query_images[start : start + size]) for start in starts]
        return np.concatenate(batches) if batches else np.zeros((0, self._way), np.float32)

    def _probabilities(self, images: np.ndarray) -> np.ndarray:
        learner = self._trained()
        logits = learner.predict(learner.values(), self._task_state or {}, self._tensor(images))
        return learner.probabilities(logits).numpy()

    def export(self, directory: str) -> None:
        """Writes a SavedModel that adapts at serving time; it takes encoded images (PNG, JPEG, ...).

        An image is brought to the training images' size and channels as the pipeline does it (`images.decode`).
        """
        learner, image = self._trained(), self._given.image
        manifest = Manifest(
            learner=self._choice.name,
            learner_settings=learner.settings.model_dump(),
            base_model=self._given.name,
            base_model_weights=self._given.weights,
            trainable=self._given.trainable,
            trunk=self._given.base.trunk.digest() if self._given.base.trunk else "",
            image=image,
            episodes=self._spec,
            fixed_way=learner.way if learner.has_fixed_head else None,
            batch_norm=learner.batch_norm,
            inductive=learner.inductive,
            seed=self.seed,
            steps=len(self._history["steps"]),
            validation=validation_of_kept(self._history),
            none_of_these=dict(self._none_of_these or {}),
            versions=versions(),
        )
        export(Server(learner, lambda encoded: decode(encoded, image)), manifest, directory)

    def _trained(self) -> Learner:
        if self._learner is None and self._given.weights:
            self._learner = build_learner(self._choice, self._given.base, self.num_classes, self.num_classes, self.seed)
        if self._learner is None:
            raise RuntimeError("call fit(images, labels) first")
        return self._learner

    def _tensor(self, images: np.ndarray) -> tf.Tensor:
        """What the learner is given of images [N, H, W, C]: floats in 0..1, or what a frozen trunk makes of these."""
        return to_unit_range(tf.constant(self._through_trunk(self._checked(images))))

    def _through_trunk(self, images: np.ndarray) -> np.ndarray:
        trunk = self._given.base.trunk
        if trunk is None:
            return images
        parts = [images[start : start + BATCH] for start in range(0, len(images), BATCH)]
        found = in_parallel(lambda part: self._compiled_trunk(to_unit_range(tf.constant(part))).numpy(), parts)
        return np.concatenate([np.zeros((0, *trunk.output_shape), np.float32), *found])

    def _checked(self, images: np.ndarray) -> np.ndarray:
        """The images; raises ValueError if they have another shape or other values than the base model takes."""
        images, shape = np.asarray(images), self._given.image.shape
        if images.ndim != 4 or images.shape[1:] != shape:
            wanted = f"[N, {', '.join(map(str, shape))}]"
            raise ValueError(f"images: expected {wanted} as the base model takes them, got {images.shape}")
        if images.dtype != np.uint8 and images.size and (images.min() < 0 or images.max() > 1):
            span = f"{images.dtype} from {images.min():g} to {images.max():g}"
            raise ValueError(f"images: expected uint8 in 0..255 or floats in 0..1, got {span}")
        return images


def hold_out(classes: list[str], share: float) -> list[str]:
    """A `share` of the class names, chosen by hash, so that their order does not matter."""
    if not 0 <= share < 1:
        raise ValueError(f"validation_split: expected a share of the classes in 0..1, got {share}")
    by_hash = sorted(classes, key=lambda name: hashlib.sha256(name.encode()).digest())
    return by_hash[: round(share * len(classes))]


def one_label_each(labels: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Labels [N], also of [N, 1]; raises ValueError if there is not one for each image."""
    labels = np.asarray(labels)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.shape != (len(images),):
        raise ValueError(f"labels: expected one number for each of {len(images)} images, got shape {labels.shape}")
    return labels


def sampler_of(side: str, store: ArrayStore, spec: EpisodeSpec, seed: int) -> EpisodeSampler:
    """Draws the episodes of one side; raises ValueError, naming it, if it has too few classes or images."""
    try:
        return EpisodeSampler(store.index, spec, seed)
    except ValueError as error:
        raise ValueError(
            f"{side} classes: {str(error).split(':')[0]}: lower num_classes, shot or query, change validation_split, "
            "or add classes"
        ) from error


def _progress_bar(epochs: int, steps_per_epoch: int) -> Callable[[Progress], None]:
    bar = keras.utils.Progbar(epochs * steps_per_epoch, stateful_metrics=["validation"])

    def report(progress: Progress) -> None:
        values = [("loss", progress.loss), ("accuracy", progress.accuracy)]
        if progress.validation_accuracy is not None:
            values.append(("validation", progress.validation_accuracy))
        bar.update(progress.step, values)

    return report
