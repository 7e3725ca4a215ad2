"""A scheduled run as a process, what it says in a line, and who is told."""

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
from typing import NamedTuple

from components.fewshot.settings.metrics import metric_of

BEAT = 60  # seconds after which the health file is written again; a monitor may call what is ten times as old dead
PATIENCE = 300  # seconds that a notifier may take
Moment = datetime.datetime
Beat = Callable[[], None]


def utc_now() -> Moment:
    """Returns the time."""
    return Moment.now(datetime.UTC)


class Done(NamedTuple):
    """The exit code of a run, and what it says in a line."""

    exit: int
    said: str


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
        while (seconds := (until - utc_now()).total_seconds()) > 0:
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
        return one_line(own[-1].removeprefix("fewshot: "))
    if not result["ran"]:
        return "nothing new: nothing was trained"
    if "blessed" not in result:
        return one_line(f"{result['decision']}: {result['because']}")
    figures = f"{100 * metric_of(result).of(result):.2f} ± {100 * result['ci95']:.2f} %"
    why = f"; trained because {result['because']}" if result.get("decision") == "retrain" else ""
    if not result["blessed"]:
        return one_line(f"not blessed, {figures}: {'; '.join(result['reasons'])}{why}")
    pushed = f"pushed to {result['pushed_model']}" if result["pushed_model"] else "nothing was pushed"
    return one_line(f"blessed, {figures}, {pushed}{why}")


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


def one_line(text: str) -> str:
    """Returns a text without breaks of lines and other gaps."""
    return " ".join(text.replace("\0", " ").split())
