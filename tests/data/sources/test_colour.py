"""Whether images are in colour is told from their first bytes."""

import io

import numpy as np
import pytest
from PIL import Image

from data.sources.colour import are_grey, is_grey


def stored(mode: str, form: str, **how) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.full((8, 8, 3), 90, np.uint8)).convert(mode).save(buffer, form, **how)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("mode", "form", "grey"),
    [
        *(("L", form, True) for form in ("PNG", "JPEG")),
        *(("RGB", form, False) for form in ("PNG", "JPEG", "WEBP", "BMP", "GIF")),
        *((mode, "PNG", grey) for mode, grey in (("1", True), ("LA", True), ("P", False), ("RGBA", False))),
        ("CMYK", "JPEG", False),
    ],
)
def test_by_format_and_mode(mode, form, grey):
    assert is_grey(stored(mode, form)) is grey


def test_a_jpeg_with_segments_before_its_frame():
    assert is_grey(stored("L", "JPEG", comment=b"x" * 40_000, progressive=True))
    assert not is_grey(stored("RGB", "JPEG", comment=b"x" * 40_000, progressive=True))


@pytest.mark.parametrize("cut", [0, 3, 20, 26, 120])
def test_a_part_of_a_file_is_no_fault(cut):
    for mode, form in (("RGB", "JPEG"), ("RGB", "PNG")):
        assert not is_grey(stored(mode, form)[:cut])


def test_one_image_in_colour_is_enough(tmp_path):
    assert not are_grey([str(tmp_path)]) and not are_grey(["nowhere"])
    for name in ("a/b/one.png", "a/c/two.png"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(stored("L", "PNG"))
    (tmp_path / "a" / "readme.txt").write_text("no picture")
    assert are_grey([str(tmp_path)])
    (tmp_path / "a" / "c" / "three.jpg").write_bytes(stored("RGB", "JPEG"))
    assert not are_grey([str(tmp_path)])
