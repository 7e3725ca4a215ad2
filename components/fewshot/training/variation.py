"""What training does at random to a unit before a learner gets it: augmentation, label smoothing, mixup."""

from itertools import count

import tensorflow as tf

from components.fewshot.episodes.scene_task import SceneBatch, SceneTask
from components.fewshot.episodes.task import Batch, Task, TrainingUnit
from components.fewshot.learners.interface import Learner
from components.fewshot.tensors import Images, Scalar, Tensor
from components.fewshot.training.augmentation import augmented
from components.fewshot.training.scene_augmentation import augmented_scenes
from components.fewshot.training.settings import StageSettings
from components.fewshot.training.targets import mixed_up, smoothed


def varied(unit: TrainingUnit, learner: Learner, settings: StageSettings, number: Scalar) -> TrainingUnit:
    """The unit of this number as the learner is trained on it; a pure function of unit, settings, number and the learner's seed.

    Args:
      unit: its images are float32 in 0..1.
      number: int64, of all units of the stage.
    """
    draws = count()

    def seeds() -> Tensor:  # others at each call: for the support set, for the queries, for mixup
        return tf.random.fold_in(tf.stack([tf.constant(learner.seed, tf.int64), number]), next(draws))

    def augment(images: Images) -> Images:
        return augmented(images, settings.augmentation, seeds())

    classes = unit.way if isinstance(unit, Task) else learner.train_classes
    if settings.augmentation.changes and isinstance(unit, SceneTask | SceneBatch):
        unit = augmented_scenes(unit, settings.augmentation, seeds)
    elif settings.augmentation.changes:
        unit = unit.with_images(augment)
    if settings.label_smoothing and isinstance(unit, Task | Batch):
        unit = unit.with_targets(lambda targets: smoothed(targets, classes, settings.label_smoothing))
    if settings.mixup and isinstance(unit, Batch):
        unit = mixed_up(unit, classes, settings.mixup, seeds())
    return unit
