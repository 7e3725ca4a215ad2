"""The drawings of docs/architecture.md show the code as it is."""

import pytest

from pipeline.drawing import PAGE, ROOT, drawn, room_imports, without_implied


def test_the_page_is_up_to_date():
    page = PAGE.read_text(encoding="utf-8")
    assert drawn(page) == page, "the code has changed since the page was drawn; run `make drawing`"


def test_a_page_without_markers():
    with pytest.raises(ValueError, match="expected a line '<!-- rooms, drawn by `make drawing` -->'"):
        drawn("# Architecture\n")


def test_rooms_and_imports_are_read_from_the_code():
    edges = room_imports(ROOT)
    assert {"pipeline/commands", "components/fewshot/learners", "data/glyphs"} <= edges.keys()
    assert "data/settings.py" in edges["data/sources"]
    assert "components/fewshot/serving" in edges["pipeline/graph.py, config.py ..."]
    assert all(others <= edges.keys() for others in edges.values())


def test_an_import_anywhere_in_a_file_counts(tmp_path):
    for name, text in {
        "pipeline/terminal/a.py": "def f():\n    from data.glyphs import draw\n",
        "pipeline/history/b.py": "import components.fewshot.model\n",
        "components/fewshot/model.py": "from components.fewshot import tensors\n",
        "components/fewshot/tensors.py": "",
        "components/fewshot/__init__.py": "",
        "data/glyphs/__init__.py": "",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert room_imports(tmp_path) == {
        "pipeline/terminal": {"data/glyphs"},
        "pipeline/history": {"components/fewshot/model.py"},
        "components/fewshot/model.py": {"components/fewshot/tensors.py"},
        "components/fewshot/tensors.py": set(),
        "data/glyphs": set(),
    }


def test_arrows_that_follow_from_others_are_left_out():
    assert without_implied({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == {"a": {"b"}, "b": {"c"}, "c": set()}


def test_rooms_import_one_another_in_no_circle():
    """With one, what follows from what would depend on where the search begins."""
    edges = room_imports(ROOT)

    def beyond(room: str, passed: frozenset[str] = frozenset()) -> set[str]:
        return set().union(*({one} | beyond(one, passed | {one}) for one in edges[room] - passed))

    assert [room for room in edges if room in beyond(room)] == []
