"""`fewshot adapt` and `fewshot evaluate`: an exported model on folders of images; TFX is not needed."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from components.fewshot.episodes import EpisodeSampler, EpisodeSpec
from components.fewshot.evaluation import evaluate
from components.fewshot.served import ServedModel
from components.fewshot.store import ImageStore
from components.pusher.destination import latest
from data.folders import has_image_suffix, list_folder
from data.image_sets import list_image_set
from data.images import BadImage, inspect
from data.settings import ImageSetSettings
from data.splits import SPLITS

MAX_PIXELS = 64_000_000


def find_model(path: str) -> str:
    """The SavedModel that `path` means: itself, or the highest version in it, as TF Serving would take it.

    Raises:
      ValueError: there is no model.
    """
    if not tf.io.gfile.isdir(path):
        raise ValueError(f"--model {path}: no such directory; expected an exported model or a push destination")
    for candidate in (path, os.path.join(path, "Format-Serving")):  # the latter inside a Model artifact of TFX
        if tf.io.gfile.exists(os.path.join(candidate, "saved_model.pb")):
            return candidate
    try:
        return latest(path)
    except FileNotFoundError:
        said = f"--model {path}: holds no SavedModel; expected an exported model or a push destination"
        raise ValueError(said) from None


def adapt(model: str, support: str, query: str) -> list[dict[str, Any]]:
    """Adapts to the classes of the folder `support`; predicts every image below `query`.

    Returns:
      For each image its `path`, the most probable `label` and its `probability`.

    Raises:
      ValueError: no model, no class, no query, or an image that cannot be read.
    """
    directory = find_model(model)
    learnt, asked = list_folder(support), every_image(query)
    names = sorted({file.class_name for file in learnt.files})
    if len(names) < 2:
        raise ValueError(f"--support {support}: expected at least 2 classes (folders of images), found {len(names)}")
    labels = np.array([names.index(file.class_name) for file in learnt.files], np.int32)
    images = [read_image(file.path) for file in learnt.files]
    queries = [read_image(path) for path in asked]
    served = ServedModel(directory)
    probabilities = served.episode(images, labels, queries)
    return [
        {"path": path, "label": names[int(row.argmax())], "probability": float(row.max())}
        for path, row in zip(asked, probabilities, strict=True)
    ]


def every_image(folder: str) -> list[str]:
    """Paths of all images below `folder`, or directly in it, in order.

    Raises:
      ValueError: there is none.
    """
    if not os.path.isdir(folder):
        raise ValueError(f"--query {folder}: no such folder; expected a folder of images")
    found = [os.path.join(at, name) for at, _, names in os.walk(folder) for name in names if has_image_suffix(name)]
    if not found:
        raise ValueError(f"--query {folder}: holds no image; expected at least one (.png, .jpg, .gif, .bmp, .webp)")
    return sorted(found)


def read_image(path: str) -> bytes:
    """The bytes of an image that the model will be able to read.

    Raises:
      ValueError: it will not; the message names the file.
    """
    with open(path, "rb") as file:
        content = file.read()
    try:
        inspect(content, path, MAX_PIXELS)
    except BadImage as error:
        raise ValueError(f"{path}: {error}; convert or remove it") from error
    return content


def image_set_of(images: list[str], splits: str | None, split: str) -> ImageSetSettings | None:
    """The divided set that `--images` and `--splits` name, or None where all classes are meant.

    Raises:
      ValueError: no such split.
    """
    if split not in SPLITS:
        raise ValueError(f"--split: no {split!r}; there are {', '.join(SPLITS)}")
    return ImageSetSettings(images=tuple(images), splits=splits) if splits else None


def evaluate_folder(
    model: str,
    data: ImageSetSettings | None,
    folders: list[str],
    split: str,
    spec: EpisodeSpec,
    episodes: int,
    seed: int,
    progress: Callable[[int], None] = lambda done: None,
) -> dict[str, Any]:
    """Judges a model on episodes of image folders: the same episodes as the evaluator's, given the same classes.

    Args:
      data: a divided image set, of which `split` is taken; or None for all classes of `folders`.

    Returns:
      `accuracy, ci95, log_loss, ece, episodes, way, shot, query, seed, inductive`, and for people `title`.
    """
    directory = find_model(model)
    files = list_image_set(data).splits[split] if data else [f for folder in folders for f in list_folder(folder).files]
    classes: dict[str, list[tuple[str, str]]] = {}
    for file in files:
        classes.setdefault(file.class_name, []).append((file.source_id, file.path))
    store = ImageStore.from_files(classes)
    sampler = EpisodeSampler(store.index, spec, seed)
    served = ServedModel(directory)
    if served.manifest.fixed_way not in (None, *([spec.way] if isinstance(spec.way, int) else [])):
        raise ValueError(
            f"--way {spec.way}: the model has a fixed head and tells apart exactly {served.manifest.fixed_way} classes"
        )
    metrics = evaluate(served, store, (sampler(i) for i in range(episodes)), progress)
    facts: dict[str, Any] = {
        "title": spec.title,
        "way": spec.way,
        "shot": spec.shot,
        "query": spec.query,
        "seed": seed,
        "inductive": served.manifest.inductive,
    }
    keys = ("accuracy", "ci95", "log_loss", "ece", "episodes")
    return {key: metrics[key] for key in keys} | facts
