"""The same picture in several files: which of them take part, and what is said about the others."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from components.image_example_gen.duplicates import Repeats, find_duplicates
from components.image_example_gen.facts import Fact
from components.image_example_gen.summary import check_unique


def fact(path: str, digest: str, reason: str = "") -> Fact:
    """`fact("test/oak/1.png", "x")`: picture x in a file of the test class oak."""
    split, class_name, name = path.split("/")
    return Fact(split, class_name, f"{class_name}/{name}", f"/{path}", reason, digest=digest)


def paths(facts: list[Fact]) -> list[str]:
    return [one.path for one in facts]


def test_within_a_class_the_first_file_by_source_id_stands_for_all():
    found = find_duplicates([fact("test/oak/3.png", "x"), fact("test/oak/1.png", "x"), fact("test/oak/2.png", "y")])
    assert paths(found.kept) == ["/test/oak/1.png", "/test/oak/2.png"]
    assert paths(found.left_out) == ["/test/oak/3.png"]
    assert found.counts == {"test": {"within_class": 1, "across_classes": 0}} and found.leaks == []
    (picture,) = found.pictures
    assert [(one["source_id"], one["path"], one["takes_part"]) for one in picture] == [
        ("oak/1.png", "/test/oak/1.png", True),
        ("oak/3.png", "/test/oak/3.png", False),
    ]


def test_a_picture_in_several_classes_of_a_split_has_no_class():
    facts = [fact("test/oak/1.png", "x"), fact("test/oak/2.png", "x"), fact("test/elm/1.png", "x")]
    found = find_duplicates([*facts, fact("test/elm/2.png", "own")])
    assert paths(found.kept) == ["/test/elm/2.png"]
    assert found.counts["test"] == {"within_class": 0, "across_classes": 3}
    assert not any(one["takes_part"] for one in found.pictures[0])


def test_on_two_sides_it_is_a_leak_and_takes_part_on_both():
    facts = [fact("train/ash/1.png", "x"), fact("test/oak/1.png", "x"), fact("val/fir/1.png", "x")]
    found = find_duplicates(facts)
    assert found.kept == facts and found.left_out == []
    assert found.leaks == [
        ("/train/ash/1.png", "/test/oak/1.png"),
        ("/train/ash/1.png", "/val/fir/1.png"),
        ("/val/fir/1.png", "/test/oak/1.png"),
    ]
    assert found.total == {"within_class": 0, "across_classes": 0, "across_splits": 3}


def test_all_three_at_once():
    """Two files of oak, one of ash and one on the other side: a leak, and contradictory in train alone."""
    names = ("train/oak/8.png", "train/oak/9.png", "train/ash/9.png", "test/elm/9.png")
    found = find_duplicates([fact(name, "x") for name in names])
    assert paths(found.kept) == ["/test/elm/9.png"]
    assert found.total == {"within_class": 0, "across_classes": 3, "across_splits": 1}
    assert found.leaks == [("/train/ash/9.png", "/test/elm/9.png")]
    assert [one["path"] for one in found.pictures[0]] == [
        "/train/ash/9.png",
        "/train/oak/8.png",
        "/train/oak/9.png",
        "/test/elm/9.png",
    ]


def test_what_was_set_aside_is_no_duplicate():
    found = find_duplicates([fact("test/oak/1.png", "", "damaged"), fact("test/oak/2.png", "", "damaged")])
    assert (found.kept, found.left_out, found.pictures) == ([], [], [])


def test_the_order_of_the_files_changes_nothing():
    names = ("test/oak/1.png", "test/oak/2.png", "test/elm/1.png", "train/ash/1.png")
    facts = [fact(name, digest) for name, digest in zip(names, "xxyy", strict=True)]
    results = []
    for order in itertools.permutations(facts):
        found = find_duplicates(order)
        results.append((sorted(found.kept), sorted(found.left_out), found.total, found.leaks, found.pictures))
    assert all(one == results[0] for one in results)


def test_a_split_does_not_depend_on_the_others():
    """So `fewshot evaluate` on the folder of one split has the images of the run."""
    test = [
        fact(f"test/{name}.png", digest) for name, digest in (("a/1", "x"), ("a/2", "x"), ("b/1", "y"), ("c/1", "y"))
    ]
    train = [fact("train/d/1.png", "x"), fact("train/e/1.png", "x"), fact("train/f/1.png", "y")]
    alone, together = find_duplicates(test), find_duplicates([*train, *test])
    assert [one for one in together.kept if one.split == "test"] == alone.kept


def test_a_folder_named_twice_is_read_once():
    twice = [fact("test/oak/1.png", "x")] * 2
    assert find_duplicates(twice).kept == twice[:1]


def test_where_sides_are_kept_apart_a_picture_on_two_of_them_takes_part_on_none():
    """In whatever order it arrived. Within a side all is as ever."""
    facts = [
        fact("train/ash/1.png", "x"),
        fact("test/oak/1.png", "x"),
        fact("test/oak/2.png", "y"),
        fact("test/oak/3.png", "y"),
    ]
    found = find_duplicates(facts, apart=True)
    assert paths(found.kept) == ["/test/oak/2.png"] and found.leaks == []
    assert found.counts == {
        "train": {"within_class": 0, "across_classes": 1},
        "test": {"within_class": 1, "across_classes": 1},
    }
    assert [[one["takes_part"] for one in files] for files in found.pictures] == [[True, False], [False, False]]


def test_repeats_worked_out_by_hand():
    """A picture in two files, one source id for two pictures; a file that was set aside repeats nothing."""
    facts = [
        fact("train/ash/1.png", "aa"),
        fact("train/ash/2.png", "bb"),
        fact("test/oak/1.png", "aa"),
        fact("test/oak/2.png", "cc"),
        fact("test/oak/2.png", "dd"),
        fact("train/ash/2.png", "ee", "damaged"),
    ]
    assert paths(among(facts)) == ["/train/ash/1.png", "/test/oak/1.png", "/test/oak/2.png", "/test/oak/2.png"]
    assert among(facts[:2]) == []


def among(facts):
    repeats = Repeats()
    for one in facts:
        repeats.add(one)
    return repeats.among(iter(facts))


FILES = st.tuples(
    st.sampled_from(["train", "val", "test"]), st.sampled_from("ab"), st.integers(0, 3), st.sampled_from("abcdef")
)


@given(st.lists(FILES, max_size=12), st.booleans())
def test_all_that_repeats_is_among_the_repeats(files, apart):
    """What is found among them is what is found among all."""
    facts = [fact(f"{split}/{name}/{number}.png", digest) for split, name, number, digest in files]
    few, every = (find_duplicates(some, apart) for some in (among(facts), facts))
    assert (few.total, few.leaks, few.pictures, few.left_out) == (
        every.total,
        every.leaks,
        every.pictures,
        every.left_out,
    )
    assert {split: count for split, count in every.counts.items() if any(count.values())} == {
        split: count for split, count in few.counts.items() if any(count.values())
    }
    assert said(few_facts := among(facts)) == said(facts), few_facts


def said(facts):
    try:
        check_unique(facts)
    except ValueError as error:
        return str(error)
