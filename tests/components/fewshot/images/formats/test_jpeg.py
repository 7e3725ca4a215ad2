"""JPEG: equal to what viewers show, to the last bit, and what of its kinds is refused."""

import numpy as np
import pytest

from components.fewshot.images.seen import see
from tests.encoded import by_pillow, saved, segment, with_segments

PICTURE = np.random.default_rng(0).integers(0, 256, (33, 47, 3), np.uint8)
JPEG = saved(PICTURE, "JPEG", quality=80)
FRAME = JPEG.index(b"\xff\xc0")


def look(data: bytes):
    (seen,) = see([data], lambda _, seen: seen)
    return seen


READ = {
    "ordinary": JPEG,
    "full colours": saved(PICTURE, "JPEG", quality=95, subsampling=0),
    "progressive": saved(PICTURE, "JPEG", progressive=True),
    "grey": saved(PICTURE[..., 0], "JPEG"),
    "restarts": saved(PICTURE, "JPEG", restart_marker_blocks=3),
    "zeros behind": JPEG + bytes(500),
    "a segment too short": with_segments(JPEG, segment(b"Exif\0\0" + bytes(30), length=12)),
    "fill bytes": with_segments(JPEG, b"\xff\xff\xff" + segment(b"x", marker=0xFE)),
}


@pytest.mark.parametrize("data", READ.values(), ids=READ)
def test_as_pillow_shows_it(data):
    seen = look(data)
    assert (seen.reason, seen.format, seen.flags) == ("", "JPEG", ())
    np.testing.assert_array_equal(np.broadcast_to(seen.pixels, PICTURE.shape), by_pillow(data))


def test_refused():
    twelve = JPEG[: FRAME + 4] + b"\x0c" + JPEG[FRAME + 5 :]
    assert "a JPEG of an unusual kind (12 bits a sample) is not read" in look(twelve).reason
    arithmetic = JPEG[:FRAME] + b"\xff\xc9" + JPEG[FRAME + 2 :]
    assert "lossless or with arithmetic codes" in look(arithmetic).reason
    large = JPEG[: FRAME + 5] + b"\xff\xff\xff\xfe" + JPEG[FRAME + 9 :]
    assert look(large).reason == "65,535 x 65,534 pixels are more than max_pixels = 64,000,000"
    for end in (3, 20, FRAME + 3):
        assert "a part of this JPEG is missing" in look(JPEG[:end]).reason
    assert look(JPEG[: len(JPEG) // 2]).reason == "damaged or truncated: its pixels cannot be decoded"
    assert "a part of this JPEG is missing" in look(b"\xff\xd8\xff\xe0\0\0" + JPEG[2:]).reason  # a segment of length 0
