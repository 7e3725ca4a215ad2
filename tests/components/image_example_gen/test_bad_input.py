"""Every kind of file that a folder of images has been seen to hold: what becomes of it, and why."""

import io
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from components.fewshot.images.decode import ImageSpec, decode
from components.image_example_gen.ingest import Chunk, ingest, pixel_digest
from data.settings import ImageSetSettings
from data.sources.folders import ImageFile
from data.sources.records import CHANNELS, ENCODED, FORMAT, HEIGHT, SOURCE_ID, WIDTH

NOISE = np.random.default_rng(0).integers(
    0, 256, (40, 30, 4), np.uint8
)  # noise: half of a file is not half of an image
RGB = Image.fromarray(NOISE[..., :3])
RGBA = Image.fromarray(NOISE)
GREY = Image.fromarray(NOISE[..., 0])
SIXTEEN = Image.fromarray(NOISE[..., 0].astype(np.uint16) * 257)
PALETTE = RGB.quantize(16)
TWO_FRAMES = {"save_all": True, "append_images": [Image.fromarray(255 - NOISE[..., :3])]}
TURNED = Image.Exif()
TURNED[0x0112] = 6


def encoded(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def half(data):
    return data[: len(data) // 2]


def padded_bmp():
    """32 bits a pixel, the fourth byte unused and 0: TensorFlow takes it for transparency."""
    pixels = NOISE.copy()
    pixels[..., 3] = 0
    header = struct.pack("<IiiHHIIiiII", 40, 30, 40, 1, 32, 0, pixels.size, 2835, 2835, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + pixels.size, 0, 0, 54) + header + pixels.tobytes()


def claiming(image, at, form, *sides):
    """`image` with other sides written into its header."""
    field = struct.pack(form, *sides)
    return image[:at] + field + image[at + len(field) :]


def jpeg_size_at(data):
    return data.index(b"\xff\xc0") + 5  # start of frame, length, precision, height, width


def huge_png():
    """30,000 x 30,000 pixels by its header, with the checksum that belongs to it."""
    header = claiming(PNG, 16, ">II", 30_000, 30_000)
    return claiming(header, 29, ">I", zlib.crc32(header[12:29]))


PNG, JPEG, WEBP = (encoded(RGB, kind) for kind in ("PNG", "JPEG", "WEBP"))

# name of the file, content, (format, channels, flags)
READ = {
    "png": ("1.png", encoded(RGB, "PNG"), ("PNG", 3, ())),
    "jpeg": ("1.jpg", encoded(RGB, "JPEG"), ("JPEG", 3, ())),
    "gif": ("1.gif", encoded(RGB, "GIF"), ("GIF", 3, ())),
    "bmp": ("1.bmp", encoded(RGB, "BMP"), ("BMP", 3, ())),
    "grey bmp": ("1.bmp", encoded(GREY, "BMP"), ("BMP", 1, ())),
    "webp": ("1.webp", encoded(RGB, "WEBP"), ("WEBP", 3, ())),
    "grey": ("1.png", encoded(GREY, "PNG"), ("PNG", 1, ())),
    "one bit": ("1.png", encoded(GREY.convert("1"), "PNG"), ("PNG", 1, ())),
    "no extension": ("1", encoded(RGB, "PNG"), ("PNG", 3, ())),
    "cmyk": ("1.jpg", encoded(RGB.convert("CMYK"), "JPEG"), ("JPEG", 3, ("cmyk",))),
    "sixteen bit": ("1.png", encoded(SIXTEEN, "PNG"), ("PNG", 1, ("sixteen_bit",))),
    "palette": ("1.png", encoded(PALETTE, "PNG"), ("PNG", 3, ("palette",))),
    "clear palette": ("1.png", encoded(PALETTE, "PNG", transparency=0), ("PNG", 4, ("palette", "alpha"))),
    "alpha": ("1.png", encoded(RGBA, "PNG"), ("PNG", 4, ("alpha",))),
    "grey alpha": ("1.png", encoded(RGBA.convert("LA"), "PNG"), ("PNG", 2, ("alpha",))),
    "webp alpha": ("1.webp", encoded(RGBA, "WEBP", lossless=True), ("WEBP", 4, ("alpha",))),
    "animated gif": ("1.gif", encoded(RGB, "GIF", **TWO_FRAMES), ("GIF", 3, ("animated",))),
    "animated png": ("1.png", encoded(RGB, "PNG", **TWO_FRAMES), ("PNG", 3, ("animated",))),
    "exif rotated": ("1.jpg", encoded(RGB, "JPEG", exif=TURNED), ("JPEG", 3, ("exif_rotated",))),
    "two in a jpeg": ("1.jpg", encoded(RGB, "MPO", **TWO_FRAMES), ("JPEG", 3, ())),
    "wrong extension": ("1.png", encoded(RGB, "JPEG"), ("JPEG", 3, ("wrong_extension",))),
    "two pixels": ("1.png", encoded(Image.new("L", (2, 2)), "PNG"), ("PNG", 1, ())),
}
# name of the file, content, reason
SET_ASIDE = {
    "zero bytes": ("1.png", b"", "the file is empty"),
    "not an image": ("1.png", b"<html>404 not found</html>", "not an image, or its header is damaged"),
    "text": ("notes.txt", b"these are the good ones", "not an image"),
    "header only": ("1.png", encoded(RGB, "PNG")[:20], "not an image, or its header is damaged"),
    "truncated png": ("1.png", half(encoded(RGB, "PNG")), "damaged or truncated"),
    "truncated jpeg": ("1.jpg", half(encoded(RGB, "JPEG", quality=95)), "damaged or truncated"),
    "truncated gif": ("1.gif", half(encoded(RGB, "GIF")), "damaged GIF"),
    "truncated bmp": ("1.bmp", half(encoded(RGB, "BMP")), "damaged or truncated"),
    "truncated webp": ("1.webp", half(encoded(RGB, "WEBP")), "not an image, or its header is damaged"),
    "short webp": ("1.webp", encoded(RGB, "WEBP")[:25], "not an image, or its header is damaged"),
    "one pixel": ("1.png", encoded(Image.new("L", (1, 1)), "PNG"), "1 x 1 pixels: at least 2 x 2 are needed"),
    "one pixel wide": ("1.png", encoded(Image.new("L", (1, 9)), "PNG"), "9 x 1 pixels"),
    "huge png": ("1.png", huge_png(), "more than max_pixels = 64,000,000"),
    "large jpeg": (
        "1.jpg",
        claiming(JPEG, jpeg_size_at(JPEG), ">HH", 8_000, 9_000),
        "8,000 x 9,000 pixels are more than max_pixels",
    ),
    "large webp": ("1.webp", claiming(WEBP, 26, "<HH", 9_000, 8_000), "8,000 x 9,000 pixels are more than max_pixels"),
    "tiff": ("1.tif", encoded(RGB, "TIFF"), "TIFF is not read"),
    "palette bmp": ("1.bmp", encoded(PALETTE, "BMP"), "a 8-bit BMP of mode P is misread"),
    "one bit bmp": ("1.bmp", encoded(GREY.convert("1"), "BMP"), "a 1-bit BMP of mode 1 is misread"),
    "padded bmp": ("1.bmp", padded_bmp(), "a 32-bit BMP of mode RGB is misread"),
    "animated webp": ("1.webp", encoded(RGB, "WEBP", lossless=True, **TWO_FRAMES), "an animated WebP makes TensorFlow"),
}


def ingest_one(tmp_path, name, content):
    path = tmp_path / "oak" / name
    path.parent.mkdir()
    path.write_bytes(content)
    (tmp_path / "Split-train").mkdir()
    file = ImageFile("oak", f"oak/{name}", str(path), len(content), 0)
    settings = ImageSetSettings(train_dir="a", test_dir="b")
    (fact,) = ingest(Chunk(0, 1, "train", (file,)), settings, str(tmp_path))
    records = tf.io.gfile.glob(str(tmp_path / "Split-train" / "*"))
    return fact, [example for file in records for example in tf.data.TFRecordDataset(file, "GZIP").as_numpy_iterator()]


@pytest.mark.parametrize("kind", READ)
def test_read(tmp_path, kind):
    name, content, (form, channels, flags) = READ[kind]
    fact, examples = ingest_one(tmp_path, name, content)
    assert (fact.reason, fact.format, fact.flags) == ("", form, flags)
    feature = tf.train.Example.FromString(examples[0]).features.feature
    assert feature[ENCODED].bytes_list.value[0] == content
    assert feature[FORMAT].bytes_list.value[0] == form.encode()
    assert feature[SOURCE_ID].bytes_list.value[0] == f"oak/{name}".encode()
    assert feature[CHANNELS].int64_list.value[0] == channels
    sides = [feature[key].int64_list.value[0] for key in (HEIGHT, WIDTH)]
    assert sides == [fact.height, fact.width] == ([2, 2] if kind == "two pixels" else [40, 30])
    decoded = decode(tf.constant([content]), ImageSpec(height=8, width=6, channels=3))
    assert decoded.shape == (1, 8, 6, 3)


@pytest.mark.parametrize("kind", SET_ASIDE)
def test_set_aside(tmp_path, kind):
    name, content, reason = SET_ASIDE[kind]
    fact, examples = ingest_one(tmp_path, name, content)
    assert reason in fact.reason
    assert fact.path == str(tmp_path / "oak" / name)
    assert examples == []


@pytest.mark.parametrize("kind", ["png", "gif", "bmp", "palette", "animated gif", "animated png"])
def test_what_the_policy_promises_of_pixels(kind):
    """Against Pillow: the first frame, expanded to RGB."""
    _, content, _ = READ[kind]
    pixels = decode(tf.constant([content]), ImageSpec(height=40, width=30, channels=3))[0]
    np.testing.assert_array_equal(pixels, np.asarray(Image.open(io.BytesIO(content)).convert("RGB")))


def test_transparency_is_laid_over_white_and_orientation_is_not_applied():
    clear = Image.new("RGBA", (4, 4), (10, 20, 30, 0))
    pixels = decode(tf.constant([encoded(clear, "PNG")]), ImageSpec(height=4, width=4, channels=3))
    assert (pixels.numpy() == 255).all()
    turned, plain = (encoded(RGB, "JPEG", **options) for options in ({"exif": TURNED}, {}))
    spec = ImageSpec(height=40, width=30, channels=3)
    np.testing.assert_array_equal(*(decode(tf.constant([one]), spec) for one in (turned, plain)))


def test_a_file_that_cannot_be_opened(tmp_path):
    (tmp_path / "Split-train").mkdir()
    missing = ImageFile("oak", "oak/1.png", str(tmp_path / "nowhere.png"), 10, 0)
    enormous = ImageFile("oak", "oak/2.png", str(tmp_path / "enormous.png"), 2**40, 0)
    settings = ImageSetSettings(train_dir="a", test_dir="b")
    facts = ingest(Chunk(0, 1, "train", (missing, enormous)), settings, str(tmp_path))
    assert facts[0].reason == "cannot be read (No such file or directory)"
    assert facts[1].reason == "the file has 1,099,511,627,776 bytes; at most 268,435,456 are allowed"


def test_the_digest_is_of_what_is_seen():
    grey = NOISE[..., :1]
    opaque = np.concatenate([grey, np.full_like(grey, 255)], axis=-1)
    rgb = np.repeat(grey, 3, axis=-1)
    assert pixel_digest(grey) == pixel_digest(opaque) == pixel_digest(rgb)
    assert pixel_digest(grey) != pixel_digest(NOISE[..., :3])
    assert pixel_digest(grey) != pixel_digest(grey.reshape(30, 40, 1))
    assert pixel_digest(NOISE) != pixel_digest(NOISE[..., :3])
