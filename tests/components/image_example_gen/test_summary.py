import pytest

from components.image_example_gen.duplicates import find_duplicates
from components.image_example_gen.facts import Fact
from components.image_example_gen.summary import check_unique, reject_message, summarise
from components.image_example_gen.tally import Tally


def fact(split, class_name, number, digest, **more):
    source = f"{class_name}/{number}.png"
    values = {"domain": class_name.split("/")[0], "format": "PNG", "height": 10, "width": 20, "digest": digest, **more}
    return Fact(split, class_name, source, f"/root/{source}", **values)


FACTS = [
    fact("train", "Latin/a", 1, "d1", flags=("damaged",)),
    fact("train", "Latin/a", 2, "d2", height=30, flags=("palette", "alpha")),
    fact("train", "Greek/b", 1, "d3", format="GIF", flags=("animated",)),
    fact("train", "Greek/b", 2, "", reason="damaged"),
    fact("val", "Greek/c", 1, "d2"),
    fact("test", "Lao/d", 1, "d2", height=2, width=3, flags=("alpha",)),
    fact("test", "Lao/d", 2, "d9"),
]


def summary_of(facts, rejected=0, passed_over=None, fingerprint=""):
    return summarise(Tally.of(facts), find_duplicates(facts), rejected, passed_over or {}, fingerprint)


def used(split, class_name, source):
    """An entry of duplicates.json."""
    return {
        "split": split, "class_name": class_name, "source_id": source, "path": f"/root/{source}", "takes_part": True,
    }  # fmt: skip


NOTHING_LEFT_OUT = {"empty_classes": [], "duplicates": {"within_class": 0, "across_classes": 0}}


def test_a_summary_worked_out_by_hand():
    assert summary_of(FACTS, rejected=4, passed_over={"/root/notes": 2}, fingerprint="f") == {
        "splits": {
            "train": {
                "classes": 2,
                "images": 3,
                "domains": 2,
                "smallest_class": ["Greek/b", 1],
                "largest_class": ["Latin/a", 2],
                **NOTHING_LEFT_OUT,
            },
            "val": {
                "classes": 1,
                "images": 1,
                "domains": 1,
                "smallest_class": ["Greek/c", 1],
                "largest_class": ["Greek/c", 1],
                **NOTHING_LEFT_OUT,
            },
            "test": {
                "classes": 1,
                "images": 2,
                "domains": 1,
                "smallest_class": ["Lao/d", 2],
                "largest_class": ["Lao/d", 2],
                **NOTHING_LEFT_OUT,
            },
        },
        "formats": {"GIF": 1, "PNG": 5},
        "policy": {
            "exif_rotated": 0,
            "cmyk": 0,
            "sixteen_bit": 0,
            "palette": 1,
            "alpha": 2,
            "animated": 1,
            "wrong_extension": 0,
            "damaged": 1,
        },
        "sizes": {"min": [2, 3], "median": [10, 20], "max": [30, 20]},
        "damaged_files": ["/root/Latin/a/1.png"],
        "rejected": 4,
        "objects_rejected": 0,
        "passed_over": {"/root/notes": 2},
        "differ_by_case": [],
        "leaks": [
            ["/root/Greek/c/1.png", "/root/Lao/d/1.png"],
            ["/root/Latin/a/2.png", "/root/Greek/c/1.png"],
            ["/root/Latin/a/2.png", "/root/Lao/d/1.png"],
        ],
        "leak_count": 3,
        "duplicates": {"within_class": 0, "across_classes": 0, "across_splits": 3},
        "duplicate_files": [
            [
                used("train", "Latin/a", "Latin/a/2.png"),
                used("val", "Greek/c", "Greek/c/1.png"),
                used("test", "Lao/d", "Lao/d/1.png"),
            ]
        ],
        "fingerprint": "f",
    }


def test_nothing_read_is_a_summary_too():
    summary = summary_of([])
    assert summary["splits"]["train"] == {
        "classes": 0,
        "images": 0,
        "domains": 0,
        "smallest_class": None,
        "largest_class": None,
        **NOTHING_LEFT_OUT,
    }
    assert summary["sizes"] == {"min": None, "median": None, "max": None}


def test_all_images_that_were_read_are_counted():
    facts = [
        fact("test", "a/1", 1, "same"),
        fact("test", "a/1", 2, "same", format="GIF", flags=("animated",)),
        fact("test", "a/1", 3, "own"),
        fact("test", "b/1", 1, "two classes"),
        fact("test", "c/1", 1, "two classes", height=99),
        fact("test", "d/1", 1, "", reason="damaged"),
    ]
    summary = summary_of(facts, rejected=1)
    test = summary["splits"]["test"]
    assert (test["classes"], test["images"], test["domains"], test["smallest_class"]) == (3, 5, 3, ["b/1", 1])
    assert test["empty_classes"] == ["d/1"]
    assert test["duplicates"] == {"within_class": 1, "across_classes": 2}
    assert summary["duplicates"] == {"within_class": 1, "across_classes": 2, "across_splits": 0}
    assert summary["formats"] == {"GIF": 1, "PNG": 4} and summary["policy"]["animated"] == 1
    assert summary["sizes"]["max"] == [99, 20] and summary["rejected"] == 1


def test_two_images_with_one_source_id():
    twice = [fact("train", "a", 1, "d"), fact("train", "a", 1, "e")._replace(path="/other/1.png")]
    with pytest.raises(ValueError, match=r"share the source id 'a/1.png' \(/root/a/1.png and /other/1.png\)"):
        check_unique(twice)


BAD = [{"path": f"/root/{number}.png", "reason": "empty"} for number in range(6)]


@pytest.mark.parametrize(("bad", "total", "limit"), [(0, 0, 0.0), (0, 9, 0.0), (5, 100, 0.05), (6, 6, 1.0)])
def test_few_bad_files_pass(bad, total, limit):
    assert reject_message(BAD[:bad], total, limit, "report") is None


def test_many_bad_files_end_the_run_with_one_sentence():
    assert reject_message(BAD, 100, 0.05, "/runs/rejected.json") == (
        "6 of 100 files (6.0%) cannot be used, and max_reject_fraction = 0.05 allows 5.0% (/root/0.png: empty;"
        " /root/1.png: empty; /root/2.png: empty; ...): see /runs/rejected.json for all of them; repair or remove them, or"
        " raise max_reject_fraction"
    )
    assert "1 of 1 file (100.0%)" in reject_message(BAD[:1], 1, 0.0, "report")
