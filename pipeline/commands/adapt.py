"""`fewshot adapt` and `fewshot evaluate`: an exported model on folders of images; TFX is not needed."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
import tensorflow as tf

from components.fewshot.episodes.episode import EpisodeSpec
from components.fewshot.episodes.sampler import EpisodeSampler
from components.fewshot.evaluation.checks import check_independence
from components.fewshot.evaluation.judging import encode_episode, evaluate
from components.fewshot.images.store import ImageStore
from components.fewshot.serving.served import ServedModel
from components.image_example_gen.ingest import reason_against
from components.pusher.destination import latest
from data.settings import ImageSetSettings
from data.sources.folders import ImageFile, Rejected, has_image_suffix, list_folder
from data.sources.image_sets import list_image_set
from data.sources.splits import SPLITS

CHECKED = 2  # episodes on which it is tried whether queries help one another
BATCH = 256  # query images in memory at a time
DEFAULTS = ImageSetSettings.model_fields


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
    for refused in (*learnt.rejected, *set_aside([*learnt.files, *asked])):
        raise ValueError(f"{refused.path}: {refused.reason}; convert or remove it")
    labels = np.array([names.index(file.class_name) for file in learnt.files], np.int32)
    served = ServedModel(directory)
    state = served.adapt(contents(learnt.files), labels)
    # In an inductive model a batch is what fits into memory; in a transductive one it is a part of the question.
    size = BATCH if served.manifest.inductive else len(asked)
    batches = [asked[start : start + size] for start in range(0, len(asked), size)]
    return [
        {"path": file.path, "label": names[int(row.argmax())], "probability": float(row.max())}
        for batch in batches
        for file, row in zip(batch, served.predict(state, contents(batch)), strict=True)
    ]


def every_image(folder: str) -> list[ImageFile]:
    """All images below `folder`, or directly in it, by path; they have no class.

    Raises:
      ValueError: there is none.
    """
    gfile = tf.io.gfile
    if not gfile.isdir(folder):
        raise ValueError(f"--query {folder}: no such folder; expected a folder of images")
    found = [os.path.join(at, name) for at, _, names in gfile.walk(folder) for name in names if has_image_suffix(name)]
    if not found:
        raise ValueError(f"--query {folder}: holds no image; expected at least one (.png, .jpg, .gif, .bmp, .webp)")
    return [ImageFile("", path, path, gfile.stat(path).length, 0) for path in sorted(found)]


def set_aside(files: Sequence[ImageFile]) -> list[Rejected]:
    """Those of the files that the model could not read, by the rules of ImageExampleGen."""
    with ThreadPoolExecutor() as pool:
        reasons = pool.map(partial(reason_against, max_pixels=DEFAULTS["max_pixels"].default), files)
        return [Rejected(file.path, reason) for file, reason in zip(files, reasons, strict=True) if reason]


def contents(files: Sequence[ImageFile]) -> list[bytes]:
    """The bytes of each file."""
    found = []
    for file in files:
        with tf.io.gfile.GFile(file.path, "rb") as opened:
            found.append(opened.read())
    return found


def check_refused(refused: Sequence[Rejected], total: int) -> None:
    """Raises ValueError where more images cannot be read than a run of the pipeline would bear."""
    most = DEFAULTS["max_reject_fraction"].default
    if len(refused) > most * total:
        first = refused[0]
        raise ValueError(
            f"{len(refused)} of {total} images cannot be read, and at most {most:.0%} may be; the first is {first.path}: "
            f"{first.reason}; convert or remove them"
        )


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
      `accuracy, ci95, log_loss, ece, episodes, way, shot, query, seed, inductive`, and for people `title`,
      `set_aside`, `batch_norm`.

    Raises:
      ValueError: no model, too few classes or images, or too many images that cannot be read.
    """
    directory = find_model(model)
    if data:
        files, refused = (listing := list_image_set(data)).splits[split], listing.rejected
    else:
        files, refused = ([*chain(*parts)] for parts in zip(*map(list_folder, folders), strict=True))
    refused = [*refused, *set_aside(files)]
    check_refused(refused, len(files))
    unreadable = {one.path for one in refused}
    classes: dict[str, list[tuple[str, str]]] = {}
    for file in (file for file in files if file.path not in unreadable):
        classes.setdefault(file.class_name, []).append((file.source_id, file.path))
    store = ImageStore.from_files(classes)
    sampler = EpisodeSampler(store.index, spec, seed)
    served = ServedModel(directory)
    if served.manifest.fixed_way not in (None, *([spec.way] if isinstance(spec.way, int) else [])):
        raise ValueError(
            f"--way {spec.way}: the model has a fixed head and tells apart exactly {served.manifest.fixed_way} classes"
        )
    metrics = evaluate(served, store, (sampler(i) for i in range(episodes)), progress)
    independence = check_independence(served, [encode_episode(store, sampler(i)) for i in range(CHECKED)])
    facts: dict[str, Any] = {
        "title": spec.title,
        "set_aside": [f"{one.path}: {one.reason}" for one in refused],
        "way": spec.way,
        "shot": spec.shot,
        "query": spec.query,
        "seed": seed,
        "inductive": served.manifest.inductive and independence["holds"],  # as it says, and as it does
        "batch_norm": served.manifest.batch_norm,
    }
    keys = ("accuracy", "ci95", "log_loss", "ece", "episodes")
    return {key: metrics[key] for key in keys} | facts
