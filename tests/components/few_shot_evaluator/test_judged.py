"""Results that are kept."""

import os

from components.few_shot_evaluator import judged
from components.few_shot_evaluator.judged import Judged


def test_the_newest_results_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(judged, "KEPT", 2)
    kept = Judged(str(tmp_path), "f")
    for number in range(4):
        place = str(tmp_path / f"{number:032}")
        kept.keep(place, [f"{number}", "{}"])
        os.utime(os.path.join(place, judged.RESULTS), (number, number))
    assert [kept.read(str(tmp_path / f"{number:032}")) for number in range(4)] == [None, None, ["2", "{}"], ["3", "{}"]]
    assert len(list(tmp_path.iterdir())) == 4  # two places, and the list of the files of each


def test_nothing_is_kept_without_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Judged("").keep("place", ["1"])
    assert list(tmp_path.iterdir()) == [] and Judged("").read("place") is None
