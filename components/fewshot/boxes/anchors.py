"""Anchors: the boxes of several sizes and forms around each place of a map that a proposal starts from (Ren et al. 2015)."""

from collections.abc import Sequence

import numpy as np


def anchors_of(height: int, width: int, sizes: Sequence[float], ratios: Sequence[float]) -> np.ndarray:
    """The anchors of a map [height, width], float32 [height * width * sizes * ratios, 4]; some reach beyond the image.

    Args:
      sizes: roots of their areas, as shares of the root of the image's area.
      ratios: height over width, in pixels.
    """
    each = [(size * ratio**0.5, size / ratio**0.5) for size in sizes for ratio in ratios]
    # In shares of the root of the area; an image of other than equal sides is stretched to the square of 0..1.
    stretch = (width / height) ** 0.5
    half = np.array([(tall * stretch / 2, wide / stretch / 2) for tall, wide in each])  # [K, 2]
    ys, xs = (np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width
    centres = np.stack(np.meshgrid(ys, xs, indexing="ij"), axis=-1)[:, :, None]  # [height, width, 1, 2]
    return np.concatenate([centres - half, centres + half], axis=-1).reshape(-1, 4).astype(np.float32)
