"""Which BMPs are read, against Pillow, and which are refused because TensorFlow misreads them."""

import numpy as np
import pytest

from components.fewshot.images.seen import see
from tests.encoded import bmp, by_pillow

PICTURE = np.random.default_rng(0).integers(0, 256, (5, 7, 4), np.uint8)
BLUE_FIRST = PICTURE[::-1, :, [2, 1, 0, 3]]
ROWS_24 = b"".join(row.tobytes().ljust(24, b"\0") for row in BLUE_FIRST[..., :3])
ROWS_8 = b"".join(row.tobytes().ljust(8, b"\0") for row in PICTURE[::-1, :, 0])
ROWS_32 = BLUE_FIRST.tobytes()
RAMP = b"".join(bytes([grey, grey, grey, 0]) for grey in range(256))
MASKS = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)

READ = {
    "24 bits": bmp(ROWS_24, 7, 5, 24),
    "24 bits, top down": bmp(ROWS_24, 7, -5, 24),
    "24 bits, a later header": bmp(ROWS_24, 7, 5, 24, header=124),
    "24 bits, more behind": bmp(ROWS_24, 7, 5, 24) + b"a colour profile",
    "grey": bmp(ROWS_8, 7, 5, 8, RAMP),
    "32 bits, the fourth unused": bmp(ROWS_32, 7, 5, 32),
    "32 bits, alpha": bmp(ROWS_32, 7, 5, 32, masks=MASKS, header=56, compression=3),
    "32 bits, masks without alpha": bmp(ROWS_32, 7, 5, 32, masks=(*MASKS[:3], 0), header=56, compression=3),
}
REFUSED = {
    "a palette": (bmp(ROWS_8, 7, 5, 8, RAMP[::-1]), "a BMP of bit depth 8"),
    "a ramp but for one": (bmp(ROWS_8, 7, 5, 8, RAMP[:-4] + b"\0\0\0\0"), "a BMP of bit depth 8"),
    "runs": (bmp(ROWS_8, 7, 5, 8, RAMP, compression=1), "a BMP of bit depth 8"),
    "one bit": (bmp(b"\0" * 20, 7, 5, 1, RAMP[:8]), "a BMP of bit depth 1"),
    "16 bits": (bmp(b"\0" * 80, 7, 5, 16), "a BMP of bit depth 16"),
    "red last": (
        bmp(ROWS_32, 7, 5, 32, masks=MASKS[2::-1] + MASKS[3:], header=56, compression=3),
        "a BMP of bit depth 32",
    ),
    "OS/2": (b"BM" + b"\x4a\0\0\0\0\0\0\0\x1a\0\0\0\x0c\0\0\0\x07\0\x05\0\1\0\x18\0" + ROWS_24, "an OS/2 BMP"),
    "cut": (bmp(ROWS_24, 7, 5, 24)[:-1], "a part of this BMP is missing"),
    "cut in the header": (bmp(ROWS_24, 7, 5, 24)[:29], "a part of this BMP is missing"),
    "too large": (bmp(b"", 20_000, -20_000, 24), "20,000 x 20,000 pixels are more than max_pixels"),
}


@pytest.mark.parametrize("data", READ.values(), ids=READ)
def test_as_pillow_shows_it(data):
    (seen,) = see([data], lambda _, seen: seen)
    assert (seen.reason, seen.format) == ("", "BMP")
    shown = np.broadcast_to(seen.pixels, (5, 7, 3)).astype(int)
    assert np.abs(shown - by_pillow(data)).max() <= 1  # a half is rounded to the even side


@pytest.mark.parametrize(("data", "reason"), REFUSED.values(), ids=REFUSED)
def test_refused(data, reason):
    (seen,) = see([data], lambda _, seen: seen)
    assert reason in seen.reason
