"""Few-shot learning in a notebook: any Keras model, numpy arrays, and the methods of Keras."""

from collections.abc import Callable, Sequence
from typing import Any, overload

import keras
import numpy as np

from components.fewshot.base_models.given import given_base_model
from components.fewshot.doors.door import Fitting
from components.fewshot.doors.sides import InMemory, Sides
from components.fewshot.doors.table import DOORS
from components.fewshot.episodes.episode import EpisodeSpec
from components.fewshot.images.decode import decode
from components.fewshot.images.feeds import Sampler, feed_of
from components.fewshot.kinds import KINDS
from components.fewshot.learners import Learner, LearnerChoice, TaskState, build_learner, find_learner
from components.fewshot.serving.manifest import Manifest, versions
from components.fewshot.serving.module import export
from components.fewshot.training.finish import Fitted
from components.fewshot.training.history import History, validation_of_kept
from components.fewshot.training.loop import Progress, Trainer
from components.fewshot.training.observing import observe
from components.fewshot.training.selection import Validation
from components.fewshot.training.settings import FALSE_ALARMS, TrainingSettings
from components.fewshot.training.units import training_units


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

    With a base model that finds objects, `faster_rcnn`, the same verbs take boxes too:

    ```python
    model = MetaLearningModel("faster_rcnn", num_classes=5, image_shape=(128, 128, 3))
    model.fit(train_images, train_boxes, train_labels, epochs=50)
    model.adapt(support_images, support_boxes, support_labels)
    model.predict(query_images).boxes
    ```

    Args:
      base_model: any `keras.Model` from float32 images [B, H, W, C] in 0..1 to features, or the name of one
        (`BaseModelSettings`).
      num_classes: way of the training episodes.
      learner: a name of `LEARNERS`, or of `DETECTORS` where the base model finds objects.
      seed: of the episodes and of the initial values of the learner's variables.
      image_shape: (H, W, C) for a base model by name; by default (224, 224, 3) for one that brings weights.
      trainable: what of a base model by name is trained: all, none, or `last N`.
      learner_settings: settings of that learner.

    Attributes:
      fitted: what the last `fit` chose on the classes that it held out: `none_of_these`, or of a detector `score`, whose
        `threshold` is the score from which on objects are worth showing.
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
        self._given = given_base_model(base_model, image_shape, trainable, seed)
        self._kind, self._door = KINDS[self._given.kind], DOORS[self._given.kind](self._given)
        self._choice.parsed(find_learner(learner, self._kind.learners).Settings)
        self._training: dict[str, object] = {}
        self._learner: Learner | None = None
        self._spec = EpisodeSpec(way=num_classes)
        self._history: History = {"steps": [], "validation": [], "best_step": 0}
        self.fitted = Fitted()
        self._task_state: TaskState | None = None
        self._way = 0

    def compile(self, optimizer: str = "adam", **training: object) -> None:
        """Chooses the outer optimizer, by its name in Keras, and any other of `TrainingSettings` (learning_rate, ...).

        Raises:
          pydantic.ValidationError (a ValueError): no such setting or value.
          ValueError: a setting is not for images with boxes.
          TypeError: the optimizer is not a name.
        """
        if not isinstance(optimizer, str):
            raise TypeError(
                f"optimizer: expected a name ('adam'), got {optimizer!r}; learning_rate and more go beside it"
            )
        settings = TrainingSettings(optimizer=optimizer, **training)
        self._door.check_training(settings)
        self._training = settings.model_dump(exclude_unset=True)

    @overload
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
    ) -> History: ...

    @overload
    def fit(
        self,
        images: np.ndarray | Sequence[np.ndarray],
        boxes: Sequence[np.ndarray],
        labels: Sequence[Sequence[Any]],
        epochs: int = 10,
        steps_per_epoch: int = 100,
        validation_split: float = 0.1,
        shot: int | tuple[int, int] = 1,
        query: int = 2,
        rotations: bool = False,
        validation_episodes: int = 40,
        verbose: bool = True,
        negatives: int = 2,
    ) -> History: ...

    def fit(self, *given: Any, **named: Any) -> History:
        """Meta-trains on episodes of images, by `fit(images, labels, ...)` or `fit(images, boxes, labels, ...)`.

        `validation_split` of the *classes* are held out; the weights that adapt best to them are kept. An image with an object of
        a class that is held out is not trained on, whatever else it shows.

        Args:
          images: uint8, or floats in 0..1, [N, H, W, C]; with boxes also a list of [h, w, C] of any sizes, which are padded.
          boxes: of each image the boxes [n, 4] of its objects, ymin, xmin, ymax, xmax in 0..1 of the image; n may be 0.
          labels: the class of each image, [N]; with boxes of each image those of its n objects. A class is a name or a number;
            None is that of an object that need not be found, such as a crowd.
          epochs: and the other options are those of `doors.door.Fitting`.

        Returns:
          The history: `steps`, `validation`, `best_step`. Of a detector, the accuracy of a validation is AP50.

        Raises:
          TypeError: other arguments than the base model is for.
          ValueError: too few classes or images, or values out of range.
        """
        data, options = self._door.fits.taken(given, named)
        how = Fitting(**options)
        sides = self._door.sides(data, how)
        self._task_state = None  # of the weights before
        self._spec = EpisodeSpec(
            way=self.num_classes, shot=how.shot, query=how.query, rotations=how.rotations, negatives=how.negatives
        )
        sampler_of("training", sides.train, self._spec, self.seed)  # refuses too few classes in these words
        return self._fit(sides, self._validation(sides, how.validation_episodes), how)

    def _validation(self, sides: Sides, episodes: int) -> Validation | None:
        """Episodes of the classes that are held out."""
        if sides.validation is None:
            return None
        spec = self._spec.model_copy(update={"rotations": False})
        sampler = sampler_of("validation", sides.validation, spec, self.seed)
        drawn = [sampler(number) for number in range(episodes)]
        return Validation(sides.validation.mapped(self._door.seen), drawn)

    def _fit(self, sides: Sides, validation: Validation | None, how: Fitting) -> History:
        store = sides.train.mapped(self._door.seen)  # late, because a trunk takes its time
        classes = len(store.index.names) * (4 if how.rotations else 1)
        self._learner = learner = self._new_learner(classes)
        settings = TrainingSettings(
            **{"steps": how.epochs * how.steps_per_epoch, "validate_every": how.steps_per_epoch} | self._training
        )
        report = _progress_bar(how.epochs, how.steps_per_epoch) if how.verbose else lambda progress: None
        observe(learner, store)
        units = training_units(learner.unit, store, self._spec, settings, self.seed)
        trainer = Trainer(learner, settings, units, validation, report=report, validator=self._kind.validator)
        self._history = trainer.run().history
        self.fitted = self._kind.finish(learner, validation, FALSE_ALARMS)
        return self._history

    @overload
    def adapt(self, support_images: np.ndarray, support_labels: np.ndarray) -> None: ...

    @overload
    def adapt(
        self,
        support_images: np.ndarray | Sequence[np.ndarray],
        support_boxes: Sequence[np.ndarray],
        support_labels: Sequence[Sequence[int | None]],
    ) -> None: ...

    def adapt(self, *given: Any, **named: Any) -> None:
        """Adapts to new classes, by `adapt(support_images, support_labels)` or `adapt(support_images, support_boxes,
        support_labels)`: as in `fit`, but labels are 0..W-1, without gaps.

        Raises:
          RuntimeError: called before `fit`, and the base model brings no weights.
          TypeError: other arguments than the base model is for.
          ValueError: labels with gaps, another number of classes than a fixed head has, or values out of range.
        """
        data, _ = self._door.adapts.taken(given, named)
        learner = self._trained()
        support = self._door.support(data)
        if learner.has_fixed_head and support.way != learner.way:
            raise ValueError(
                f"learner {self._choice.name!r} has a fixed head: expected exactly {learner.way} classes, got {support.way}"
            )
        self._task_state, self._way = self._door.adapt(learner, support), support.way

    def predict(self, query_images: np.ndarray | Sequence[np.ndarray]) -> Any:
        """What the model says of images [Q, H, W, C], by the classes last adapted to.

        Returns:
          Probabilities float32 [Q, W]; or of a detector `Found`, with 50 objects an image at most.

        Raises:
          RuntimeError: called before `adapt`.
          ValueError: they are not such images as in `fit`.
        """
        if self._task_state is None:
            raise RuntimeError(f"call {self._door.adapts} before predict")
        return self._door.predict(self._trained(), self._task_state, self._way, query_images)

    def export(self, directory: str) -> None:
        """Writes a SavedModel that adapts at serving time; it takes encoded images (PNG, JPEG, ...).

        An image is brought to the training images' size and channels as the pipeline does it (`images.decode`).
        """
        learner, image = self._trained(), self._given.image
        manifest = Manifest(
            kind=self._given.kind,
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
            none_of_these=dict(self.fitted.none_of_these or {}),
            score_threshold=dict(self.fitted.score or {}),
            versions=versions(),
        )
        export(self._kind.server(learner, lambda encoded: decode(encoded, image), image, None), manifest, directory)

    def _trained(self) -> Learner:
        if self._learner is None and self._given.weights:
            self._learner = self._new_learner(self.num_classes)
        if self._learner is None:
            raise RuntimeError(f"call {self._door.fits} first")
        return self._learner

    def _new_learner(self, train_classes: int) -> Learner:
        known = self._kind.learners
        return build_learner(self._choice, self._given.base, self.num_classes, train_classes, self.seed, known)


def sampler_of(side: str, store: InMemory, spec: EpisodeSpec, seed: int) -> Sampler:
    """Draws the episodes of one side; raises ValueError, naming it, if it has too few classes or images."""
    try:
        return feed_of(store).sampler(spec, seed)
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
