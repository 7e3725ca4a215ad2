"""Says in a sentence that a base model needs training and has nothing to be trained on."""

from collections.abc import Sequence

from components.fewshot.base_models.outside import weights_digest
from components.fewshot.settings.base_models import DETECTORS
from components.fewshot.words import counted
from components.meta_trainer.settings import TrainerSettings
from data.sources.dealing import LEAST, LEAST_IMAGES

SHOWN = 5  # classes in a message


def untrainable(settings: TrainerSettings, classes: Sequence[tuple[str, int]]) -> str | None:
    """Returns why a model is worth nothing that is not trained; None if it has weights from elsewhere, or is not to be trained.

    Args:
      settings: what is to be trained and how.
      classes: (class name, number of images) of all classes; they are too few to train on.
    """
    wanted = settings.needs_training and settings.training.all_steps > 0
    is_detector = settings.base_model.name in DETECTORS  # whose trunk may have weights, and never what is behind it
    if not wanted or settings.warm_start or (weights_digest(settings.base_model) and not is_detector):
        return None
    small = [(name, images) for name, images in classes if images < LEAST_IMAGES]
    have, need = len(classes) - len(small), sum(LEAST.values())
    every = f"{counted(len(classes), 'class', 'classes')} with {counted(sum(number for _, number in classes), 'image')}"
    sides = f"{LEAST['test']} to test on, {LEAST['val']} to validate with, {LEAST['train']} to train on"
    lacking = ", ".join(f"{name} lacks {LEAST_IMAGES - images}" for name, images in small[:SHOWN])
    more = f" and {len(small) - SHOWN:,} more" if len(small) > SHOWN else ""
    missing = f", or images ({lacking}{more})" if small else ""
    instead = (
        "start from a detector that was trained elsewhere (warm_start)"
        if is_detector
        else "choose base_model.name=efficientnet_lite0, which needs no training (training.steps=0, if yours needs none either)"
    )
    return (
        f"{every} are too few to train on: {have} of them have the {LEAST_IMAGES} images that an episode needs at least, and"
        f" {need} must ({sides}); base_model.name={settings.base_model.name} brings no weights of its own: add"
        f" {counted(need - have, 'class', 'classes')} of {LEAST_IMAGES} images{missing}, or {instead}"
    )
