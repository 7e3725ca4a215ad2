"""The clock of retraining: when it runs, what it makes up for, and what it leaves for those who look."""

import datetime
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.commands.child import Done, checked_words, in_a_line, notifier
from pipeline.commands.schedule import Health, Schedule

MONDAY = datetime.datetime(2026, 1, 5, 12, tzinfo=datetime.UTC)
NIGHTS = "0 3 * * *"
HOUR = datetime.timedelta(hours=1)


class Clock:
    """Goes to the moment that is waited for, until the end; a run takes five minutes."""

    def __init__(self, now=MONDAY, end=MONDAY + 72 * HOUR):
        self.moment, self.end = now, end

    def now(self):
        return self.moment

    def wait(self, until, beat):
        if until > self.end:
            self.moment = max(self.moment, self.end)
            return True
        self.moment = max(self.moment, until)
        return False


def kept(root, clock, codes=(), notify=lambda done: None, seen=None, cron=NIGHTS):
    """A schedule whose runs end with these codes, and then with 0; None stops one in the middle."""
    ends = list(codes)

    def execute(beat):
        if seen is not None:
            seen.append((clock.moment, health(root).state))
        clock.moment += HOUR / 12
        beat()
        code = ends.pop(0) if ends else 0
        return None if code is None else Done(code, f"ended with {code}")

    return Schedule(str(root), cron, execute, notify, clock.now, clock.wait)


def health(root) -> Health:
    return Health.model_validate_json((root / "schedule" / "health.json").read_text())


def log(root) -> list[str]:
    return (root / "schedule" / "runs.log").read_text().splitlines()


def test_it_runs_every_night(tmp_path):
    seen = []
    assert kept(tmp_path, Clock(), seen=seen).keep() == 0
    assert [(moment.day, moment.hour, state) for moment, state in seen] == [(day, 3, "running") for day in (6, 7, 8)]
    assert log(tmp_path) == [f"2026-01-0{day}T03:00:00Z exit 0, 300 s: ended with 0" for day in (6, 7, 8)]
    told = health(tmp_path)
    assert (told.state, told.next, told.failed, told.pid) == ("stopped", None, 0, os.getpid())
    assert told.last and told.last.began.day == 8 and told.last.seconds == 300 and told.told == MONDAY + 72 * HOUR


def test_what_was_missed_is_made_up_for_once(tmp_path):
    clock = Clock(end=MONDAY + 24 * HOUR)
    kept(tmp_path, clock).keep()
    clock.moment, clock.end = MONDAY + 96 * HOUR, MONDAY + 120 * HOUR  # three nights later: Friday noon
    seen = []
    kept(tmp_path, clock, seen=seen).keep()
    assert [(moment.day, moment.hour) for moment, _ in seen] == [(9, 12), (10, 3)]
    assert health(tmp_path).last.began.day == 10


def test_it_starts_with_the_next_time(tmp_path):
    """There is nothing to make up for where nothing was promised."""
    assert kept(tmp_path, Clock()).due() == MONDAY + 15 * HOUR


def test_what_was_promised_before_the_first_run_is_kept(tmp_path):
    kept(tmp_path, Clock(end=MONDAY + HOUR)).keep()
    later = Clock(now=MONDAY + 24 * HOUR)
    assert kept(tmp_path, later).due() == MONDAY + 15 * HOUR  # on Tuesday at three, while nobody was here
    assert kept(tmp_path, later, cron="0 2 * * *").due() == MONDAY + 38 * HOUR  # other times were promised to nobody


def test_a_clock_that_was_wrong_once_stops_nothing(tmp_path):
    kept(tmp_path, Clock(now=MONDAY + 24 * 365 * 9 * HOUR)).once()
    assert kept(tmp_path, Clock()).due() == MONDAY + 15 * HOUR


def test_a_run_that_is_stopped_is_as_due_as_it_was(tmp_path):
    told = []
    stopped = kept(tmp_path, Clock(), codes=(0, None), notify=told.append)
    assert stopped.keep() == 0 and len(told) == 1 and health(tmp_path).failed == 0
    assert log(tmp_path)[1] == "2026-01-07T03:00:00Z stopped after 300 s" and health(tmp_path).last.began.day == 6
    assert kept(tmp_path, Clock(now=MONDAY + 40 * HOUR)).due() == MONDAY + 39 * HOUR
    assert kept(tmp_path, Clock(), codes=(None,)).once() is None


@pytest.mark.parametrize(
    ("cron", "days"),
    [("0 3 * * 1", [12, 19]), ("0 3 * * 0", [11, 18]), ("0 3 * * 7", [11, 18]), ("0 3 7 * 5", [7, 9, 16])],
)
def test_days_are_those_of_cron(tmp_path, cron, days):
    """Sunday is 0 and 7, and of a day of the month and one of the week either will do."""
    seen = []
    kept(tmp_path, Clock(end=MONDAY + 24 * 14.7 * HOUR), seen=seen, cron=cron).keep()
    assert [moment.day for moment, _ in seen] == days


def test_a_run_that_lasts_longer_than_a_night_is_followed_by_one(tmp_path):
    clock = Clock(end=MONDAY + 96 * HOUR)
    seen = []
    slow = kept(tmp_path, clock, seen=seen)
    execute = slow._execute

    def two_days(beat):
        done = execute(beat)
        clock.moment += 49 * HOUR if len(seen) == 1 else 0 * HOUR
        return done

    slow._execute = two_days
    slow.keep()
    assert [(moment.day, moment.hour) for moment, _ in seen] == [(6, 3), (8, 4), (9, 3)]


def test_failures_are_counted_and_told(tmp_path):
    told = []
    assert kept(tmp_path, Clock(end=MONDAY + 40 * HOUR), codes=(1, 2), notify=told.append).keep() == 2
    assert [done.exit for done in told] == [1, 2] and health(tmp_path).failed == 2
    assert kept(tmp_path, Clock(now=MONDAY + 41 * HOUR), notify=told.append).keep() == 0
    assert health(tmp_path).failed == 0 and len(log(tmp_path)) == 3


def test_once(tmp_path):
    assert kept(tmp_path, Clock(), codes=(1,)).once() == 1
    assert health(tmp_path).state == "stopped" and log(tmp_path) == ["2026-01-05T12:00:00Z exit 1, 300 s: ended with 1"]


def test_a_notifier_that_fails_stops_nothing(tmp_path):
    assert kept(tmp_path, Clock(end=MONDAY + 24 * HOUR), notify=notifier("echo no network; exit 3")).keep() == 0
    assert log(tmp_path)[1].endswith("nobody was notified: the command of --notify ended with 3: no network")


def test_the_notifiers_environment(tmp_path):
    notifier(f'echo "$FEWSHOT_EXIT $FEWSHOT_SAID" > {tmp_path}/told')(Done(1, "it's broken"))
    assert (tmp_path / "told").read_text() == "1 it's broken\n"
    notifier(None)(Done(0, ""))


def test_two_cannot_keep_one_root(tmp_path):
    first, second = kept(tmp_path, Clock()), kept(tmp_path, Clock())
    refused = []

    def execute(beat):
        with pytest.raises(ValueError, match=r"schedule: another `fewshot schedule` keeps it") as error:
            second.once()
        refused.append(error)
        return Done(0, "")

    first._execute = execute
    assert first.once() == 0 and len(refused) == 1


def test_a_damaged_health_file_is_written_anew(tmp_path):
    (tmp_path / "schedule").mkdir()
    (tmp_path / "schedule" / "health.json").write_text('{"state": "wai')
    assert kept(tmp_path, Clock()).keep() == 0 and health(tmp_path).state == "stopped"


RESULT = {
    "ran": ["Pusher"],
    "blessed": True,
    "reasons": [],
    "accuracy": 0.974,
    "ci95": 0.0032,
    "pushed_model": "served/7",
}


@pytest.mark.parametrize(
    ("out", "told", "line"),
    [
        (RESULT, "", "blessed, 97.40 ± 0.32 %, pushed to served/7"),
        (RESULT | {"pushed_model": None}, "", "blessed, 97.40 ± 0.32 %, nothing was pushed"),
        (RESULT | {"ran": []}, "", "nothing new: nothing was trained"),
        (RESULT | {"blessed": False, "reasons": ["a", "b"]}, "", "not blessed, 97.40 ± 0.32 %: a; b"),
        (
            {"ran": ["DriftDetector"], "decision": "adapt only", "because": "1 new class (oak)"},
            "",
            "adapt only: 1 new class (oak)",
        ),
        (
            RESULT | {"decision": "retrain", "because": "nothing is served yet"},
            "",
            "blessed, 97.40 ± 0.32 %, pushed to served/7; trained because nothing is served yet",
        ),
        (
            RESULT | {"decision": "adapt only", "because": "1 new class"},
            "",
            "blessed, 97.40 ± 0.32 %, pushed to served/7",
        ),
        (None, "step 1\nfewshot: MetaTrainer: no room\n  the same command goes on\n", "MetaTrainer: no room"),
        (None, "Killed\n\n", "Killed"),
        (None, "", "it said nothing"),
    ],
)
def test_a_run_in_a_line(out, told, line):
    assert in_a_line(json.dumps(out) if out else "", told.splitlines(keepends=True)) == line


@pytest.mark.parametrize("word", ["--root", "--root=x", "--json"])
def test_words_that_the_schedule_says_itself(word):
    with pytest.raises(ValueError, match=f"{word} after `run`: give --root to `fewshot schedule`"):
        checked_words(["run", word])


def start(root: Path, *words: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "pipeline.cli", "schedule", "--root", str(root), *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def waited(root: Path, state: str) -> None:
    path = root / "schedule" / "health.json"
    for _ in range(1200):
        if path.exists() and health(root).state == state:
            return
        time.sleep(0.1)
    raise TimeoutError(f"it is not {state}")


def test_the_exit_code_is_that_of_the_run(tmp_path):
    process = start(tmp_path, "--once", "--", "run", "--images", str(tmp_path / "nowhere"))
    _, told = process.communicate(timeout=300)
    assert process.returncode == 2 and "nowhere' does not exist" in told
    assert "exit 2" in log(tmp_path)[0] and "nowhere' does not exist" in log(tmp_path)[0]


def test_it_ends_when_it_is_asked_to(tmp_path):
    process = start(tmp_path, "--cron", "0 3 1 1 *", "--", "run")
    waited(tmp_path, "waiting")
    assert health(tmp_path).next.month == 1
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 0 and health(tmp_path).state == "stopped"
    assert not (tmp_path / "schedule" / "runs.log").exists()


def test_it_ends_in_the_middle_of_a_run(tmp_path):
    process = start(tmp_path, "--once", "--", "run", "--preset", "glyphs-tiny")
    waited(tmp_path, "running")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=120)
    assert process.returncode == 130 and health(tmp_path).state == "stopped" and health(tmp_path).last is None
    (line,) = log(tmp_path)
    assert "stopped after" in line


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--cron", "0 0 31 2 *", "--", "run"), "--cron '0 0 31 2 *': expected five fields"),
        (("--cron", "0 3 * * 1#1", "--", "run"), "not every clock knows L and #"),
        (("--", "run"), "--cron: expected times as five fields of cron"),
        (("--cron", "0 3 * * *", "--once", "--", "run"), "--cron: expected none with --once"),
        (("--once", "--dry-run", "--", "run"), "--dry-run means nothing for `run` on this machine: leave it out"),
        (
            ("--cron", "0 3 * * *", "--notify", "x", "job.json"),
            "--notify means nothing for a compiled pipeline on a cluster",
        ),
        (
            ("--cron", "0 3 * * *", "a.json", "b.json"),
            "expected one file that `fewshot compile` wrote, got 2: a.json b.json",
        ),
        (("--once", "--", "run", "--preset", "nonsense"), "--preset: no 'nonsense'; there are glyphs"),
        (("--once", "--", "run", "training.stepz=3"), "no setting 'training.stepz'"),
        (("--once", "--", "run", "--imagess", "x"), "No such option: --imagess"),
    ],
)
def test_what_is_refused_at_once(fewshot, tmp_path, monkeypatch, words, sentence):
    monkeypatch.chdir(tmp_path)
    done = fewshot("schedule", *words)
    assert done.returncode == 2 and sentence in " ".join(done.stderr.split()) and not list(tmp_path.iterdir())
