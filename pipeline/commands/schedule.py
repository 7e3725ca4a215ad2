"""`fewshot schedule` on this machine: it stays, and runs the pipeline at the times of a cron expression.

It is a process of its own and neither a line for cron nor a timer of systemd, because containers have neither; one of these can
start it with `--once`, and has the lock, the log and the health file too. In the folder `schedule` of the root:
  runs.log     a line for each run
  health.json  what it does now, when the next run is due, and how the last one ended (`Health`)
"""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Literal

from pydantic import BaseModel

from pipeline.commands.child import Beat, Done, Moment, one_line
from pipeline.cron import next_time
from pipeline.locks import locked_file

FOLDER = "schedule"
State = Literal["waiting", "running", "stopped"]


class Last(BaseModel):
    """How the last run ended."""

    began: Moment
    seconds: float
    exit: int
    said: str


class Health(BaseModel):
    """What a monitor reads. `failed` counts the runs since the last one that went well; `since` is when these times were first
    kept, and `told` when this was written."""

    state: State
    cron: str | None
    since: Moment
    next: Moment | None
    last: Last | None = None
    failed: int = 0
    pid: int
    told: Moment


class Schedule:
    """Runs a command whenever it is due, one run at a time. What was due while nobody was here is made up for by one run.

    Args:
      root: the directory of the runs.
      cron: the times, in UTC; None if it runs only once.
      execute: runs the command, and calls what it gets now and then; None if it was stopped in the middle.
      notify: gets the line about each run; an error of its own is added to the log and stops nothing.
      now, wait: the clock; `wait` returns at a moment, or earlier with True if this is to stop, and also calls what it gets.
    """

    def __init__(
        self,
        root: str,
        cron: str | None,
        execute: Callable[[Beat], Done | None],
        notify: Callable[[Done], None],
        now: Callable[[], Moment],
        wait: Callable[[Moment, Beat], bool],
    ) -> None:
        self._folder, self._cron = os.path.join(root, FOLDER), cron
        os.makedirs(self._folder, exist_ok=True)
        self._execute, self._notify, self._now, self._wait = execute, notify, now, wait
        before = self._read()
        self._last, self._failed = (before.last, before.failed) if before else (None, 0)
        self._since = before.since if before and before.cron == cron else now()  # other times were promised to nobody

    def keep(self) -> int:
        """Runs the command at its times until it is to stop. Returns the exit code of the last run.

        Raises:
          ValueError: another one keeps the schedule of this root.
        """
        with self._locked():
            while True:
                due = self.due()
                if self._wait(due, self._telling("waiting", due)) or not self._run():
                    break
            self._tell("stopped", None)
            return self._last.exit if self._last else 0

    def once(self) -> int | None:
        """Runs the command now. Returns its exit code, or None if it was stopped.

        Raises:
          ValueError: another one keeps the schedule of this root.
        """
        with self._locked():
            ended = self._run()
            self._tell("stopped", None)
            return self._last.exit if ended and self._last else None

    def due(self) -> Moment:
        """Returns when the next run is due: the first time after the last run began, which may be past."""
        assert self._cron is not None
        known = [self._since, *([self._last.began] if self._last else [])]
        return next_time(self._cron, min(max(known), self._now()))  # a clock may have been wrong once

    def _run(self) -> bool:
        """Runs the command. Returns whether it came to its end; else it is as due as it was."""
        beat = self._telling("running", None)
        began = self._now()
        done = self._execute(beat)
        seconds = (self._now() - began).total_seconds()
        if done is None:
            self._log(f"stopped after {seconds:.0f} s", began)
            return False
        self._failed = self._failed + 1 if done.exit else 0
        self._last = Last(began=began, seconds=round(seconds, 1), exit=done.exit, said=done.said)
        self._log(f"exit {done.exit}, {seconds:.0f} s: {done.said}", began)
        beat()
        try:
            self._notify(done)
        except Exception as error:  # whatever a user's command does, the next run is due
            self._log(f"nobody was notified: {one_line(str(error))}", self._now())
        return True

    def _log(self, line: str, moment: Moment) -> None:
        with open(os.path.join(self._folder, "runs.log"), "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{moment:%Y-%m-%dT%H:%M:%SZ} {line}\n")

    def _telling(self, state: State, due: Moment | None) -> Beat:
        self._tell(state, due)
        return lambda: self._tell(state, due)

    def _tell(self, state: State, due: Moment | None) -> None:
        kept = {"cron": self._cron, "since": self._since, "last": self._last, "failed": self._failed}
        told = Health.model_validate({"state": state, "next": due, "pid": os.getpid(), "told": self._now(), **kept})
        path = os.path.join(self._folder, "health.json")
        with open(f"{path}.tmp", "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(told.model_dump_json(indent=2))
        os.replace(f"{path}.tmp", path)

    def _read(self) -> Health | None:
        try:
            with open(os.path.join(self._folder, "health.json"), encoding="utf-8") as file:
                return Health.model_validate_json(file.read())
        except (OSError, ValueError):  # none yet, or of half a disk: what is due is found from now on
            return None

    def _locked(self) -> AbstractContextManager[None]:
        taken = f"{self._folder}: another `fewshot schedule` keeps it; stop that one, or choose another --root"
        return locked_file(os.path.join(self._folder, ".lock"), taken)
