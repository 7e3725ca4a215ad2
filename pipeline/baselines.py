"""The baselines that the model of a run is compared with.

A baseline is an ordinary learner, trained by a MetaTrainer node of its own on the same images. None starts warm. To add one, add
a line to `BASELINES` here and its name to the list in `components/few_shot_evaluator/baselines.py`.
"""

from collections.abc import Callable
from typing import NamedTuple

from components.fewshot.episodes.fitting import for_training
from components.fewshot.settings.base_models import BaseModelSettings
from components.fewshot.settings.kinds import CLASSIFICATION, DETECTION, settings_class
from components.fewshot.settings.learners import LearnerChoice
from components.fewshot.training.units import images_a_step
from components.meta_trainer.settings import TrainerSettings
from pipeline.config import RunSettings

STEPS = 100  # of a new head: what a detector without them must be compared with


class Baseline(NamedTuple):
    """The id of its node in the graph, and the function that makes its settings from those of the run.

    Never change a node id: runs that ML Metadata already knows are found by it.
    """

    node_id: str
    settings: Callable[[RunSettings], TrainerSettings]
    kinds: tuple[str, ...] = (CLASSIFICATION,)  # of task that it belongs to
    is_floor: bool = False  # below which any model is worthless


def transfer(run: RunSettings) -> TrainerSettings:
    """Returns the same base model, trained as a classifier on as many images as the model, or for `baseline_steps`."""
    training = run.training.of(run.training)
    episodes = for_training(run.train_episodes)
    seen = [images_a_step(episodes, stage) * stage.steps for stage in (run.training, *run.training.before)]
    steps = round(sum(seen) / images_a_step(episodes, training))
    steps = steps if run.baseline_steps is None else run.baseline_steps
    if run.base_model.trainable == "none":
        steps = 0  # its head for the train classes would be all that is trained, and it has another for each task
    training = training.model_copy(update={"steps": steps})
    return _cold(run).model_copy(update={"learner": _rival(run), "training": training})


def untrained(run: RunSettings) -> TrainerSettings:
    """Returns the same learner and base model without training."""
    return _cold(run).model_copy(update={"training": run.training.model_copy(update={"steps": 0, "before": ()})})


def pixels(run: RunSettings) -> TrainerSettings:
    """Returns the nearest class mean on raw pixels."""
    chosen = {"learner": LearnerChoice(name="protonet"), "base_model": BaseModelSettings(name="pixels")}
    return untrained(run).model_copy(update=chosen)


def head_steps(run: RunSettings) -> TrainerSettings:
    """Returns the detector of `transfer`, which is trained once for both, with steps for a new head in each task."""
    return transfer(run).model_copy(update={"learner": _rival(run, head_steps=STEPS)})


BOTH = (CLASSIFICATION, DETECTION)
BASELINES = {
    "transfer": Baseline("Baseline", transfer, BOTH),
    "untrained": Baseline("Untrained", untrained, BOTH),
    "pixels": Baseline("Pixels", pixels, is_floor=True),
    "head_steps": Baseline("HeadSteps", head_steps, (DETECTION,)),
}


def baselines_of(run: RunSettings) -> dict[str, Baseline]:
    """Returns the baselines of a run. Where it chooses among candidates, ordinary transfer is one of them, and the floor is left:
    pixels, and the base model without weights from outside."""
    own = {name: one for name, one in BASELINES.items() if run.kind in one.kinds}
    return {name: one for name, one in own.items() if not run.candidates or one.is_floor}


def _rival(run: RunSettings, **own: object) -> LearnerChoice:
    """Ordinary transfer, with what it shares with the learner of the run, and settings of its own."""
    shared = settings_class(run.learner.name, run.kind).shared
    given = {name: value for name, value in run.learner.settings.items() if name in shared}
    return LearnerChoice(name="transfer", settings=given | own)


def _cold(run: RunSettings) -> TrainerSettings:
    return run.trainer().model_copy(update={"warm_start": None, "needs_training": False, "false_alarms": None})
