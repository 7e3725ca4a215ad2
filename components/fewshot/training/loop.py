"""The outer loop: draw episodes, step, validate, checkpoint; stopped at any moment, it goes on as if it never had been."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np

from components.fewshot.episodes.episode import Episode
from components.fewshot.images.feed import meta_batches, task_arrays
from components.fewshot.images.store import PixelStore
from components.fewshot.learners.interface import Learner
from components.fewshot.training import checkpoint
from components.fewshot.training.optimizer import build_optimizer
from components.fewshot.training.selection import Validation, as_good_as_best
from components.fewshot.training.settings import TrainingSettings
from components.fewshot.training.step import compiled_judge, compiled_step


class Progress(NamedTuple):
    """What a progress bar shows."""

    step: int
    steps: int
    loss: float
    accuracy: float
    validation_accuracy: float | None


class Outcome(NamedTuple):
    """What training leaves; the learner's variables hold the best weights."""

    history: dict[str, Any]
    best_step: int


class Trainer:
    """Trains the variables of `learner` in place.

    Args:
      learner: what is trained.
      settings: how.
      store: images of the meta-training classes.
      draw: episode number -> episode (`EpisodeSampler`).
      validation: by which the best weights are chosen, or None: the last are.
      checkpoint_path: file that holds the run, or None to keep none.
      report: called after each step.
    """

    def __init__(
        self,
        learner: Learner,
        settings: TrainingSettings,
        store: PixelStore,
        draw: Callable[[int], Episode],
        validation: Validation | None = None,
        checkpoint_path: str | None = None,
        report: Callable[[Progress], None] = lambda progress: None,
    ) -> None:
        self.learner, self.settings, self.store, self.draw = learner, settings, store, draw
        self.validation, self.path, self.report = validation, checkpoint_path, report
        self.named = learner.named_variables()
        self.optimizer = build_optimizer(settings)
        variables = learner.variables()
        self.optimizer.build(variables.base + variables.own)
        self.step = 0
        self.history: dict[str, Any] = {"steps": [], "validation": [], "best_step": 0}
        self.best: dict[str, np.ndarray] | None = None
        self._restore()

    def run(self) -> Outcome:
        """Trains to the end, or from the checkpoint to the end."""
        step = compiled_step(self.learner, self.optimizer, self.store, self.settings)
        batches = meta_batches(self.store, self.draw, range(self.step, self.settings.steps), self.settings.meta_batch)
        while self.step < self.settings.steps and not self._out_of_patience():
            loss, accuracy = (float(value) for value in step(next(batches)))
            self._after_step(loss, accuracy)
        if self.settings.steps == 0 and not self.history["validation"]:
            self._validate()
        if self.best is not None:
            self._assign_best()
        if not all(np.isfinite(_array(variable)).all() for variable in self.named.values()):
            raise self._diverged("a weight is not finite")
        return Outcome(self.history, self.history["best_step"])

    def _after_step(self, loss: float, accuracy: float) -> None:
        if not math.isfinite(loss):
            raise self._diverged(f"the loss is {loss}")
        self.step += 1
        rate = float(keras.ops.convert_to_tensor(self.optimizer.learning_rate))
        self.history["steps"].append({"step": self.step, "loss": loss, "accuracy": accuracy, "learning_rate": rate})
        due = self.step % self.settings.validate_every == 0 or self.step == self.settings.steps
        if due:
            self._validate()
        if due or self.step % self.settings.checkpoint_every == 0:
            self._save()
        last = self.history["validation"][-1]["accuracy"] if self.history["validation"] else None
        self.report(Progress(self.step, self.settings.steps, loss, accuracy, last))

    def _diverged(self, sign: str) -> ValueError:
        return ValueError(
            f"training diverged: {sign} at step {self.step}; lower training.learning_rate "
            f"({self.settings.learning_rate}) or set training.gradient_clip"
        )

    def _validate(self) -> None:
        if self.validation is None:
            return
        if not hasattr(self, "_judge"):
            self._judge = compiled_judge(self.learner, self.validation.store)
        judged = [self._judge(task_arrays(self.validation.store, e)) for e in self.validation.episodes]
        accuracies, losses = np.array(judged, np.float64).T
        spread = accuracies.std(ddof=1) if len(accuracies) > 1 else 0.0
        found = {
            "step": self.step,
            "accuracy": float(accuracies.mean()),
            "ci95": float(1.96 * spread / math.sqrt(len(accuracies))),
            "loss": float(losses.mean()),
        }
        if not math.isfinite(found["loss"]):
            raise self._diverged(f"the validation loss is {found['loss']}")
        self.history["validation"].append(found)
        if as_good_as_best(self.history["validation"]):
            self.history["best_step"] = self.step
            self.best = {name: _array(variable) for name, variable in self.named.items()}

    def _out_of_patience(self) -> bool:
        accuracies = [validation["accuracy"] for validation in self.history["validation"]]
        since_highest = len(accuracies) - 1 - accuracies.index(max(accuracies)) if accuracies else 0
        return bool(self.settings.patience) and since_highest >= self.settings.patience

    def _assign_best(self) -> None:
        for name, value in (self.best or {}).items():
            self.named[name].assign(value)

    def _save(self) -> None:
        if self.path is None:
            return
        arrays = {f"weight/{name}": _array(variable) for name, variable in self.named.items()}
        arrays |= {f"optimizer/{i}": _array(variable) for i, variable in enumerate(self.optimizer.variables)}
        arrays |= {f"best/{name}": value for name, value in (self.best or {}).items()}
        checkpoint.save(self.path, arrays, {"step": self.step, "history": self.history})

    def _restore(self) -> None:
        stored = checkpoint.load(self.path) if self.path else None
        if stored is None:
            return
        arrays, facts = stored
        for name, variable in self.named.items():
            variable.assign(arrays[f"weight/{name}"])
        for i, variable in enumerate(self.optimizer.variables):
            variable.assign(arrays[f"optimizer/{i}"])
        self.best = {key[5:]: value for key, value in arrays.items() if key.startswith("best/")} or None
        self.step, self.history = facts["step"], facts["history"]


def _array(variable: keras.Variable) -> np.ndarray:
    return variable.numpy().copy()
