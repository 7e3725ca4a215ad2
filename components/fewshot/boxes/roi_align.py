"""What a map holds within boxes: RoIAlign (He et al. 2017, https://arxiv.org/abs/1703.06870) as two products of matrices.

The mean of bilinear samples at a grid of places is one weighted sum along y and one along x. As a product of matrices its
gradient is one too, which has the same bits each time; that of `tf.image.crop_and_resize` has not on a GPU.
"""

import numpy as np
from keras import ops

from components.fewshot.tensors import Tensor

SAMPLES = 2  # along each side of a cell


def roi_align(maps: Tensor, boxes: Tensor, size: int) -> Tensor:
    """Crops [N, R, size, size, C] of maps [N, h, w, C] within boxes [N, R, 4].

    A place beyond the centres of the outermost cells has their value. No gradient reaches the boxes.
    """
    height, width, channels = (int(side) for side in maps.shape[1:])
    boxes = ops.stop_gradient(boxes)
    down = line_weights(boxes[..., 0], boxes[..., 2], height, size)  # [N, R, size, h]
    right = line_weights(boxes[..., 1], boxes[..., 3], width, size)  # [N, R, size, w]
    count = ops.shape(boxes)[1]
    rows = ops.matmul(ops.reshape(down, (-1, count * size, height)), ops.reshape(maps, (-1, height, width * channels)))
    rows = ops.reshape(rows, (-1, count, size, width, channels))
    return ops.matmul(ops.expand_dims(right, 2), rows)


def line_weights(start: Tensor, stop: Tensor, length: int, size: int) -> Tensor:
    """The weights [..., size, length] of the cells of a line in each of `size` equal parts between start and stop [...], which
    are in 0..1 of the line. They sum to 1."""
    steps = (np.arange(size * SAMPLES, dtype=np.float32) + 0.5).reshape(size, SAMPLES) / (size * SAMPLES)
    start, stop = (ops.expand_dims(ops.expand_dims(end, -1), -1) for end in (start, stop))
    places = (start + (stop - start) * steps) * length - 0.5  # in cells, from the centre of the first
    places = ops.expand_dims(ops.clip(places, 0.0, length - 1.0), -1)
    cells = ops.arange(length, dtype=places.dtype)
    return ops.mean(ops.maximum(1.0 - ops.abs(places - cells), 0.0), axis=-2)
