"""From draws of scenes to tensors: the units that a detector is trained on."""

import numpy as np
import tensorflow as tf

from components.fewshot.episodes.episode import Episode
from components.fewshot.episodes.scene_draw import ScenesDraw, marked, scenes
from components.fewshot.episodes.scene_task import SceneBatch, SceneTask
from components.fewshot.episodes.scenes import Marked, Scenes
from components.fewshot.images.feed import images_signature
from components.fewshot.images.store import PixelStore, objects_in

BOXES = tf.TensorSpec([None, 4], tf.float32)
LABELS = tf.TensorSpec([None], tf.int32)


def scene_task(store: PixelStore, episode: Episode) -> SceneTask:
    """One episode as numpy arrays; images in the store's dtype, labels of objects are classes of the split."""
    objects = objects_in(store)
    support = marked(objects, episode.support)
    given = Marked(store.pixels(support.images), support.boxes, support.box_images)
    around, query = scenes(objects, support.images.rows), scenes(objects, episode.query.rows)
    return SceneTask(given, episode.support.labels, around.boxes, around.labels, _read(store, query), episode.class_ids)


def scene_batch(store: PixelStore, rows: np.ndarray) -> SceneBatch:
    """The images of rows [N] with all their objects as numpy arrays; labels are classes of the split."""
    return SceneBatch(_read(store, scenes(objects_in(store), rows)))


def scene_task_signature(store: PixelStore) -> SceneTask:
    """Shapes and dtypes of a task of any way and shot."""
    support, scenes = Marked(images_signature(store), BOXES, LABELS), _scenes_signature(store)
    return SceneTask(support, LABELS, scenes.boxes, scenes.labels, scenes, LABELS)


def scene_batch_signature(store: PixelStore) -> SceneBatch:
    """Shapes and dtypes of a batch of any size."""
    return SceneBatch(_scenes_signature(store))


def _read(store: PixelStore, drawn: ScenesDraw) -> Scenes:
    return Scenes(store.pixels(drawn.images), drawn.boxes, drawn.labels)


def _scenes_signature(store: PixelStore) -> Scenes:
    most = objects_in(store).most  # known while a graph is traced
    boxes, labels = tf.TensorSpec([None, most, 4], tf.float32), tf.TensorSpec([None, most], tf.int32)
    return Scenes(images_signature(store), boxes, labels)
