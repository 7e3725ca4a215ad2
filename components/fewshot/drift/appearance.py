"""How images look, in a few numbers that a person can check by eye."""

from collections.abc import Sequence

import numpy as np

from components.fewshot.images.gate import ANY_SIZE
from components.fewshot.images.seen import Seen, see

LOOKS = ("brightness", "contrast", "colourfulness", "sharpness")
SIDE = 512  # pixels; of a larger image some rows and columns are enough


def looks(encoded: Sequence[bytes]) -> np.ndarray:
    """The `LOOKS` of image files, float64 [n, 4], each from 0 to 1.

    Brightness and contrast are the mean and the standard deviation of grey, colourfulness the mean difference between the
    strongest and the weakest channel, sharpness the mean difference between neighbours. An image that cannot be read has zeros.
    """
    return np.array(see(encoded, lambda _, seen: _looks(seen), ANY_SIZE)).reshape(-1, len(LOOKS))


def _looks(seen: Seen) -> list[float]:
    step = max(1, -(-max(seen.pixels.shape[:2]) // SIDE))
    pixels = seen.pixels[::step, ::step].astype(np.float64) / 255
    if not pixels.size:
        return [0.0] * len(LOOKS)
    grey = pixels.mean(-1)
    edges = [np.abs(np.diff(grey, axis=axis)) for axis in (0, 1)]
    neighbours = np.concatenate([one.ravel() for one in edges])
    colour = (pixels.max(-1) - pixels.min(-1)).mean()
    return [float(grey.mean()), float(grey.std()), float(colour), float(neighbours.mean()) if neighbours.size else 0.0]
