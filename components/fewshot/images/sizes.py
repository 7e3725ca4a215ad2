"""How large pictures are, as their headers say."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import tensorflow as tf

from components.fewshot.images.gate import ANY_SIZE, examine
from components.fewshot.tensors import Tensor


def shown_sizes(encoded: Sequence[bytes]) -> np.ndarray:
    """Height and width of encoded images as a viewer shows them, turned by EXIF, in pixels: int32 [N, 2]."""
    return _shown(tf.constant(list(encoded), tf.string, shape=[len(encoded)])).numpy()


@partial(tf.function, autograph=False, input_signature=[tf.TensorSpec([None], tf.string)])
def _shown(encoded: Tensor) -> Tensor:
    return examine(encoded, ANY_SIZE)[1].shown
