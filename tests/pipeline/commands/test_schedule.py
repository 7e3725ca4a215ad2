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

from pipeline.commands.schedule import Done, Health, Schedule, checked_words, in_a_line, notifier
from pipeline.commands.submit import checked_cron

MONDAY = datetime.datetime(2026, 1, 5, 12, tzinfo=datetime.UTC)
NIGHTS = checked_cron("0 3 * * *")
HOUR = datetime.timedelta(hours=1)


class Clock:
    """Goes to the moment that is waited for, until the end; a run takes five minutes."""

    def __init__(self, now=MONDAY, end=MONDAY + 72 * HOUR):
        self.moment, self.end = now, end

    def now(self):
        return self.moment

    def wait(self, until):
        if until > self.end:
            return True
        self.moment = max(self.moment, until)
        return False


def kept(root, clock, codes=(), notify=lambda done: None, seen=None):
    """A schedule whose runs end with these codes, and then with 0."""
    ends = list(codes)

    def execute():
        if seen is not None:
            seen.append((clock.moment, health(root).state))
        clock.moment += HOUR / 12
        code = ends.pop(0) if ends else 0
        return Done(code, f"ended with {code}")

    return Schedule(str(root), NIGHTS, execute, notify, clock.now, clock.wait)


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
    assert told.last and told.last.due.day == 8 and told.last.seconds == 300


def test_what_was_missed_is_made_up_for_once(tmp_path):
    clock = Clock(end=MONDAY + 24 * HOUR)
    kept(tmp_path, clock).keep()
    clock.moment, clock.end = MONDAY + 96 * HOUR, MONDAY + 120 * HOUR  # three nights later: Friday noon
    seen = []
    kept(tmp_path, clock, seen=seen).keep()
    assert [(moment.day, moment.hour) for moment, _ in seen] == [(9, 12), (10, 3)]
    assert health(tmp_path).last.due.day == 10


def test_it_starts_with_the_next_time(tmp_path):
    """There is nothing to make up for where nothing was promised."""
    assert kept(tmp_path, Clock()).due() == MONDAY + 15 * HOUR


def test_a_run_that_lasts_longer_than_a_night_is_followed_by_one(tmp_path):
    clock = Clock(end=MONDAY + 96 * HOUR)
    seen = []
    slow = kept(tmp_path, clock, seen=seen)
    execute = slow._execute

    def two_days():
        done = execute()
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
    assert kept(tmp_path, Clock(end=MONDAY + 24 * HOUR), notify=notifier("exit 3")).keep() == 0
    assert "nobody was notified: " in log(tmp_path)[1] and "status 3" in log(tmp_path)[1]


def test_the_notifiers_environment(tmp_path):
    notifier(f'echo "$FEWSHOT_EXIT $FEWSHOT_SAID" > {tmp_path}/told')(Done(1, "it's broken"))
    assert (tmp_path / "told").read_text() == "1 it's broken\n"
    notifier(None)(Done(0, ""))


def test_two_cannot_keep_one_root(tmp_path):
    first, second = kept(tmp_path, Clock()), kept(tmp_path, Clock())
    refused = []

    def execute():
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
        (None, "step 1\nfewshot: MetaTrainer: no room\n  the same command goes on\n", "MetaTrainer: no room"),
        (None, "Killed\n\n", "Killed"),
        (None, "", "it said nothing"),
    ],
)
def test_a_run_in_a_line(out, told, line):
    assert in_a_line(json.dumps(out) if out else "", told) == line


@pytest.mark.parametrize("word", ["--root", "--root=x", "--json"])
def test_words_that_the_schedule_says_itself(word):
    with pytest.raises(ValueError, match=f"{word} after `run`: give --root to `fewshot schedule`"):
        checked_words(["run", word])


def start(root: Path, *words: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "pipeline.cli", "schedule", "--cron", "0 3 1 1 *", "--root", str(root), *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_exit_code_is_that_of_the_run(tmp_path):
    process = start(tmp_path, "--once", "--", "run", "--preset", "nonsense")
    _, told = process.communicate(timeout=120)
    assert process.returncode == 2 and "--preset: no 'nonsense'" in told
    assert "exit 2" in log(tmp_path)[0] and "--preset: no 'nonsense'" in log(tmp_path)[0]


def test_it_ends_when_it_is_asked_to(tmp_path):
    process = start(tmp_path, "--", "run")
    path = tmp_path / "schedule" / "health.json"
    for _ in range(600):
        if path.exists():
            break
        time.sleep(0.1)
    assert health(tmp_path).state == "waiting" and health(tmp_path).next.month == 1
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert (
        process.returncode == 0
        and health(tmp_path).state == "stopped"
        and not (tmp_path / "schedule" / "runs.log").exists()
    )
