"""Features of test images on disk. Each image that episodes draw is embedded once, however many episodes draw it.

A directory holds `images.npy`, which says which images they are, and `features-*`, float32 [n, D] each: the images in equal
shares, so that workers embed them without knowing of one another.
"""

import io
import math
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

import numpy as np
import tensorflow as tf

from components.fewshot.episodes.episode import Draw, Episode, images_of
from components.fewshot.images.store import ImageStore
from components.fewshot.integrity import Incomplete
from components.fewshot.parallel import BATCH, in_parallel
from components.fewshot.pieces import Pieces, pieces_of
from components.fewshot.serving.served import ServedModel

IMAGES = "images.npy"
SHARES = 32  # at most, so that few files are open


def deal_out(directories: Iterable[str], images: np.ndarray) -> int:
    """Writes which images [N] each directory is to hold the features of; returns the number of shares for `embed_share`."""
    content = io.BytesIO()
    np.save(content, images)
    for directory in directories:
        tf.io.gfile.makedirs(directory)
        with _written([os.path.join(directory, IMAGES)]) as (file,):
            file.write(content.getvalue())
    return len(_shares(images))


def embed_share(number: int, models: Mapping[str, ServedModel], store: ImageStore) -> None:
    """Embeds the images of one share and writes their features, all or none. In memory is one batch for each core.

    Args:
      number: of the share.
      models: by the directory of the features of each. `deal_out` has dealt the same images to all of these directories, so an
        image is read once, and decoded once for all models that see the same in it.
      store: the images.
    """
    images = _shares(_images(next(iter(models))))[number]
    batches = [images[start : start + BATCH] for start in range(0, len(images), BATCH)]

    def embed(batch: np.ndarray) -> list[bytes]:
        encoded = store.encoded(Draw.of_images(batch))
        encoded += encoded[-1:] * (BATCH - len(batch))  # kernels may add in another order for another number
        seen = {reading: one.see(encoded) for reading, one in readers.items()}
        return [model.embed_seen(seen[readings[at]])[: len(batch)].tobytes() for at, model in models.items()]

    readings = {directory: model.manifest.reading or directory for directory, model in models.items()}
    readers = {readings[directory]: model for directory, model in models.items()}
    with _written([_path(directory, number) for directory in models]) as files:
        for features in in_parallel(embed, batches):
            for file, some in zip(files, features, strict=True):
                file.write(some)


class FeatureStore:
    """The features in a directory; memory does not grow with them.

    Raises:
      Incomplete: a share is missing.
    """

    def __init__(self, directory: str) -> None:
        self._images = _images(directory)
        shares = _shares(self._images)
        self._each = len(shares[0])
        self._features = [self._opened(_path(directory, number)) for number in range(len(shares))]
        self._size = self._features[0].size // self._each  # of a vector, in bytes

    def vectors(self, draw: Draw) -> np.ndarray:
        """The features of the images of `draw`, float32 [n, D].

        Raises:
          Incomplete: an image is not among those that were embedded.
        """
        wanted = draw.images
        places = np.searchsorted(self._images, wanted)
        if not np.array_equal(self._images.take(places, mode="clip"), wanted):
            raise Incomplete("features: an image of an episode was not embedded")
        return np.stack([self._vector(place // self._each, place % self._each) for place in places])

    def _vector(self, share: int, row: int) -> np.ndarray:
        return np.frombuffer(self._features[share].piece(row * self._size, self._size), np.float32)

    def _opened(self, path: str) -> Pieces:
        if not tf.io.gfile.exists(path):
            raise Incomplete(f"features: {os.path.basename(path)} of {len(self._images):,} images is missing")
        return pieces_of(path)


@contextmanager
def embedded(model: ServedModel, store: ImageStore, episodes: Iterable[Episode]) -> Iterator[FeatureStore]:
    """The features of all images of a few episodes, in a temporary directory."""
    with tempfile.TemporaryDirectory(prefix="fewshot-features-") as directory:
        for number in range(deal_out([directory], images_of(episodes))):
            embed_share(number, {directory: model}, store)
        yield FeatureStore(directory)


def _images(directory: str) -> np.ndarray:
    with tf.io.gfile.GFile(os.path.join(directory, IMAGES), "rb") as file:
        return np.load(io.BytesIO(file.read()))


def _shares(images: np.ndarray) -> list[np.ndarray]:
    """The images in shares of whole batches; all but the last are equally long."""
    each = BATCH * math.ceil(len(images) / (BATCH * SHARES))
    return [images[start : start + each] for start in range(0, len(images), each)]


def _path(directory: str, number: int) -> str:
    return os.path.join(directory, f"features-{number:05}")


@contextmanager
def _written(paths: Sequence[str]) -> Iterator[list[tf.io.gfile.GFile]]:
    """Files to write to, which get their names at the end, so that none is ever incomplete."""
    with ExitStack() as stack:
        yield [stack.enter_context(tf.io.gfile.GFile(f"{path}.new", "wb")) for path in paths]
    for path in paths:
        tf.io.gfile.rename(f"{path}.new", path, overwrite=True)
