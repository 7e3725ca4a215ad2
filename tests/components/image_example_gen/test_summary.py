import pytest

from components.image_example_gen.ingest import Fact
from components.image_example_gen.summary import find_leaks, reject_message, summarise


def fact(split, class_name, number, digest, **more):
    source = f"{class_name}/{number}.png"
    values = {"format": "PNG", "height": 10, "width": 20, "digest": digest, **more}
    return Fact(split, class_name, source, f"/root/{source}", **values)


FACTS = [
    fact("train", "Latin/a", 1, "d1"),
    fact("train", "Latin/a", 2, "d2", height=30, flags=("palette", "alpha")),
    fact("train", "Greek/b", 1, "d3", format="GIF", flags=("animated",)),
    fact("train", "Greek/b", 2, "", reason="damaged"),
    fact("val", "Greek/c", 1, "d2"),
    fact("test", "Lao/d", 1, "d2", height=2, width=3, flags=("alpha",)),
    fact("test", "Lao/d", 2, "d9"),
]


def test_a_summary_worked_out_by_hand():
    assert summarise(FACTS, rejected=4, fingerprint="f") == {
        "splits": {
            "train": {
                "classes": 2,
                "images": 3,
                "domains": 2,
                "smallest_class": ["Greek/b", 1],
                "largest_class": ["Latin/a", 2],
            },
            "val": {
                "classes": 1,
                "images": 1,
                "domains": 1,
                "smallest_class": ["Greek/c", 1],
                "largest_class": ["Greek/c", 1],
            },
            "test": {
                "classes": 1,
                "images": 2,
                "domains": 1,
                "smallest_class": ["Lao/d", 2],
                "largest_class": ["Lao/d", 2],
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
        },
        "sizes": {"min": [2, 3], "median": [10, 20], "max": [30, 20]},
        "rejected": 4,
        "leaks": [
            ["Greek/c/1.png", "Lao/d/1.png"],
            ["Latin/a/2.png", "Greek/c/1.png"],
            ["Latin/a/2.png", "Lao/d/1.png"],
        ],
        "leak_count": 3,
        "fingerprint": "f",
    }


def test_nothing_read_is_a_summary_too():
    summary = summarise([], rejected=0, fingerprint="")
    assert summary["splits"]["train"] == {
        "classes": 0,
        "images": 0,
        "domains": 0,
        "smallest_class": None,
        "largest_class": None,
    }
    assert summary["sizes"] == {"min": None, "median": None, "max": None}


def test_the_same_image_twice_on_one_side_is_no_leak():
    assert find_leaks([fact("train", "a", 1, "d"), fact("train", "b", 1, "d"), fact("test", "c", 1, "e")]) == []


def test_two_images_with_one_source_id():
    twice = [fact("train", "a", 1, "d"), fact("train", "a", 1, "e")._replace(path="/other/1.png")]
    with pytest.raises(ValueError, match=r"share the source id 'a/1.png' \(/root/a/1.png and /other/1.png\)"):
        summarise(twice, 0, "")


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
    assert "1 of 1 files (100.0%)" in reject_message(BAD[:1], 1, 0.0, "report")
