"""What earlier runs left that a run depends on, found before it starts, so that it becomes a part of the cache key."""

import hashlib
import json
import os
from collections.abc import Callable, Sequence

from components.fewshot.base_models.outside import weights_digest
from components.fewshot.serving.manifest import Manifest
from components.fewshot.serving.versions import version_paths
from components.fingerprint import code_fingerprint
from pipeline.config import PRODUCTION, RunSettings
from pipeline.history.database import RootError

STARTS = "starts.json"  # in the root: what a training with `warm_start=production` started from


def destination_of(settings: RunSettings, root: str) -> str:
    """Returns the directory that the models of a run are pushed to."""
    return settings.push.destination or os.path.join(root, "serving", settings.name)


def run_fingerprint(settings: RunSettings, data_fingerprint: str) -> str:
    """Returns 16 hex digits that change with the settings of a run, its images, weights from outside, or the components' code."""
    weights = [weights_digest(run.base_model) for run in settings.contenders.values()]
    content = [settings.content, data_fingerprint, weights, code_fingerprint("components")]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def recipe_fingerprint(settings: RunSettings) -> str:
    """Returns 16 hex digits that change with what makes a model of images: the settings but for those of the images, of what a
    training starts from, and of the verdict and what follows from it; and weights from outside."""
    apart = {
        "platform",
        "keep_runs",
        "data",
        "glyphs",
        "warm_start",
        "name",
        "gate",
        "push",
        "drift",
        "test_episodes",
        "also",
    }
    weights = [weights_digest(run.base_model) for run in settings.contenders.values()]
    content = [settings.model_dump_json(exclude=apart), weights]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def served_before(destination: str, run: str) -> list[str]:
    """Returns the directories of the versions that the candidate of a run is compared with; the last is in production.

    If the model in production was made by this very run, these are the versions that it was compared with itself, so that the
    run is answered from the cache.
    """
    paths = version_paths(destination)
    if paths and (before := _compared_with(paths[-1], run)) is not None:
        return before
    return paths


def start_of(settings: RunSettings, root: str, training_fingerprint: Callable[[], str]) -> RunSettings:
    """Returns the settings with the model that training starts from in place of `production`.

    The first run of these settings on these training images takes the model in production and notes it. Later runs take the
    same, whatever has been pushed meanwhile.

    Args:
      settings: the settings of a run.
      root: the directory of the notes.
      training_fingerprint: returns that of the images that are trained on and validated with; asked only for `production`.

    Raises:
      ValueError: `warm_start` names a directory without an exported model.
    """
    if settings.warm_start == PRODUCTION:
        key = hashlib.sha256(f"{settings.trainer().model_dump_json()} {training_fingerprint()}".encode()).hexdigest()[
            :16
        ]
        return settings.model_copy(
            update={"warm_start": _noted(root, key, version_paths(destination_of(settings, root)))}
        )
    path = settings.trainer().warm_start
    if path:
        try:
            Manifest.read(path)
        except (FileNotFoundError, ValueError) as error:
            raise ValueError(f"warm_start={path}: {error}; expected none, production, or an exported model") from None
    return settings


def _noted(root: str, key: str, served: Sequence[str]) -> str:
    path = os.path.join(root, STARTS)
    notes: dict[str, str] = {}
    if os.path.exists(path):
        with open(path, "rb") as file:
            try:
                notes = json.load(file)
            except ValueError:
                raise RootError(
                    f"{path} is damaged; remove it, and training starts from the model that is served now"
                ) from None
    if key not in notes:
        notes[key] = served[-1] if served else "none"
        os.makedirs(root, exist_ok=True)
        with open(f"{path}.tmp", "w", encoding="utf-8") as file:
            json.dump(notes, file, indent=2)
        os.replace(f"{path}.tmp", path)
    return notes[key]


def _compared_with(version: str, run: str) -> list[str] | None:
    try:
        manifest = Manifest.read(version)
    except (FileNotFoundError, ValueError):
        return None
    served = manifest.metrics.get("served")
    return list(served) if manifest.lineage.get("run") == run and isinstance(served, list) else None
