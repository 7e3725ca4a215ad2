"""Which class is dealt to which split: worked by hand, and what holds for any classes."""

import hashlib
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.sources import dealing
from data.sources.dealing import LEAST, dealt, held_out, is_validation


def at(monkeypatch, **places: float) -> None:
    """Puts each class at a place, for every purpose."""
    monkeypatch.setattr(dealing, "place", lambda name, purpose="": places[name])


def test_a_place_is_the_hash_of_the_name():
    digest = hashlib.sha256(b"Angelic/character01").digest()
    expected = int.from_bytes(digest[:8], "big") / 2**64
    assert dealing.place("Angelic/character01") == expected
    assert not is_validation("Angelic/character01", expected - 1e-6)
    assert is_validation("Angelic/character01", expected + 1e-6)
    chosen = [name for name in map(str, range(10_000)) if is_validation(name, 0.1)]
    assert 900 < len(chosen) < 1100  # ten standard deviations of 30
    both = [name for name in chosen if dealing.place(name, "test") < 0.1]
    assert 50 < len(both) < 150, "the places for another purpose are independent of these"


TEN = {name: number / 10 for number, name in enumerate("abcdefghij")}  # places 0.0 to 0.9


@pytest.mark.parametrize(
    ("share", "least", "expected"),
    [
        (0.2, 0, "ab"),  # below 0.2
        (0.41, 0, "abcde"),  # 5 are below 0.41, and at most 4.1 * 1.25 = 5.1 may be
        (0.2, 4, "abcd"),  # the two nearest to the border cross it
        (0.95, 0, "abcdefgh"),  # two are left
        (0.01, 0, ""),  # 1 is below 0.01, and at most 0.1 * 1.25 may be
    ],
)
def test_about_a_share_is_held_out(monkeypatch, share, least, expected):
    at(monkeypatch, **TEN)
    assert held_out(dict.fromkeys(TEN, 5), share, least) == set(expected)


def test_chance_does_not_hold_out_too_many_or_none(monkeypatch):
    at(monkeypatch, **{name: 0.01 * number for number, name in enumerate("abcdefghijklmnopqrst")})  # all below 0.2
    assert held_out(dict.fromkeys("abcdefghijklmnopqrst", 5), 0.2, 2) == set("abcde")  # 20 * 0.2 * 1.25
    at(monkeypatch, **{name: 0.9 + 0.001 * number for number, name in enumerate("abcdefghijklmnopqrst")})
    assert held_out(dict.fromkeys("abcdefghijklmnopqrst", 5), 0.2, 2) == set("abc")  # 20 * 0.2 * 0.75


def test_a_class_of_one_image_is_not_held_out(monkeypatch):
    at(monkeypatch, **TEN)
    images = dict.fromkeys(TEN, 2) | {"a": 1, "c": 1}
    assert held_out(images, 0.2, 2) == {"b", "d"}
    assert held_out({"a": 5, "b": 5}, 0.5, 2) == set(), "two stay"
    assert held_out({"a": 5, "b": 5, "c": 5}, 0.5, 2) == {"a"}
    assert held_out({}, 0.5, 2) == set()


def test_eight_classes_of_two_images_are_the_fewest_that_are_trained_on(monkeypatch):
    at(monkeypatch, **TEN)
    eight = dict.fromkeys("abcdefgh", 2)
    assert dealt(eight, 0.2) == {"train": {"g", "h"}, "val": {"e", "f"}, "test": set("abcd")}
    assert dealt(eight | {"i": 1}, 0.2) == {"train": {"g", "h", "i"}, "val": {"e", "f"}, "test": set("abcd")}
    assert dealt(eight | {"h": 1}, 0.2) == {"train": set(), "val": set(), "test": set("abcdefgh")}
    assert dealt({}, 0.2) == {"train": set(), "val": set(), "test": set()}


def test_of_many_classes_none_changes_its_side_when_others_arrive():
    before = dealt({f"class {number}": 5 for number in range(1000)}, 0.2)
    after = dealt({f"class {number}": 5 for number in range(1500)}, 0.2)
    assert all(before[split] < after[split] for split in before)
    assert [len(before[split]) for split in ("train", "val", "test")] == pytest.approx([640, 160, 200], rel=0.15)


sets = st.dictionaries(st.text("abcdefgh/", min_size=1, max_size=6), st.integers(1, 4), max_size=60)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(sets, st.floats(0.01, 0.99))
def test_sides_are_disjoint_complete_and_large_enough(images, share):
    sides = dealt(images, share)
    assert sum(map(len, sides.values())) == len(images) and set().union(*sides.values()) == set(images)
    held = sides["val"] | sides["test"]
    if not sides["train"]:
        assert sides["test"] == set(images) and sum(count >= 2 for count in images.values()) < 8
        return
    assert all(images[name] >= 2 for name in held)
    assert all(sum(images[name] >= 2 for name in names) >= LEAST[split] for split, names in sides.items())
    shuffled = dict(sorted(images.items(), key=lambda item: item[0][::-1], reverse=True))
    assert dealt(shuffled, share) == sides
    more = {name: count if count < 2 else count * 7 for name, count in images.items()}
    assert dealt(more, share) == sides, "how many images there are does not matter beyond the second"


def crossed(before: Mapping[str, set[str]], after: Mapping[str, set[str]], side: str) -> int:
    """How many classes that were there before have come to one side of a border, or left it."""
    old = set().union(*before.values())
    return len((before[side] ^ after[side]) & old)


@settings(max_examples=500, deadline=None, derandomize=True)
@given(sets, st.text("xyz", min_size=1, max_size=6), st.integers(1, 4))
def test_a_class_that_arrives_moves_at_most_one_other_over_each_border(images, name, count):
    before, after = dealt(images, 0.2), dealt(images | {name: count}, 0.2)
    if before["train"]:  # else all were test classes, and now there may be enough
        assert crossed(before, after, "test") <= 1
        assert crossed(before, after, "val") <= 2 and crossed(before, after, "train") <= 2
        assert len({old for old in images for side in before if (old in before[side]) != (old in after[side])}) <= 2
    held_before, held_after = held_out(images, 0.2, 2), held_out(images | {name: count}, 0.2, 2)
    assert len((held_before ^ held_after) - {name}) <= 1
