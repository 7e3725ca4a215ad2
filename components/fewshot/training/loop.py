"""The outer loop: it counts, reports and saves. Stopped at any moment, it goes on as if it had never stopped."""

import math
from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np

from components.fewshot.integrity import Damaged
from components.fewshot.learners.interface import Learner
from components.fewshot.training import checkpoint
from components.fewshot.training.blend import blend, blendable
from components.fewshot.training.history import History, Trained, Validated, history_file
from components.fewshot.training.optimizer import build_optimizer, named_slots
from components.fewshot.training.selection import Validation, Validator, as_good_as_best, higher, out_of_patience
from components.fewshot.training.settings import TrainingSettings
from components.fewshot.training.step import Stepped, compiled_step
from components.fewshot.training.units import Units
from components.fewshot.training.workers import join

READ_EVERY = 10  # steps whose numbers are read at once, so that the loop seldom waits for the device


class Progress(NamedTuple):
    """What a progress bar shows."""

    step: int
    steps: int
    loss: float
    accuracy: float
    validation_accuracy: float | None


class Outcome(NamedTuple):
    """What training returns; the learner's variables hold the best weights."""

    history: History
    best_step: int


class Trainer:
    """Trains the variables of `learner` in place.

    Args:
      learner: what is trained.
      settings: how.
      units: what it is trained on (`training_units`).
      validation: episodes by which the best weights are chosen, or None to keep the last.
      checkpoint_path: file that holds the run, or None to keep none.
      validator: judges it on them with its weights after some step.
      before: the history of earlier stages, whose rows come first; steps are counted on from theirs.
      report: called for each step, in order, as soon as its numbers are read.

    Raises:
      Damaged: the checkpoint, or the history that belongs to it, has other bytes than were written.
    """

    def __init__(
        self,
        learner: Learner,
        settings: TrainingSettings,
        units: Units,
        validation: Validation | None = None,
        checkpoint_path: str | None = None,
        report: Callable[[Progress], None] = lambda progress: None,
        before: History | None = None,
        validator: Callable[[Learner, Validation], Callable[[int], tuple[Validated, np.ndarray]]] = Validator,
    ) -> None:
        self.learner, self.settings, self.units = learner, settings, units
        self.validation, self.path, self.report = validation, checkpoint_path, report
        self.named = learner.named_variables()
        trained = [*learner.variables().base, *learner.variables().own]
        self.optimizer = build_optimizer(settings, trained)
        self.optimizer.build(trained)
        self.slots = named_slots(self.optimizer, self.named)
        self.step = 0
        before = before or {"steps": [], "validation": [], "best_step": 0}
        self.history: History = {**before, "steps": [*before["steps"]], "validation": [*before["validation"]]}
        self._first, self._validated = len(before["steps"]), len(before["validation"])
        self.best: dict[str, np.ndarray] = {}
        self.start = {name: _array(variable) for name, variable in self._blendable.items()}
        self.highest = np.zeros(0)  # accuracies by episode of the validation whose mean was the highest
        self._unread: list[Stepped] = []
        self._validator_of = validator
        self._validator: Callable[[int], tuple[Validated, np.ndarray]] | None = None
        self._file = history_file(self.path) if self.path else None
        self._restore()

    def run(self) -> Outcome:
        """Trains to the end, or from the checkpoint to the end.

        Raises:
          ValueError: training diverged.
        """
        step = compiled_step(self.learner, self.optimizer, self.units, self.settings, join())
        fed = self.units.feed(range(self.step, self.settings.steps))
        while self.step < self.settings.steps and not self._out_of_patience():
            self._unread.append(step(next(fed)))
            self.step += 1
            self._after_step()
        if self.settings.steps == 0 and not self._validations:
            self._validate()
        if self.validation is None:
            self.history["best_step"] = self._first + self.step
        for name, value in self.best.items():
            self.named[name].assign(value)
        if self.step:
            self._blend()
        if not all(np.isfinite(_array(variable)).all() for variable in self.named.values()):
            raise self._diverged("a weight is not finite", self.step)
        return Outcome(self.history, self.history["best_step"])

    def _after_step(self) -> None:
        validates = self.step % self.settings.validate_every == 0 or self.step == self.settings.steps
        saves = validates or self.step % self.settings.checkpoint_every == 0
        rows = self._read() if saves or len(self._unread) >= READ_EVERY else []
        if validates:
            self._validate()
        validated = self._validations[-1]["accuracy"] if self._validations else None
        for row in rows:
            last = self._first + self.settings.steps
            self.report(Progress(row["step"], last, row["loss"], row["accuracy"], validated))
        if saves:
            self._save()

    def _read(self) -> list[Trained]:
        """Rows of the steps whose numbers were not read yet, which join the history."""
        first = self._first + self.step - len(self._unread) + 1
        rows: list[Trained] = []
        for number, stepped in enumerate(self._unread, first):
            loss, accuracy, rate = (float(value) for value in stepped)
            if not math.isfinite(loss):
                raise self._diverged(f"the loss is {loss}", number)
            rows.append({"step": number, "loss": loss, "accuracy": accuracy, "learning_rate": rate})
            self.history["steps"].append(rows[-1])  # at once: the rows before a divergence show how it came
        self._unread = []
        return rows

    @property
    def _blendable(self) -> dict[str, keras.Variable]:
        """The variables that are blended at the end with their values at the start, by name."""
        return blendable(self.learner) if self.settings.blend else {}

    def _blend(self) -> None:
        """Blends the weights that are kept, and validates the blend: the history tells of the weights that are handed over."""
        if not self.start:
            return
        blend(self._blendable, self.start, self.settings.blend)
        if self.validation is not None:
            self._validated_at(self.validation, self.history["best_step"])

    def _validated_at(self, validation: Validation, step: int) -> np.ndarray:
        """The accuracies by episode of the weights as they are; their row joins the history as that of `step`."""
        self._validator = self._validator or self._validator_of(self.learner, validation)
        found, accuracies = self._validator(step)
        if not math.isfinite(found["loss"]):
            raise self._diverged(f"the validation loss is {found['loss']}", self.step)
        self.history["validation"].append(found)
        return accuracies

    def _validate(self) -> None:
        if self.validation is None:
            return
        step = self._first + self.step
        accuracies = self._validated_at(self.validation, step)
        self.highest = higher(accuracies, self.highest)
        if as_good_as_best(accuracies, self.highest):
            self.history["best_step"] = step
            self.best = {name: _array(variable) for name, variable in self.named.items()}

    def _out_of_patience(self) -> bool:
        return out_of_patience(self._validations, self.settings.patience)

    @property
    def _validations(self) -> list[Validated]:
        """Those of this stage."""
        return self.history["validation"][self._validated :]

    def _diverged(self, sign: str, step: int) -> ValueError:
        return ValueError(
            f"training diverged: {sign} at step {step}; lower training.learning_rate "
            f"({self.settings.learning_rate}) or set training.gradient_clip"
        )

    def _save(self) -> None:
        if self.path is None or self._file is None:
            return
        self._file.append(self.history)  # first, so that the rows of a checkpoint are there whenever it is
        arrays = {f"weight/{name}": _array(variable) for name, variable in self.named.items()}
        arrays |= {f"optimizer/{name}": _array(variable) for name, variable in self.slots.items()}
        arrays |= {f"best/{name}": value for name, value in self.best.items()} | {"highest": self.highest}
        arrays |= {f"start/{name}": value for name, value in self.start.items()}
        facts: dict[str, object] = {"step": self.step, "best_step": self.history["best_step"]}
        facts |= {"rows": self._file.rows, "rows_digest": self._file.digest}
        checkpoint.save(self.path, arrays, facts)

    def _restore(self) -> None:
        stored = checkpoint.load(self.path) if self.path else None
        if stored is None or self._file is None:
            return
        arrays, facts = stored
        history = self._file.read(*facts["rows"])
        if history is None or self._file.digest != facts["rows_digest"]:
            raise Damaged(self._file.path, "it has other rows than were written", "remove its directory")
        for name, variable in self.named.items():
            variable.assign(arrays[f"weight/{name}"])
        for name, variable in self.slots.items():
            variable.assign(arrays[f"optimizer/{name}"])
        self.highest = arrays["highest"]
        self.best, self.start = (
            {key.removeprefix(kind): value for key, value in arrays.items() if key.startswith(kind)}
            for kind in ("best/", "start/")
        )
        self.step, self.history = facts["step"], {**history, "best_step": facts["best_step"]}


def _array(variable: keras.Variable) -> np.ndarray:
    return variable.numpy().copy()
