"""`fewshot schedule` on this machine: it stays, and runs the pipeline at the times of a cron expression.

It is a process of its own and neither a line for cron nor a timer of systemd, because containers have neither; one of these can
start it with `--once`, and has the lock, the log and the health file too. In the folder `schedule` of the root:
  runs.log     a line for each run
  health.json  what it does now, when the next run is due, and how the last one ended (`Health`)
"""

import datetime
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Literal, NamedTuple

from cronsim import CronSim
from pydantic import BaseModel

from pipeline.locks import locked_file

FOLDER = "schedule"
BEAT = 60  # seconds after which the health file is written again; a monitor may call what is ten times as old dead
PATIENCE = 300  # seconds that a notifier may take
Moment = datetime.datetime
Beat = Callable[[], None]
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
    cron: str
    since: Moment
    next: Moment | None
    last: Last | None = None
    failed: int = 0
    pid: int
    told: Moment


class Done(NamedTuple):
    """The exit code of a run, and what it says in a line."""

    exit: int
    said: str


class Schedule:
    """Runs a command whenever it is due, one run at a time. What was due while nobody was here is made up for by one run.

    Args:
      root: the directory of the runs.
      cron: the times, in UTC.
      execute: runs the command, and calls what it gets now and then; None if it was stopped in the middle.
      notify: gets the line about each run; an error of its own is added to the log and stops nothing.
      now, wait: the clock; `wait` returns at a moment, or earlier with True if this is to stop, and also calls what it gets.
    """

    def __init__(
        self,
        root: str,
        cron: str,
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
        known = [self._since, *([self._last.began] if self._last else [])]
        return next(CronSim(self._cron, min(max(known), self._now())))  # a clock may have been wrong once

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
            self._log(f"nobody was notified: {_one_line(str(error))}", self._now())
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


class Child:
    """A run of the pipeline as a process, and the end of both when this process is asked to stop."""

    def __init__(self, words: Sequence[str]) -> None:
        self._command = [sys.executable, "-m", "pipeline.cli", *words]
        self._process: subprocess.Popen[str] | None = None
        self._stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._asked_to_stop)

    def execute(self, beat: Beat) -> Done | None:
        """Runs the pipeline. What it prints is printed, and its last lines say why it failed if it did."""
        if self._stop.is_set():
            return None
        with tempfile.TemporaryFile("w+") as result:
            # In a session of its own, so that Ctrl-C reaches it once: through this process.
            process = self._process = subprocess.Popen(
                self._command,
                stdout=result,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,
            )
            if self._stop.is_set():  # asked in the meantime
                process.send_signal(signal.SIGINT)
            last: deque[str] = deque(maxlen=100)
            for line in process.stderr or ():
                print(line, file=sys.stderr, end="", flush=True)
                last.append(line)
                beat()
            code, self._process = process.wait(), None
            result.seek(0)
            done = Done(code if code >= 0 else 128 - code, in_a_line(result.read(), last))
        return None if self._stop.is_set() and code else done

    def wait(self, until: Moment, beat: Beat) -> bool:
        """Waits for a moment. Returns True at once if this process is asked to stop."""
        while (seconds := (until - Moment.now(datetime.UTC)).total_seconds()) > 0:
            if self._stop.wait(min(seconds, BEAT)):  # in small steps, because a machine that sleeps stops the clock
                return True
            beat()
        return self._stop.is_set()

    def _asked_to_stop(self, number: int, frame: object) -> None:
        self._stop.set()
        if self._process:
            self._process.send_signal(signal.SIGINT)  # at which a run says that it can be continued


def in_a_line(out: str, told: Sequence[str]) -> str:
    """Returns what a run says in a line, from its JSON and the last lines that it printed."""
    try:
        result = json.loads(out)
    except ValueError:
        lines = [line for line in told if line.strip()] or ["it said nothing"]
        own = [line for line in lines if line.startswith("fewshot: ")] or lines
        return _one_line(own[-1].removeprefix("fewshot: "))
    if not result["ran"]:
        return "nothing new: nothing was trained"
    figures = f"{100 * result['accuracy']:.2f} ± {100 * result['ci95']:.2f} %"
    if not result["blessed"]:
        return _one_line(f"not blessed, {figures}: {'; '.join(result['reasons'])}")
    pushed = f"pushed to {result['pushed_model']}" if result["pushed_model"] else "nothing was pushed"
    return _one_line(f"blessed, {figures}, {pushed}")


def notifier(command: str | None) -> Callable[[Done], None]:
    """Returns what runs a user's command after each run, with FEWSHOT_EXIT and FEWSHOT_SAID in its environment.

    It raises RuntimeError if the command fails; the message is the last line that it printed, and nothing of the command.
    """

    def notify(done: Done) -> None:
        if not command:
            return
        environment = os.environ | {"FEWSHOT_EXIT": str(done.exit), "FEWSHOT_SAID": done.said}
        try:
            ended = subprocess.run(
                command, shell=True, env=environment, timeout=PATIENCE, capture_output=True, text=True, errors="replace"
            )
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"the command of --notify took longer than {PATIENCE} s") from None
        if ended.returncode:
            said = (ended.stderr.strip() or ended.stdout.strip() or "it said nothing").splitlines()[-1]
            raise RuntimeError(f"the command of --notify ended with {ended.returncode}: {said}")

    return notify


def checked_words(words: Sequence[str]) -> list[str]:
    """Returns the words of a run that is to be scheduled.

    Raises:
      ValueError: they say what the schedule says itself.
    """
    for word in words:
        if word.split("=")[0] in ("--root", "--json"):
            raise ValueError(
                f"{word} after `run`: give --root to `fewshot schedule`, before --; it reads the result itself"
            )
    return [*words, "--json"]


def _one_line(text: str) -> str:
    return " ".join(text.replace("\0", " ").split())
