"""Few-shot learning in a notebook: any Keras model, plain numpy arrays, the verbs of Keras."""

import hashlib
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from components.fewshot.episodes import EpisodeSampler, EpisodeSpec
from components.fewshot.feed import to_unit_range
from components.fewshot.functional import PureModel
from components.fewshot.images import ImageSpec, decode
from components.fewshot.learners import LearnerChoice, TaskState, Weights, build_learner
from components.fewshot.manifest import Manifest, versions
from components.fewshot.serving import Server, export
from components.fewshot.store import ArrayStore
from components.fewshot.training import Progress, Trainer, TrainingSettings, Validation


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

    Args:
      base_model: any `keras.Model` from float32 images [B, H, W, C] in 0..1 to features.
      num_classes: way of the training episodes.
      learner: a name of `LEARNERS`.
      seed: of episodes and of the learner's own initial values.
      learner_settings: of that learner.
    """

    def __init__(
        self,
        base_model: keras.Model,
        num_classes: int = 5,
        learner: str = "protonet",
        seed: int = 0,
        **learner_settings: Any,
    ) -> None:
        self.base_model, self.num_classes, self.seed = base_model, num_classes, seed
        self._choice = LearnerChoice(name=learner, settings=learner_settings)
        self._choice.parsed()
        self._base = PureModel(base_model)
        self._training: dict[str, Any] = {}
        self._learner: Any = None
        self._spec = EpisodeSpec(way=num_classes)
        self._outcome: Any = None
        self._task_state: TaskState | None = None

    def compile(self, optimizer: str = "adam", **training: Any) -> None:
        """Chooses the outer optimizer and any other of `TrainingSettings` (learning_rate, meta_batch, ...).

        Raises:
          pydantic.ValidationError (a ValueError): no such setting or value.
        """
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
    ) -> dict[str, Any]:
        """Meta-trains on episodes of `images` [N, H, W, C] (uint8, or floats in 0..1) and `labels` [N].

        `validation_split` of the *classes* are held out; the weights that adapt best to them are kept.

        Returns:
          The history: `steps`, `validation`, `best_step`.

        Raises:
          ValueError: too few classes or images, or values out of range.
        """
        images, labels = _checked(images), np.asarray(labels)
        self._spec = EpisodeSpec(way=self.num_classes, shot=shot, query=query, rotations=rotations)
        held_out = hold_out(np.unique(labels).astype(str).tolist(), validation_split)
        is_validation = np.isin(labels.astype(str), held_out)
        store = ArrayStore(images[~is_validation], labels[~is_validation])
        draw = EpisodeSampler(store.index, self._spec, self.seed)
        validation = None
        if held_out:
            kept = ArrayStore(images[is_validation], labels[is_validation])
            sampler = EpisodeSampler(kept.index, self._spec.model_copy(update={"rotations": False}), self.seed)
            validation = Validation(kept, [sampler(i) for i in range(validation_episodes)])
        turns = 4 if rotations else 1
        self._learner = build_learner(
            self._choice, self._base, self.num_classes, len(store.index.names) * turns, self.seed
        )
        settings = TrainingSettings(
            **{"steps": epochs * steps_per_epoch, "validate_every": steps_per_epoch} | self._training
        )
        report = _progress_bar(epochs, steps_per_epoch) if verbose else lambda progress: None
        self._outcome = Trainer(self._learner, settings, store, draw, validation, report=report).run()
        return self._outcome.history

    def adapt(self, support_images: np.ndarray, support_labels: np.ndarray) -> None:
        """Adapts to new classes: images [S, H, W, C] and labels [S] in 0..W-1, without gaps.

        Raises:
          RuntimeError: called before `fit`.
          ValueError: labels with gaps, or another number of classes than a fixed head has.
        """
        labels = np.asarray(support_labels, np.int32)
        found = np.unique(labels)
        if not np.array_equal(found, np.arange(len(found))) or len(labels) != len(support_images):
            raise ValueError(
                f"support_labels: expected one of 0..W-1 for each image, without gaps, got {found.tolist()}"
            )
        learner = self._trained()
        if learner.has_fixed_head and len(found) != learner.way:
            raise ValueError(
                f"learner {self._choice.name!r} tells apart exactly {learner.way} classes, got {len(found)}"
            )
        self._task_state = learner.adapt(self._weights(), _tensor(support_images), tf.constant(labels), len(found))

    def predict(self, query_images: np.ndarray) -> np.ndarray:
        """Probabilities float32 [Q, W] of images [Q, H, W, C] for the classes last adapted to.

        Raises:
          RuntimeError: called before `adapt`.
        """
        if self._task_state is None:
            raise RuntimeError("call adapt(support_images, support_labels) before predict")
        logits = self._trained().predict(self._weights(), self._task_state, _tensor(query_images))
        return keras.ops.softmax(logits).numpy()

    def export(self, directory: str) -> None:
        """Writes a SavedModel that adapts at serving time; it takes encoded images (PNG, JPEG, ...).

        An image is brought to the training images' size and channels as the pipeline does it (`images.decode`).
        """
        learner = self._trained()
        height, width, channels = self.base_model.input_shape[1:]
        image = ImageSpec(height=height, width=width, channels=channels)
        history = self._outcome.history
        manifest = Manifest(
            learner=self._choice.name,
            learner_settings=learner.settings.model_dump(),
            base_model=self.base_model.name,
            image=image,
            episodes=self._spec,
            fixed_way=learner.way if learner.has_fixed_head else None,
            batch_norm=learner.batch_norm,
            inductive=learner.batch_norm != "transductive",
            seed=self.seed,
            steps=len(history["steps"]),
            validation=next((v for v in history["validation"] if v["step"] == history["best_step"]), {}),
            versions=versions(),
        )
        export(Server(learner, lambda encoded: decode(encoded, image)), manifest, directory)

    def _trained(self) -> Any:
        if self._learner is None:
            raise RuntimeError("call fit(images, labels) first")
        return self._learner

    def _weights(self) -> Weights:
        return Weights(*([variable.value for variable in part] for part in self._trained().variables()))


def hold_out(classes: list[str], share: float) -> list[str]:
    """`share` of the class names, chosen by hash, so that the order in which they come does not matter."""
    if not 0 <= share < 1:
        raise ValueError(f"validation_split: expected a share of the classes in 0..1, got {share}")
    by_hash = sorted(classes, key=lambda name: hashlib.sha256(name.encode()).digest())
    return by_hash[: round(share * len(classes))]


def _checked(images: np.ndarray) -> np.ndarray:
    images = np.asarray(images)
    if images.dtype != np.uint8 and (images.min() < 0 or images.max() > 1):
        span = f"{images.dtype} from {images.min():g} to {images.max():g}"
        raise ValueError(f"images: expected uint8 in 0..255 or floats in 0..1, got {span}")
    return images


def _tensor(images: np.ndarray) -> tf.Tensor:
    return to_unit_range(tf.constant(_checked(images)))


def _progress_bar(epochs: int, steps_per_epoch: int) -> Any:
    bar = keras.utils.Progbar(epochs * steps_per_epoch, stateful_metrics=["validation"])

    def report(progress: Progress) -> None:
        values = [("loss", progress.loss), ("accuracy", progress.accuracy)]
        if progress.validation_accuracy is not None:
            values.append(("validation", progress.validation_accuracy))
        bar.update(progress.step, values)

    return report
