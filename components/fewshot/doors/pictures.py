"""Pictures of any size as arrays, brought to the form of a network as those of files are."""

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from components.fewshot.images.fit import box_map, fitted
from components.fewshot.images.frames import Frames
from components.fewshot.parallel import in_parallel
from components.fewshot.settings.image import ImageSpec
from components.fewshot.tensors import Tensor

Arrays = np.ndarray | Sequence[np.ndarray]
"""Pictures [N, H, W, C], or a list of [h, w, C] of any sizes: uint8, or floats in 0..1; C is 1 or 3."""


class Pictures(NamedTuple):
    """Pictures in the form of a network.

    Attributes:
      pixels: uint8 [N, H, W, C].
      frames: where places in the pictures are in these.
    """

    pixels: np.ndarray
    frames: Frames


def pictures(name: str, images: Arrays, spec: ImageSpec, first: int = 0) -> Pictures:
    """Pictures in the form `spec`.

    Floats become the 8 bits that they would have in a file, so that training sees what a served model will.

    Args:
      name: of the argument that they are.
      images: the pictures.
      spec: the form; it cuts nothing off.
      first: the number of the first of them, where they are a part of all.

    Raises:
      ValueError: they have another shape, or other values.
    """
    every = each_of(name, images)
    sizes = tf.constant([one.shape[:2] for one in every], tf.int32, shape=[len(every), 2])
    fit = partial(_fitted, name, spec)
    pixels = np.zeros((len(every), *spec.shape), np.uint8)
    for place, one in enumerate(in_parallel(fit, enumerate(every, first))):
        pixels[place] = one
    return Pictures(pixels, Frames(*box_map(sizes, spec)))


def each_of(name: str, images: Arrays) -> list[np.ndarray]:
    """The pictures one by one, as they are.

    Raises:
      ValueError: one has another shape than [h, w, 1 or 3].
    """
    if not isinstance(images, (list, tuple)):
        array = np.asarray(images)
        if array.ndim != 4 and not (array.ndim == 1 and array.dtype == object):
            alone = ": a single one goes into a list" if array.ndim == 3 else ""
            raise ValueError(
                f"{name}: expected [N, H, W, C], or a list of [h, w, C] of any sizes, got shape {array.shape}{alone}"
            )
    every = [np.asarray(one) for one in images]
    for number, one in enumerate(every):
        if one.ndim != 3 or one.shape[2] not in (1, 3) or 0 in one.shape:
            raise ValueError(
                f"{name}[{number}]: expected [h, w, C] with C of 1 (grey) or 3 (RGB), got shape {one.shape}"
            )
    return every


def _fitted(name: str, spec: ImageSpec, numbered: tuple[int, np.ndarray]) -> np.ndarray:
    number, image = numbered
    return _fitter(spec)(tf.constant(_eight_bits(f"{name}[{number}]", image))).numpy()


def _eight_bits(name: str, image: np.ndarray) -> np.ndarray:
    if image.dtype == np.uint8:
        return image
    if image.dtype.kind not in "fiub" or not 0 <= image.min() <= image.max() <= 1:
        span = f" from {image.min():g} to {image.max():g}" if image.dtype.kind in "fiu" else ""
        raise ValueError(f"{name}: expected uint8 in 0..255 or floats in 0..1, got {image.dtype}{span}")
    return np.round(image.astype(np.float32) * 255).astype(np.uint8)


@cache
def _fitter(spec: ImageSpec) -> Callable[[Tensor], Tensor]:
    """The graph that fits one picture; of its size it knows nothing, as where files are decoded."""
    one = tf.TensorSpec([None, None, None], tf.uint8)
    graph = tf.function(partial(fitted, spec=spec), autograph=False, input_signature=[one])
    return graph.get_concrete_function()
