"""What a header says, the same for every kind of file."""

from typing import NamedTuple

import tensorflow as tf

from components.fewshot.images.reading import Files
from components.fewshot.tensors import Tensor

Known = dict[str, Tensor]  # fields of a Header

TEXTS = ("reason", "content")  # string
FLAGS = ("cmyk", "sixteen_bit", "palette", "alpha", "animated", "keyed", "opaque")  # bool; all others are int64
WIDE = {"exif": 2, "xmp": 2, "hexed": 2, "place": 4, "ground": 3}  # numbers of a file


class Header(NamedTuple):
    """What is known of each file before its pixels are decoded; all fields have shape [B] unless another is given.

    A file with a `reason` (string, else "") is refused; its other fields mean nothing.
    """

    reason: Tensor
    height: Tensor  # int64, in pixels, as stored
    width: Tensor
    orientation: Tensor  # int64, 1 to 8 as in EXIF; the gate reads it out of the next three
    exif: Tensor  # int64 [B, 2]: start and end of the block, zeros if there is none; so are the next two
    xmp: Tensor
    hexed: Tensor  # EXIF as a text of hexadecimal digits
    cmyk: Tensor  # bool, as all in FLAGS
    sixteen_bit: Tensor
    palette: Tensor
    alpha: Tensor  # parts of the picture may be transparent
    animated: Tensor
    keyed: Tensor  # PNG: one colour or entries of the palette are transparent
    opaque: Tensor  # BMP: a fourth byte that is no alpha
    content: Tensor  # string: what the decoder gets
    place: Tensor  # int64 [B, 4]: top, left, height and width of the decoded pixels on the canvas of a GIF
    ground: Tensor  # int64 [B, 3]: the colour of the canvas around it

    @classmethod
    def plain(cls, files: Files) -> "Header":
        """Headers of files of which nothing is known yet, with all fields as they are in most files."""
        count = tf.shape(files.length)[0]
        zeros, no = tf.zeros_like(files.length), tf.zeros_like(files.length, tf.bool)
        wide = {name: tf.zeros([count, width], tf.int64) for name, width in WIDE.items()}
        known = {name: no for name in FLAGS} | wide
        nothing, one = tf.zeros_like(files.content), tf.ones_like(files.length)
        return cls(reason=nothing, content=files.content, height=zeros, width=zeros, orientation=one, **known)

    def told(self, mine: Tensor, known: Known) -> "Header":
        """These headers with what is `known` of the files that are `mine` (bool [B])."""
        columns = tf.expand_dims(mine, 1)
        return self._replace(
            **{
                name: tf.where(columns if name in WIDE else mine, value, getattr(self, name))
                for name, value in known.items()
            }
        )

    @property
    def shown(self) -> Tensor:
        """Height and width as a viewer shows each, turned by EXIF: int32 [B, 2]."""
        stored = tf.cast(tf.stack([self.height, self.width], axis=1), tf.int32)
        return tf.where(self.orientation[:, tf.newaxis] >= 5, tf.reverse(stored, [1]), stored)

    def packed(self) -> Tensor:
        """All but the texts in one tensor, int64 [B, n]: a call or a loop takes time for each tensor that goes into it."""
        fields = {name: field for name, field in self._asdict().items() if name not in TEXTS}
        columns = [field if name in WIDE else tf.expand_dims(field, 1) for name, field in fields.items()]
        return tf.concat([tf.cast(column, tf.int64) for column in columns], axis=1)

    @classmethod
    def unpacked(cls, content: Tensor, numbers: Tensor) -> "Header":
        """One header, without the batch dimension, that has no reason to be refused: of its content and its `packed` [n]."""
        names = [name for name in cls._fields if name not in TEXTS]
        given = iter(tf.unstack(numbers, sum(WIDE.get(name, 1) for name in names)))
        fields = {
            name: tf.stack([next(given) for _ in range(WIDE[name])]) if name in WIDE else next(given) for name in names
        }
        flags = {name: tf.cast(fields[name], tf.bool) for name in FLAGS}
        return cls(**fields | flags, reason=tf.constant(""), content=content)


def truncated(kind: str) -> str:
    """The reason of a file whose parts do not all lie in it."""
    return f"damaged or truncated: a part of this {kind} is missing"
