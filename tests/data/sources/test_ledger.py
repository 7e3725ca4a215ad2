"""A class never changes its side, however images arrive: by hand, and for any order of spans."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.sources import dealing, ledger
from data.sources.dealing import dealt
from data.sources.ledger import remember, sides_of

CLASSES = [f"class {number}" for number in range(40)]


def arrived(path, images: dict[str, int]) -> dict[str, set[str]]:
    """The sides of the classes at a run, which remembers them."""
    sides = sides_of(path, images, 0.2)
    remember(path, images, 0.2)
    return sides


def test_the_first_deal_is_the_usual_one(tmp_path):
    path, images = str(tmp_path / "below" / "sides.json"), dict.fromkeys(CLASSES[:12], 5)
    assert arrived(path, images) == dealt(images, 0.2) == {key: set(value) for key, value in read(path).items()}


def read(path: str) -> dict:
    with open(path) as file:
        return json.load(file)


def test_a_new_class_has_the_side_of_its_name(tmp_path, monkeypatch):
    path = str(tmp_path / "sides.json")
    known = {"train": ["a", "b"], "val": ["c", "d"], "test": ["e", "f", "g", "h"]}
    (tmp_path / "sides.json").write_text(json.dumps(known))
    places = {"x": {"test": 0.19, "": 0.1}, "y": {"test": 0.2, "": 0.19}, "z": {"test": 0.2, "": 0.2}}
    for module in (dealing, ledger):
        monkeypatch.setattr(module, "place", lambda name, purpose="": places[name][purpose])
    sides = arrived(path, dict.fromkeys("abcdefghxyz", 1))
    assert sides == {"train": {"a", "b", "z"}, "val": {"c", "d", "y"}, "test": {*"efghx"}}
    # A class whose images are gone keeps its side for when others come.
    assert arrived(path, {"a": 5, "x": 1}) == {"train": {"a"}, "val": set(), "test": {"x"}}
    assert set(read(path)["test"]) == {*"efghx"}


def test_too_few_classes_to_train_on_are_not_remembered(tmp_path):
    path = str(tmp_path / "sides.json")
    assert arrived(path, dict.fromkeys(CLASSES[:4], 5))["test"] == set(CLASSES[:4])
    assert not (tmp_path / "sides.json").exists()
    assert arrived(path, dict.fromkeys(CLASSES[:12], 5))["train"]


def test_nothing_new_writes_nothing(tmp_path):
    path, images = tmp_path / "sides.json", dict.fromkeys(CLASSES, 5)
    arrived(str(path), images)
    before = path.stat().st_mtime_ns
    arrived(str(path), images)
    assert path.stat().st_mtime_ns == before and list(tmp_path.iterdir()) == [path]


def test_a_file_of_another_kind(tmp_path):
    (tmp_path / "sides.json").write_text('{"train": []}')
    with pytest.raises(ValueError, match=r"sides\.json' should hold \{\"train\""):
        sides_of(str(tmp_path / "sides.json"), {"a": 5}, 0.2)


SPANS = st.lists(st.dictionaries(st.sampled_from(CLASSES), st.integers(1, 9), max_size=15), min_size=1, max_size=12)


@given(SPANS, st.sampled_from([1, 3, 100]))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_class_changes_its_side_over_any_arrivals(tmp_path_factory, spans, window):
    """Spans of any classes in any order, of which a window is read: from the first training on, a class has one side."""
    path = str(tmp_path_factory.mktemp("root") / "sides.json")
    known: dict[str, str] = {}
    for last in range(1, len(spans) + 1):
        images: dict[str, int] = {}
        for span in spans[max(0, last - window) : last]:
            for name, number in span.items():
                images[name] = images.get(name, 0) + number
        sides = arrived(path, images)
        assert set().union(*sides.values()) == set(images) and sum(map(len, sides.values())) == len(images)
        if known or sides["train"]:
            for split, names in sides.items():
                for name in names:
                    assert known.setdefault(name, split) == split
