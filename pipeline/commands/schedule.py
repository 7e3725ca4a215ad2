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
import threading
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

from apscheduler.triggers.cron import CronTrigger
from pydantic import BaseModel

from pipeline.locks import locked_file

FOLDER = "schedule"
Moment = datetime.datetime
State = Literal["waiting", "running", "stopped"]


class Last(BaseModel):
    """How the last run ended."""

    due: Moment
    began: Moment
    seconds: float
    exit: int
    said: str


class Health(BaseModel):
    """What a monitor reads. `failed` counts the runs since the last one that went well; `told` is when this was written."""

    state: State
    pid: int
    next: Moment | None
    last: Last | None = None
    failed: int = 0
    told: Moment


class Done(NamedTuple):
    """The exit code of a run, and what it says in a line."""

    exit: int
    said: str


class Schedule:
    """Runs a command whenever it is due, one run at a time. A run that was due while nobody was here is made up for, once.

    Args:
      root: the directory of the runs.
      trigger: the times.
      execute: runs the command.
      notify: gets the line about each run; an error of its own is added to the log and stops nothing.
      now, wait: the clock; `wait` returns at a moment, or earlier with True if this is to stop.
    """

    def __init__(
        self,
        root: str,
        trigger: CronTrigger,
        execute: Callable[[], Done],
        notify: Callable[[Done], None] = lambda done: None,
        now: Callable[[], Moment] = lambda: Moment.now(datetime.UTC),
        wait: Callable[[Moment], bool] = lambda moment: False,
    ) -> None:
        self._folder = os.path.join(root, FOLDER)
        os.makedirs(self._folder, exist_ok=True)
        self._trigger, self._execute, self._notify, self._now, self._wait = trigger, execute, notify, now, wait
        before = self._read()
        self._last, self._failed = (before.last, before.failed) if before else (None, 0)
        self._since = now()

    def keep(self) -> int:
        """Runs the command at its times until it is to stop. Returns the exit code of the last run.

        Raises:
          ValueError: another one keeps the schedule of this root.
        """
        with self._locked():
            while True:
                due = self.due()
                self._tell("waiting", due)
                if self._wait(due):
                    self._tell("stopped", None)
                    return self._last.exit if self._last else 0
                self._run(due)

    def once(self) -> int:
        """Runs the command now. Returns its exit code.

        Raises:
          ValueError: another one keeps the schedule of this root.
        """
        with self._locked():
            self._run(self._now())
            self._tell("stopped", None)
            assert self._last is not None
            return self._last.exit

    def due(self) -> Moment:
        """Returns when the next run is due: the latest time that was missed, or else the next one."""
        now = self._now()
        start = self._last.due + datetime.timedelta(seconds=1) if self._last else self._since
        due = self._trigger.get_next_fire_time(None, start)
        while (later := self._trigger.get_next_fire_time(None, due + datetime.timedelta(seconds=1))) <= now:
            due = later
        return due

    def _run(self, due: Moment) -> None:
        self._tell("running", None)
        began = self._now()
        done = self._execute()
        self._failed = self._failed + 1 if done.exit else 0
        seconds = (self._now() - began).total_seconds()
        self._last = Last(due=due, began=began, seconds=round(seconds, 1), exit=done.exit, said=done.said)
        self._log(f"exit {done.exit}, {seconds:.0f} s: {done.said}", began)
        try:
            self._notify(done)
        except (OSError, subprocess.SubprocessError) as error:
            self._log(f"nobody was notified: {error}", self._now())

    def _log(self, line: str, moment: Moment) -> None:
        with open(os.path.join(self._folder, "runs.log"), "a", encoding="utf-8") as file:
            file.write(f"{moment:%Y-%m-%dT%H:%M:%SZ} {line}\n")

    def _tell(self, state: State, due: Moment | None) -> None:
        told = Health(state=state, pid=os.getpid(), next=due, last=self._last, failed=self._failed, told=self._now())
        path = os.path.join(self._folder, "health.json")
        with open(f"{path}.tmp", "w", encoding="utf-8") as file:
            file.write(told.model_dump_json(indent=2))
        os.replace(f"{path}.tmp", path)

    def _read(self) -> Health | None:
        try:
            with open(os.path.join(self._folder, "health.json"), encoding="utf-8") as file:
                return Health.model_validate_json(file.read())
        except (OSError, ValueError):  # none yet, or of half a disk: what is due is found from now on
            return None

    def _locked(self) -> Any:
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

    def execute(self) -> Done:
        """Runs the pipeline. What it prints is printed when it has ended."""
        process = self._process = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace"
        )
        out, told = process.communicate()
        code, self._process = process.returncode, None
        print(told, file=sys.stderr, end="", flush=True)
        return Done(code if code >= 0 else 128 - code, in_a_line(out, told))

    def wait(self, until: Moment) -> bool:
        """Waits for a moment. Returns True at once if this process is asked to stop."""
        while (seconds := (until - Moment.now(datetime.UTC)).total_seconds()) > 0:
            if self._stop.wait(min(seconds, 60)):  # in small steps, because a machine that sleeps stops the clock
                return True
        return self._stop.is_set()

    def _asked_to_stop(self, number: int, frame: object) -> None:
        self._stop.set()
        if self._process:
            self._process.send_signal(number)


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


def in_a_line(out: str, told: str) -> str:
    """Returns what a run says in a line, from its JSON and what it printed."""
    try:
        result = json.loads(out)
    except ValueError:
        lines = [line for line in told.splitlines() if line.strip()] or ["it said nothing"]
        own = [line for line in lines if line.startswith("fewshot: ")] or lines
        return own[-1].removeprefix("fewshot: ")
    if not result["ran"]:
        return "nothing new: nothing was trained"
    figures = f"{100 * result['accuracy']:.2f} ± {100 * result['ci95']:.2f} %"
    if not result["blessed"]:
        return f"not blessed, {figures}: {'; '.join(result['reasons'])}"
    pushed = f"pushed to {result['pushed_model']}" if result["pushed_model"] else "nothing was pushed"
    return f"blessed, {figures}, {pushed}"


def notifier(command: str | None) -> Callable[[Done], None]:
    """Returns what runs a user's command after each run, with FEWSHOT_EXIT and FEWSHOT_SAID in its environment."""

    def notify(done: Done) -> None:
        if command:
            told = {"FEWSHOT_EXIT": str(done.exit), "FEWSHOT_SAID": done.said}
            subprocess.run(command, shell=True, check=True, env=os.environ | told, timeout=300)

    return notify
