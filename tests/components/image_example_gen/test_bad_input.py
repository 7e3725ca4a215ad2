"""Every kind of file that a folder of images has been seen to hold: what becomes of it, and why."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from components.fewshot.images.decode import decode, refusal
from components.fewshot.images.seen import see
from components.fewshot.settings.image import ImageSpec
from components.image_example_gen.ingest import Chunk, facts_of, ingest, pixel_digest
from data.keys import CHANNELS, ENCODED, FORMAT, HEIGHT, SOURCE_ID, WIDTH
from data.settings import ImageSetSettings
from data.sources.folders import ImageFile
from data.sources.magic import HEAD, picture_kind
from tests.encoded import app1, bmp, by_pillow, exif, gif, png, saved, with_segments

NOISE = np.random.default_rng(0).integers(
    0, 256, (40, 30, 4), np.uint8
)  # noise: half of a file is not half of an image
RGB = NOISE[..., :3]
GREY = NOISE[..., 0]
SIXTEEN = GREY.astype(np.uint16) * 257
PALETTE = Image.fromarray(RGB).quantize(16)
TWO_FRAMES = {"save_all": True, "append_images": [Image.fromarray(255 - RGB)]}
TURNED = Image.Exif()
TURNED[0x0112] = 6
JPEG = saved(RGB, "JPEG")
DATA = JPEG.index(b"\xff\xda") + 14  # of the only scan


def converted(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def half(data: bytes) -> bytes:
    return data[: len(data) // 2]


# name of the file, content, (format, channels, flags)
READ = {
    "png": ("1.png", saved(RGB, "PNG"), ("PNG", 3, ())),
    "jpeg": ("1.jpg", JPEG, ("JPEG", 3, ())),
    "gif": ("1.gif", saved(RGB, "GIF"), ("GIF", 3, ())),
    "bmp": ("1.bmp", saved(RGB, "BMP"), ("BMP", 3, ())),
    "grey bmp": ("1.bmp", saved(GREY, "BMP"), ("BMP", 1, ())),
    "webp": ("1.webp", saved(RGB, "WEBP"), ("WEBP", 3, ())),
    "grey": ("1.png", saved(GREY, "PNG"), ("PNG", 1, ())),
    "one bit": ("1.png", converted(Image.fromarray(GREY).convert("1"), "PNG"), ("PNG", 1, ())),
    "no extension": ("1", saved(RGB, "PNG"), ("PNG", 3, ())),
    "cmyk": ("1.jpg", converted(Image.fromarray(RGB).convert("CMYK"), "JPEG"), ("JPEG", 3, ("cmyk",))),
    "sixteen bit": ("1.png", saved(SIXTEEN, "PNG"), ("PNG", 1, ("sixteen_bit",))),
    "palette": ("1.png", converted(PALETTE, "PNG"), ("PNG", 3, ("palette",))),
    "clear palette": ("1.png", converted(PALETTE, "PNG", transparency=0), ("PNG", 3, ("palette", "alpha"))),
    "alpha": ("1.png", saved(NOISE, "PNG"), ("PNG", 3, ("alpha",))),
    "grey alpha": ("1.png", converted(Image.fromarray(NOISE).convert("LA"), "PNG"), ("PNG", 1, ("alpha",))),
    "clear gif": ("1.gif", converted(PALETTE, "GIF", transparency=0), ("GIF", 3, ("alpha",))),
    "webp alpha": ("1.webp", saved(NOISE, "WEBP", lossless=True), ("WEBP", 3, ("alpha",))),
    "animated gif": ("1.gif", saved(RGB, "GIF", **TWO_FRAMES), ("GIF", 3, ("animated",))),
    "animated png": ("1.png", saved(RGB, "PNG", **TWO_FRAMES), ("PNG", 3, ("animated",))),
    "mirrored": ("1.png", png(RGB, 2, before=[(b"eXIf", exif(2))]), ("PNG", 3, ("exif_rotated",))),
    "two in a jpeg": ("1.jpg", saved(RGB, "MPO", **TWO_FRAMES), ("JPEG", 3, ())),
    "wrong extension": ("1.png", JPEG, ("JPEG", 3, ("wrong_extension",))),
    "padded bmp": ("1.bmp", bmp(NOISE.tobytes(), 30, 40, 32), ("BMP", 3, ())),
    "two pixels": ("1.png", saved(np.zeros((2, 2), np.uint8), "PNG"), ("PNG", 1, ())),
    "hole in a jpeg": ("1.jpg", JPEG[:DATA] + bytes(90) + JPEG[DATA + 90 :], ("JPEG", 3, ("damaged",))),
    "jpeg that stops": ("1.jpg", half(JPEG) + b"\xff\xd9", ("JPEG", 3, ("damaged",))),
    "short segment": ("1.jpg", with_segments(JPEG, app1(exif(1) + bytes(30), length=12)), ("JPEG", 3, ())),
}
# name of the file, content, reason
SET_ASIDE = {
    "zero bytes": ("1.png", b"", "the file is empty"),
    "not an image": ("1.png", b"\x93NUMPY\1\0", "not an image, or its header is damaged"),
    "text": ("notes.txt", b"these are the good ones", "a text file, not an image"),
    "header only": ("1.png", saved(RGB, "PNG")[:20], "damaged or truncated: a part of this PNG is missing"),
    "truncated png": ("1.png", half(saved(RGB, "PNG")), "damaged or truncated: a part of this PNG is missing"),
    "damaged png": ("1.png", saved(RGB, "PNG").replace(b"IDAT", b"IDAT\xff", 1), "damaged or truncated"),
    "truncated jpeg": ("1.jpg", half(JPEG), "damaged or truncated: its pixels cannot be decoded"),
    "truncated gif": ("1.gif", half(saved(RGB, "GIF")), "damaged or truncated: a part of this GIF is missing"),
    "truncated bmp": ("1.bmp", half(saved(RGB, "BMP")), "damaged or truncated: a part of this BMP is missing"),
    "truncated webp": ("1.webp", half(saved(RGB, "WEBP")), "damaged or truncated: a part of this WebP is missing"),
    "one pixel": ("1.png", saved(np.zeros((1, 1), np.uint8), "PNG"), "1 x 1 pixels: at least 2 x 2 are needed"),
    "one pixel wide": ("1.png", saved(np.zeros((9, 1), np.uint8), "PNG"), "9 x 1 pixels"),
    "huge gif": ("1.gif", gif(GREY % 8, RGB[0, :8], canvas=(60_000, 60_000)), "more than max_pixels = 64,000,000"),
    "heic": ("1.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC is not read"),
    "tiff": ("1.tif", saved(RGB, "TIFF"), "TIFF is not read"),
    "palette bmp": ("1.bmp", converted(PALETTE, "BMP"), "a BMP of bit depth 8"),
    "dark": ("1.png", saved(GREY.astype(np.uint16), "PNG"), "would be read as black"),
    "animated webp": ("1.webp", saved(RGB, "WEBP", lossless=True, **TWO_FRAMES), "an animated WebP is not read"),
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


@pytest.mark.parametrize("kind", READ)
def test_training_and_serving_see_what_a_viewer_shows(kind):
    """Against Pillow, over white, with EXIF applied; a half may be rounded to either side."""
    _, content, _ = READ[kind]
    expected = by_pillow(content) if kind != "sixteen bit" else np.repeat(GREY[..., None], 3, -1)  # Pillow clips it
    pixels = decode(tf.constant([content]), ImageSpec(height=expected.shape[0], width=expected.shape[1], channels=3))[0]
    assert np.abs(pixels.numpy().astype(int) - expected).max() <= 1


@pytest.mark.parametrize("kind", SET_ASIDE)
def test_the_served_model_refuses_with_the_same_sentence(tmp_path, kind):
    name, content, _ = SET_ASIDE[kind]
    fact, _ = ingest_one(tmp_path, name, content)
    with pytest.raises(tf.errors.InvalidArgumentError) as raised:
        decode(tf.constant([saved(RGB, "PNG"), content]), ImageSpec())
    assert refusal(raised.value).removeprefix("image 1: ") == fact.reason


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
    assert pixel_digest(grey) == pixel_digest(np.repeat(grey, 3, axis=-1))
    assert pixel_digest(grey) != pixel_digest(RGB)
    assert pixel_digest(grey) != pixel_digest(grey.reshape(30, 40, 1))


def test_copies_that_are_stored_differently_are_one_picture(tmp_path):
    stored = [saved(RGB, "PNG"), saved(RGB, "BMP"), saved(RGB, "WEBP", lossless=True)]
    stored += [png(np.rot90(RGB), 2, before=[(b"eXIf", exif(6))])]  # turned on the disk, and told so
    stored += [saved(np.concatenate([RGB, np.full_like(RGB[..., :1], 255)], -1), "PNG")]
    files = []
    for number, content in enumerate(stored):
        path = tmp_path / str(number)
        path.write_bytes(content)
        files.append(ImageFile("oak", f"oak/{number}", str(path), len(content), 0))
    facts = facts_of(files, 64_000_000)
    assert [fact.reason for fact in facts] == [""] * 5 and len({fact.digest for fact in facts}) == 1
    assert {(fact.height, fact.width) for fact in facts} == {(40, 30)}  # as it is seen


BOX = b"\0\0\0\x1cftyp"
FOREIGN = [
    *(BOX + brand + b"\0\0\0\0" + brand + b"mif1" for brand in (b"heic", b"hevm", b"avif", b"avis", b"mif1")),
    BOX + b"mif1\0\0\0\0mif1avif",
    BOX + b"crx \0\0\0\1crx isom",
    *(saved(RGB, kind) for kind in ("TIFF", "PPM")),
    *(b"\xff\x0a\xfa\x1f", b"\xff\x4f\xff\x51", b"8BPS\0\1", b"v/1\1", b"qoif\0"),
]


@pytest.mark.parametrize("content", FOREIGN, ids=lambda content: repr(content[:12]))
def test_what_makes_a_folder_a_class_is_named_when_it_is_refused(content):
    """Listing and reading know formats by tables of their own, because listing must not load TensorFlow."""
    content = content.ljust(64, b"\0")
    (fact,) = see([content], lambda _, seen: seen)
    assert fact.reason == f"{picture_kind(content[:HEAD])} is not read (PNG, JPEG, GIF, BMP and WebP are): convert it"
