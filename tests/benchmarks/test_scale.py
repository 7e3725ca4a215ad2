"""The image sets that are measured: as many images as they say, all different, the same each time."""

import pytest

from benchmarks.scale import ROWS, Row, write_images


def written(root, row):
    write_images(root, row)
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*.png"))}


@pytest.mark.parametrize("row", [Row(10, 3), Row(10, 2, 30)])
def test_all_are_there_all_are_different_and_always_the_same(tmp_path, row):
    images = written(tmp_path / "one", row)
    assert len(images) == len(set(images.values())) == row.images
    assert images == written(tmp_path / "again", row)
    classes = {path.rsplit("/", 1)[0] for path in images}
    assert len(classes) == row.classes
    assert {name.split("/")[1] for name in classes} == {"train", "val", "test"}


def test_the_rows_are_what_their_names_say():
    assert {name: ROWS[name].images for name in ("1k", "10k", "100k", "1M")} == {
        "1k": 1_000, "10k": 10_000, "100k": 100_000, "1M": 1_000_000
    }  # fmt: skip
    assert ROWS["wide"].classes == 10_000 and ROWS["deep"].first == 100_000
