"""How images a second are counted, and that the two kinds of work are work."""

from pipeline.commands import speed
from pipeline.commands.speed import Work, images_a_second


def test_the_first_call_does_not_count(monkeypatch):
    calls, clock = [], iter([0.0, 1.0, 2.0, 4.0])
    monkeypatch.setattr(speed.time, "perf_counter", lambda: next(clock))
    assert images_a_second(Work(lambda: calls.append(1), 10), seconds=2.0) == 5.0  # 20 images in 4 seconds
    assert len(calls) == 3


def test_each_kind_of_work_is_measured_at_least_once():
    checks = speed.speed(seconds=0.0)
    assert [one.name for one in checks] == ["speed of training", "speed of features"]
    assert all(one.ok and float(one.found.split()[0].replace(",", "")) > 0 for one in checks)
