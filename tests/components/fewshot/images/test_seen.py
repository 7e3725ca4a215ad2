"""Files as a viewer shows them: real ones, generated ones, and broken ones, which never raise."""

from pathlib import Path

import matplotlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.fewshot.images.seen import BATCH, see
from tests.encoded import by_pillow, saved

REAL = sorted((Path(matplotlib.__file__).parent / "mpl-data").rglob("*.[pj][np]g"))
KINDS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")
WHOLE = {kind: saved(np.random.default_rng(0).integers(0, 256, (12, 9, 3), np.uint8), kind) for kind in KINDS}


def test_real_files():
    assert len(REAL) > 20
    contents = [path.read_bytes() for path in REAL]
    for content, (reason, difference) in zip(
        contents,
        see(contents, lambda number, seen: (seen.reason, difference_to(seen.pixels, contents[number]))),
        strict=True,
    ):
        assert reason == "" and difference <= 1, content[:20]


def difference_to(pixels: np.ndarray, content: bytes) -> int:
    return int(np.abs(pixels.astype(int) - by_pillow(content)).max())


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), value=st.integers(0, 255), end=st.floats(0.2, 1.5))
def test_broken_files_are_refused_or_shown(kind, place, value, end):
    whole = WHOLE[kind]
    broken = bytearray(whole)
    broken[int(place * len(whole))] = value
    (seen,) = see([bytes(broken[: int(end * len(whole))])], lambda _, seen: seen, max_pixels=10_000)
    assert bool(seen.reason) == (seen.pixels.size == 0)
    assert seen.pixels.dtype == np.uint8 and seen.pixels.shape[-1] in (1, 3)


def test_the_order_is_kept():
    contents = [saved(np.full((2, 2), number, np.uint8), "PNG") if number % 3 else b"" for number in range(BATCH + 9)]
    made = see(contents, lambda number, seen: (number, seen.reason, seen.pixels.ravel()[:1].tolist()))
    empty = "the file is empty (0 bytes)"
    assert made == [(n, "", [n]) if n % 3 else (n, empty, []) for n in range(BATCH + 9)]
    assert see([], lambda number, seen: seen) == []
