import pytest

from data.sources.litter import litter

NAMES = [
    "@eaDir", ".thumbnails", "__MACOSX", ".ipynb_checkpoints", "lost+found", "Thumbs.db", "THUMBS.DB", "desktop.ini",
    "Desktop.ini", "#recycle", "$RECYCLE.BIN", "$Recycle.Bin", "System Volume Information",
    ".DS_Store", ".git", ".Trash-1000", "Icon\r",
    ".@__thumb", "FOUND.003", "ehthumbs_vista.db", "@Recycle", ".hidden.png",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_litter_is_told_by_its_name(name):
    assert litter(name) == name or (name.startswith("FOUND") and litter(name))


@pytest.mark.parametrize(
    ("name", "told"), [("._1.png", "._*"), ("Thumbs.db:encryptable", "Thumbs.db:*"), ("~$list.docx", "~$*")]
)
def test_what_comes_many_times_is_told_by_its_pattern(name, told):
    assert litter(name) == told


@pytest.mark.parametrize(
    "name",
    [
        "oak",
        "Thumbs",
        "thumbs.db.png",
        "eaDir",
        "1.png~",
        "#1.png",
        "$HOME.png",
        "lost and found",
        "_1.png",
        "icon",
        "found.png",
        "Recycled",
    ],
)
def test_what_is_none(name):
    assert litter(name) is None
