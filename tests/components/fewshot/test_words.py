import pytest

from components.fewshot.words import counted


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((1, "file"), "1 file"),
        ((0, "file"), "0 files"),
        ((1234, "class", "classes"), "1,234 classes"),
        ((1, "file is", "files are"), "1 file is"),
    ],
)
def test_counted(words, said):
    assert counted(*words) == said
