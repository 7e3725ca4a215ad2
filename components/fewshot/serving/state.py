"""Packs a task state into one float32 vector, which `adapt` returns and `predict` takes.

    [format, way, fingerprint (4), a length for each free side, the tensors one after the other]

With the header, `predict` can refuse a task state of another model or format. Every number in the header is below 2**24,
so float32 holds it exactly. Integer tensors are split into halves of 16 bits for the same reason.
"""

import hashlib
from collections.abc import Sequence

import keras
import tensorflow as tf

from components.fewshot.learners.interface import Learner, Part, TaskState
from components.fewshot.tensors import Scalar, Tensor, Way

FORMAT = 1
WORDS = 4  # of 16 bits, of the fingerprint
HEADER = 2 + WORDS
EXACT = ("float32", "float16", "bfloat16", "bool")  # every value of these is a float32
HALVES = ("int32", "uint32")

TOO_SHORT = "task_state is too short: give it as `adapt` returned it"
OTHER_FORMAT = f"task_state has another format than {FORMAT}, which this model reads: adapt again with this model"
OTHER_MODEL = "task_state was made by another model: adapt again with this model"
MISFIT = "task_state does not fit num_classes: give both as `adapt` returned them"


class Packing:
    """Packs and unpacks the task states of one learner.

    Args:
      learner: with its final weights, because they are part of the fingerprint.

    Raises:
      ValueError: a tensor of the learner's task state has a dtype that float32 cannot hold.
    """

    def __init__(self, learner: Learner) -> None:
        self._parts = learner.task_state_parts
        self._words = fingerprint_words(learner)
        for name, part in learner.task_state_parts(1).items():
            if part.dtype not in EXACT + HALVES:
                known = ", ".join(EXACT + HALVES)
                raise ValueError(f"task state {name!r}: expected a dtype of {known}, got {part.dtype}")

    def pack(self, state: TaskState, way: Way) -> Tensor:
        """The task state as a vector, float32 [P]."""
        parts = self._parts(way)
        free = [tf.shape(state[name])[i] for name, part in parts.items() for i in free_sides(part)]
        header = [tf.cast(number, tf.float32) for number in (FORMAT, way, *self._words, *free)]
        return tf.concat(
            [tf.stack(header), *(_to_floats(tf.cast(state[name], part.dtype)) for name, part in parts.items())], 0
        )

    def unpack(self, vector: Tensor, way: Scalar) -> TaskState:
        """The task state of a vector; the graph asserts that it is one, of this model, for `way` classes."""
        parts = self._parts(way)
        sides = [len(free_sides(part)) for part in parts.values()]
        start = HEADER + sum(sides)
        vector = once(tf.size(vector) >= start, TOO_SHORT, vector)
        vector = once(tf.equal(vector[0], FORMAT), OTHER_FORMAT, vector)
        same = tf.reduce_all(tf.equal(vector[2:HEADER], tf.constant(self._words, tf.float32)))
        vector = once(same, OTHER_MODEL, vector)
        lengths = tf.cast(vector[HEADER:start], tf.int32)
        shapes = [_filled(part, free) for part, free in zip(parts.values(), tf.split(lengths, sides), strict=True)]
        sizes = tf.stack([_floats_of(part) * tf.reduce_prod(s) for part, s in zip(parts.values(), shapes, strict=True)])
        fits = tf.equal(tf.cast(vector[1], tf.int32), way) & tf.reduce_all(lengths >= 0)
        vector = once(fits & tf.equal(tf.size(vector) - start, tf.reduce_sum(sizes)), MISFIT, vector)
        flat = tf.split(vector[start:], sizes, num=len(parts))
        named = zip(parts.items(), flat, shapes, strict=True)
        return {name: tf.reshape(_from_floats(floats, part.dtype), shape) for (name, part), floats, shape in named}


def fingerprint_words(learner: Learner) -> list[int]:
    """The fingerprint of a model, 64 bits as 4 numbers of 16 bits: a digest of its algorithm, settings and weights."""
    digest = hashlib.sha256(f"{type(learner).__qualname__} {learner.settings.model_dump_json()}".encode())
    digest.update((learner.base.trunk.digest() if learner.base.trunk else "").encode())
    for name, variable in learner.named_variables().items():
        digest.update(name.encode())
        digest.update(keras.ops.convert_to_numpy(variable).tobytes())
    return [int.from_bytes(digest.digest()[2 * i : 2 * i + 2], "big") for i in range(WORDS)]


def free_sides(part: Part) -> list[int]:
    """Numbers of the sides whose length the header holds."""
    return [i for i, side in enumerate(part.shape) if side is None]


def _filled(part: Part, free: Tensor) -> Tensor:
    """The shape of a part, int32 [rank], with the lengths of its free sides."""
    lengths = iter(tf.unstack(free, num=len(free_sides(part))))
    sides: Sequence[Way] = [next(lengths) if side is None else side for side in part.shape]
    return tf.stack(sides) if sides else tf.constant([], tf.int32)


def _floats_of(part: Part) -> int:
    return 2 if part.dtype in HALVES else 1


def _to_floats(tensor: Tensor) -> Tensor:
    tensor = tf.convert_to_tensor(tensor)
    if tensor.dtype.name in HALVES:
        tensor = tf.bitcast(tf.reshape(tensor, [-1]), tf.uint16)  # [N, 2]
        tensor = tf.cast(tensor, tf.int32)
    return tf.reshape(tf.cast(tensor, tf.float32), [-1])


def _from_floats(floats: Tensor, dtype: str) -> Tensor:
    if dtype in HALVES:
        halves = tf.cast(tf.cast(tf.reshape(floats, [-1, 2]), tf.int32), tf.uint16)
        return tf.bitcast(halves, dtype)
    return tf.cast(floats, dtype)


def once(holds: Scalar, otherwise: str, tensor: Tensor) -> Tensor:
    """The tensor, once the condition is seen to hold; otherwise the graph fails with this sentence."""
    with tf.control_dependencies([tf.debugging.Assert(holds, [otherwise])]):
        return tf.identity(tensor)
