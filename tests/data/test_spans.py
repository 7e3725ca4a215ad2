"""Patterns of folders that arrive one after another: which fit, in what order, which are read, and what is refused."""

import pytest

from data.spans import came_in, check_pattern, is_pattern, labels_in, spans_of


def made(root, *names: str) -> str:
    for name in names:
        (root / name).mkdir(parents=True)
    return str(root)


def labels(pattern: str, which="all") -> list[str]:
    return [span.label for span in spans_of(pattern, which)]


def test_numbers_are_numbers_and_not_text(tmp_path):
    root = made(tmp_path, "span-2", "span-10", "span-1", "span-x", "other-3", "span-4 old")
    (tmp_path / "span-7").write_text("a file")
    assert labels(f"{root}/span-{{SPAN}}") == ["span-1", "span-2", "span-10"]
    assert labels(f"{root}/span-{{SPAN}}/", "newest") == ["span-10"]
    assert labels(f"{root}/span-{{SPAN}}", 2) == ["span-2", "span-10"]
    assert labels(f"{root}/span-{{SPAN}}", 9) == ["span-1", "span-2", "span-10"]


def test_days(tmp_path):
    root = made(tmp_path, "2026-02-01", "2026-01-31", "2025-12-31", "1970-01-02")
    spans = spans_of(f"{root}/{{YYYY}}-{{MM}}-{{DD}}", 3)
    assert [span.label for span in spans] == ["2025-12-31", "2026-01-31", "2026-02-01"]
    assert spans_of(f"{root}/{{YYYY}}-{{MM}}-{{DD}}")[0].number == 1


def test_days_over_several_folders(tmp_path):
    root = made(tmp_path, "2026/01/30", "2026/02/02", "2025/12/31", "2026/notes")
    assert labels(f"{root}/{{YYYY}}/{{MM}}/{{DD}}") == ["2025/12/31", "2026/01/30", "2026/02/02"]


def test_of_versions_the_newest(tmp_path):
    root = made(tmp_path, "span-1/v9", "span-1/v10", "span-2/v1")
    assert labels(f"{root}/span-{{SPAN}}/v{{VERSION}}") == ["span-1/v10", "span-2/v1"]


def test_beside_the_present_folder(tmp_path, monkeypatch):
    made(tmp_path, "span-1/oak")
    monkeypatch.chdir(tmp_path)
    assert [span.path for span in spans_of("span-{SPAN}")] == ["./span-1"]


def test_the_span_of_an_image_is_told_by_its_source_id():
    by_number = ["span-2/oak/1.png", "span-10/oak/1.png", "span-2/elm/span-3/2.png", "old/oak/1.png"]
    assert labels_in(by_number, ["photos", "photos/span-{SPAN}"]) == ["span-10", "span-2"]
    by_day = ["2026/01/30/oak/1.png", "2026/02/02/oak/1.png", "2026/02/oak/1.png"]
    assert labels_in(by_day, ["photos/{YYYY}/{MM}/{DD}"]) == ["2026/01/30", "2026/02/02"]
    assert labels_in([*by_number, *by_day], ["a/span-{SPAN}", "b/{YYYY}/{MM}/{DD}"]) == [
        *("2026/01/30", "2026/02/02", "span-10", "span-2")
    ]
    assert labels_in(by_number, ["photos"]) == []


def test_what_came_in_some_spans():
    known = came_in(["span-1", "2026/01/30"])
    images = ["span-1/oak/1.png", "span-10/oak/1.png", "2026/01/30/1.png", "2026/01/31/1.png", "oak/span-1/1.png"]
    assert [known(one) for one in images] == [True, False, True, False, False]
    assert not came_in([])("span-1/oak/1.png")


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [
        ("photos/{SPAN}/{SPAN}", "at most once"),
        ("photos/{SPAN}-{NUMBER}", "expected each of {SPAN}, {VERSION}, {YYYY}, {MM}, {DD}"),
        ("photos/{YYYY}-{MM}", "expected {SPAN}, or {YYYY}, {MM} and {DD} together"),
        ("photos/{SPAN}-{YYYY}-{MM}-{DD}", "expected {SPAN}, or"),
        ("photos/v{VERSION}", "expected {SPAN}, or"),
    ],
)
def test_what_is_no_pattern(pattern, sentence):
    assert is_pattern(pattern)
    with pytest.raises(ValueError) as error:
        check_pattern(pattern)
    assert sentence in str(error.value) and pattern in str(error.value)


def test_a_name_with_braces_is_no_pattern():
    assert not is_pattern("photos/{mine}/oak")


def test_nothing_fits(tmp_path):
    with pytest.raises(ValueError, match=r"no folder fits .*span-\{SPAN\}'.*expected such as .*span-1'"):
        spans_of(f"{tmp_path}/nothing/span-{{SPAN}}")


def test_a_day_that_there_is_not(tmp_path):
    root = made(tmp_path, "2026-02-31")
    with pytest.raises(ValueError, match=r"2026-02-31' is named by a day that there is not"):
        spans_of(f"{root}/{{YYYY}}-{{MM}}-{{DD}}")
