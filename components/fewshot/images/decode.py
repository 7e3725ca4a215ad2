"""Encoded images to pixels, as one TensorFlow graph: the same in the transform, in training and at serving time.

The policy, for every image and on every path: PNG, JPEG, GIF (first frame), BMP and WebP are read as a viewer shows them over
white, with EXIF orientation applied; 16-bit samples are cut to 8; a palette is expanded; CMYK becomes RGB. How it is
then brought to the wanted size and colours, says `fit`; what is refused, and why, `gate`.
"""

import re
from collections.abc import Callable
from functools import cache, partial

import tensorflow as tf

from components.fewshot.images.fit import fitted
from components.fewshot.images.formats.header import Header
from components.fewshot.images.gate import FORMATS, MAX_PIXELS, examine
from components.fewshot.settings.image import ImageSpec

DARK = 4095  # the samples of a 16-bit PNG that are all below hold 12 bits or fewer, and would be read as black
MAX_IMAGES = 10_000  # of a request

Reader = Callable[[tf.Tensor, Header], tf.Tensor]

UNDECODABLE = "damaged or truncated: its pixels cannot be decoded"

# The message of an assertion in a graph, or of one without a graph.
_ASSERTED = re.compile(r"(?:assertion failed: \[|Summarized data: b['\"])(.*?)['\"]?\]?(?:\n| \[Op|$)")


def decode(encoded: tf.Tensor, spec: ImageSpec, max_pixels: int = MAX_PIXELS) -> tf.Tensor:
    """Encoded images (string [B]) to uint8 [B, H, W, C]; an image gives the same pixels alone and in a batch.

    Raises:
      tf.errors.InvalidArgumentError: an image is refused by the gate, and the message holds "image <number>: <reason>"; or its
        pixels cannot be decoded.
    """
    return _decoder(spec, max_pixels)(encoded)


@cache
def _decoder(spec: ImageSpec, max_pixels: int) -> Callable[[tf.Tensor], tf.Tensor]:
    """The graph of `decode` as one function, so that the signatures of a SavedModel, which all call it, hold it once."""

    def decode_all(encoded: tf.Tensor) -> tf.Tensor:
        with tf.control_dependencies([_not_too_many(encoded)]):
            kind, header = examine(tf.identity(encoded), max_pixels)
        with tf.control_dependencies([_none_refused(header.reason)]):
            number = reader_of(kind, header)
        rows = tf.dynamic_partition(tf.range(tf.size(number)), tf.cast(number, tf.int32), len(READERS))
        given = kind, header.content, header.packed()
        pixels = [_read_all(reader, given, mine, spec) for reader, mine in zip(READERS, rows, strict=True)]
        return tf.ensure_shape(tf.dynamic_stitch(rows, pixels), [None, *spec.shape])

    return tf.function(
        decode_all,
        autograph=False,
        input_signature=[tf.TensorSpec([None], tf.string)],
        experimental_attributes={"_noinline": True},  # it is large, and optimised once instead of with each caller
    )


def _read_all(reader: Reader, given: tuple[tf.Tensor, ...], rows: tf.Tensor, spec: ImageSpec) -> tf.Tensor:
    """The images in `rows` (int32 [n]) of a batch by one reader: uint8 [n, H, W, C] of `spec`.

    `given` is, of all images, the number of the format, the content and the numbers of the header.
    """

    def read(one: tuple[tf.Tensor, ...]) -> tf.Tensor:
        kind, content, numbers = one
        return fitted(reader(kind, Header.unpacked(content, numbers)), spec)

    return tf.map_fn(
        read,
        tuple(tf.gather(part, rows) for part in given),
        fn_output_signature=tf.TensorSpec(spec.shape, tf.uint8),
        parallel_iterations=16,
    )


def reader_of(kind: tf.Tensor, header: Header) -> tf.Tensor:
    """The number of the reader in READERS for each image, int64 [B]: the fast one that will do."""
    upright = tf.equal(header.orientation, 1)
    plain = upright & ~header.keyed & ~header.sixteen_bit & ~header.opaque & tf.not_equal(kind, FORMATS.index("GIF"))
    is_jpeg = tf.equal(kind, FORMATS.index("JPEG"))
    return tf.where(is_jpeg, tf.constant(1, tf.int64), tf.where(plain, tf.constant(0, tf.int64), 2))


def _plain(kind: tf.Tensor, header: Header) -> tf.Tensor:
    """What TensorFlow reads as a viewer shows it, but for transparency."""
    return _over_white(tf.io.decode_image(header.content, channels=0, expand_animations=False))


def _jpeg(kind: tf.Tensor, header: Header) -> tf.Tensor:
    image = tf.io.decode_jpeg(header.content, dct_method="INTEGER_ACCURATE")  # as viewers; the fast one is up to 16 off
    return oriented(image, header.orientation)


def _unusual(kind: tf.Tensor, header: Header) -> tf.Tensor:
    """All that needs a hand beside the decoder."""
    others = partial(tf.io.decode_image, header.content, channels=0, expand_animations=False)
    readers = {"PNG": partial(_png, header), "GIF": partial(_gif, header), "BMP": partial(_bmp, header)}
    branches = [partial(_free, readers.get(name, others)) for name in FORMATS]
    return oriented(_over_white(tf.switch_case(tf.cast(kind, tf.int32), branches)), header.orientation)


READERS: tuple[Reader, ...] = (_plain, _jpeg, _unusual)
"""From the number of a format (int64 []) and a header without the batch dimension, which has no reason to be refused, to the
image as a viewer shows it over white: uint8 [H, W, 1 or 3]. InvalidArgumentError if the pixels cannot be decoded, or are of a
16-bit PNG that would be black."""


def refusal(error: tf.errors.InvalidArgumentError) -> str | None:
    """The reason for which the graph refused an image, or None if the error is another one."""
    if asserted := _ASSERTED.search(error.message):
        return asserted[1]
    return UNDECODABLE if re.search(r"Decode(Png|Jpeg|Gif|Bmp|WebP|Image)", error.message) else None


def oriented(image: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """An image [H, W, C] turned and mirrored as its EXIF orientation (int64 [], 1 to 8) asks for."""
    return tf.cond(tf.equal(orientation, 1), lambda: image, lambda: _turned(image, orientation))


def _turned(image: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    def one_of(*values: int) -> tf.Tensor:
        return tf.reduce_any(tf.equal(orientation, tf.constant(values, tf.int64)))

    image = tf.cond(orientation >= 5, lambda: tf.transpose(image, [1, 0, 2]), lambda: image)
    image = tf.cond(one_of(2, 3, 6, 7), lambda: tf.reverse(image, [1]), lambda: image)
    return tf.cond(one_of(3, 4, 7, 8), lambda: tf.reverse(image, [0]), lambda: image)


def _png(header: Header) -> tf.Tensor:
    """With alpha where one colour is transparent, which the decoder makes only if it is asked for four channels."""
    content = tf.cond(header.sixteen_bit, lambda: _not_dark(header), lambda: header.content)
    clear, opaque = (partial(_free, partial(tf.io.decode_png, content, channels=channels)) for channels in (4, 0))
    return tf.cond(header.keyed, clear, opaque)


def _not_dark(header: Header) -> tf.Tensor:
    """The content; the graph asserts that the samples use the 16 bits."""
    image = tf.io.decode_png(header.content, channels=0, dtype=tf.uint16)
    largest = tf.reduce_max(tf.cast(image[..., : (tf.shape(image)[-1] + 1) // 2 * 2 - 1], tf.int32))
    parts = ["a 16-bit PNG whose largest value is ", tf.strings.as_string(largest), " of 65535 would be read as black"]
    told = tf.strings.join([*parts, ": spread its values over the whole range, or save it with 8 bits"])
    with tf.control_dependencies([tf.debugging.Assert((largest > DARK) | tf.equal(largest, 0), [told])]):
        return tf.identity(header.content)


def _gif(header: Header) -> tf.Tensor:
    """The first frame on its canvas."""
    frame = tf.io.decode_gif(header.content)[0]
    place = tf.cast(header.place, tf.int32)
    top, left = place[0], place[1]
    bottom, right = tf.cast(header.height, tf.int32) - top - place[2], tf.cast(header.width, tf.int32) - left - place[3]
    around = [[top, bottom], [left, right], [0, 0]]
    inside = tf.pad(tf.ones_like(frame, tf.bool), around)
    return tf.where(inside, tf.pad(frame, around), tf.cast(header.ground, tf.uint8))


def _bmp(header: Header) -> tf.Tensor:
    image = tf.io.decode_bmp(header.content)
    return image[..., : tf.where(header.opaque, 3, tf.shape(image)[-1])]


def _free(read: Callable[[], tf.Tensor]) -> tf.Tensor:
    """An image of which no size is known while the graph is made, because branches must agree in what is known."""
    return tf.raw_ops.PlaceholderWithDefault(input=read(), shape=[None, None, None])


def _not_too_many(encoded: tf.Tensor) -> tf.Operation:
    told = f"a request may hold at most {MAX_IMAGES} images"
    return tf.debugging.assert_less_equal(tf.size(encoded), MAX_IMAGES, told)


def _none_refused(reasons: tf.Tensor) -> tf.Operation:
    """Asserts that there is no reason in string [B]; the message holds the first."""
    reasons = tf.concat([reasons, [""]], axis=0)  # there may be no image
    refused = tf.not_equal(reasons, "")
    first = tf.argmax(tf.cast(refused, tf.int32))
    reason = tf.strings.reduce_join(reasons[first : first + 1])
    told = tf.strings.join(["image ", tf.strings.as_string(first), ": ", reason])
    return tf.debugging.Assert(~tf.reduce_any(refused), [told], summarize=1)


def _over_white(image: tf.Tensor) -> tf.Tensor:
    """An image of 1 grey, 2 grey + alpha, 3 RGB or 4 RGB + alpha samples to 1 or 3 samples."""
    return tf.cond(tf.equal(tf.shape(image)[-1] % 2, 0), lambda: _laid(image), lambda: image)


def _laid(image: tf.Tensor) -> tf.Tensor:
    alpha = tf.cast(image[..., -1:], tf.float32) / 255.0
    return tf.cast(tf.round(tf.cast(image[..., :-1], tf.float32) * alpha + 255.0 * (1.0 - alpha)), tf.uint8)
