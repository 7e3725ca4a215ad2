"""The one decoding policy, on every kind of image it names."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from components.fewshot.images.decode import ImageSpec, decode

RED = np.full((6, 4, 3), (255, 0, 0), np.uint8)


def encode(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def one(encoded: bytes, **spec) -> np.ndarray:
    return decode(tf.constant([encoded]), ImageSpec(**{"height": 6, "width": 4, "channels": 3} | spec)).numpy()[0]


def test_worked_by_hand():
    assert (one(encode(Image.fromarray(RED))) == RED).all()
    assert (one(encode(Image.fromarray(RED)), channels=1) == 76).all()  # 0.299 * 255 = 76.2
    assert (one(encode(Image.fromarray(RED)), channels=1, invert=True) == 255 - 76).all()
    grey = np.full((6, 4), 100, np.uint8)
    assert (one(encode(Image.fromarray(grey))) == 100).all() and (
        one(encode(Image.fromarray(grey)), channels=1) == 100
    ).all()
    half = np.concatenate([RED, np.full((6, 4, 1), 51, np.uint8)], -1)  # a fifth of the ink
    assert (one(encode(Image.fromarray(half))) == (255, 204, 204)).all()


@pytest.mark.parametrize(
    ("encoded", "expected", "tolerance"),
    [
        (encode(Image.fromarray(RED), "JPEG", quality=95), (255, 0, 0), 3),
        (encode(Image.fromarray(RED).convert("CMYK"), "JPEG", quality=95), (255, 0, 0), 3),
        (encode(Image.fromarray(RED).convert("P")), (255, 0, 0), 0),
        (encode(Image.fromarray(RED), "BMP"), (255, 0, 0), 0),
        (encode(Image.fromarray(RED), "WEBP", lossless=True), (255, 0, 0), 0),
        (
            encode(Image.fromarray(RED), "GIF", save_all=True, append_images=[Image.fromarray(255 - RED)]),
            (255, 0, 0),
            0,
        ),
        (encode(Image.fromarray(np.full((6, 4), 100 * 257, np.uint16))), (100, 100, 100), 0),
        (encode(Image.fromarray(np.ones((6, 4), bool))), (255, 255, 255), 0),
        (encode(Image.fromarray(RED[..., 0]).convert("LA")), (255, 255, 255), 0),
        (encode(Image.new("RGBA", (4, 6), (0, 0, 0, 0))), (255, 255, 255), 0),
    ],
    ids=["jpeg", "cmyk", "palette", "bmp", "webp", "animated gif", "16 bit", "1 bit", "grey and alpha", "transparent"],
)
def test_every_kind(encoded, expected, tolerance):
    pixels = one(encoded)
    assert pixels.dtype == np.uint8 and pixels.shape == (6, 4, 3)
    assert np.abs(pixels.astype(int) - expected).max() <= tolerance
    assert one(encoded, channels=1).shape == (6, 4, 1)


def test_exif_orientation_is_applied():
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn me by 90 degrees"
    left_black = np.zeros((4, 6), np.uint8)
    left_black[:, 3:] = 255
    encoded = encode(Image.fromarray(left_black), "JPEG", exif=exif, quality=95)
    pixels = one(encoded, channels=1)[..., 0]  # left is up
    assert pixels[0].max() < 30 and pixels[-1].min() > 225


def test_resize_is_antialiased():
    stripes = np.tile([[0, 255]], (32, 16)).astype(np.uint8)
    pixels = one(encode(Image.fromarray(stripes)), height=8, width=8, channels=1)
    assert np.abs(pixels.astype(int) - 127).max() < 20  # without antialiasing: black or white


def test_alone_and_in_a_batch():
    rng = np.random.default_rng(0)
    images = [encode(Image.fromarray(rng.integers(0, 255, (9 + i, 7, 3), np.uint8))) for i in range(5)]
    spec = ImageSpec(channels=1)
    batch = decode(tf.constant(images), spec).numpy()
    np.testing.assert_array_equal(batch, [decode(tf.constant([image]), spec).numpy()[0] for image in images])
    assert decode(tf.constant([], tf.string), spec).shape == (0, 28, 28, 1)


MOVING = encode(Image.fromarray(RED), "WEBP", save_all=True, append_images=[Image.fromarray(255 - RED)])
BROKEN = {"empty": b"", "text": b"no image", "truncated": encode(Image.fromarray(RED))[:40], "animated webp": MOVING}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_what_is_no_image(broken):
    with pytest.raises(tf.errors.InvalidArgumentError, match="image 0: "):
        one(broken)


def test_a_request_of_too_many_images():
    with pytest.raises(tf.errors.InvalidArgumentError, match="a request may hold at most 10000 images"):
        decode(tf.constant([b""] * 10_001), ImageSpec())


def test_a_limit_of_its_own():
    encoded = tf.constant([encode(Image.fromarray(RED))])
    assert decode(encoded, ImageSpec(), max_pixels=24).shape == (1, 28, 28, 1)
    with pytest.raises(tf.errors.InvalidArgumentError, match="6 x 4 pixels are more than max_pixels = 23"):
        decode(encoded, ImageSpec(), max_pixels=23)


def test_channels():
    with pytest.raises(ValueError, match="expected 1 .grey. or 3 .RGB., got 2"):
        ImageSpec(channels=2)
