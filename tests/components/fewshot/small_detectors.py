"""Small detectors with random weights, as they are served; and pictures of coloured squares in several formats."""

import functools
import io
import os
import tempfile
from collections.abc import Sequence

import keras
import numpy as np
from PIL import Image

from components.fewshot.base_models.faster_rcnn import faster_rcnn
from components.fewshot.base_models.pure import PureModel
from components.fewshot.episodes.episode import EpisodeSpec
from components.fewshot.images.decode import decode
from components.fewshot.learners.detection import DETECTORS, Detector
from components.fewshot.serving.detector_server import DetectorServer
from components.fewshot.serving.manifest import Manifest
from components.fewshot.serving.module import export
from components.fewshot.serving.served_detector import ServedDetector
from components.fewshot.settings.image import ImageSpec

IMAGE = ImageSpec(height=64, width=64, channels=3, fit="pad")
THRESHOLD = {"threshold": 0.43, "precision": 0.8, "recall": 0.6, "episodes": 20}
Edges = tuple[int, int, int, int]  # ymin, xmin, ymax, xmax in pixels


def detector(name: str = "protonet", seed: int = 0, **settings: object) -> Detector:
    """A detector that nothing has been taught."""
    keras.utils.set_random_seed(seed)
    base = PureModel(faster_rcnn(IMAGE.shape, filters=8, embedding=16))
    kind = DETECTORS[name]
    return kind(base, kind.Settings(**settings), way=None, train_classes=3, seed=seed)


def exported(directory: str, learner: Detector, **facts: object) -> str:
    """The directory, after a learner was exported to it."""
    manifest = Manifest(
        kind="detection",
        learner="protonet",
        base_model="faster_rcnn",
        image=IMAGE,
        episodes=EpisodeSpec(),
        batch_norm="running",
        inductive=True,
        seed=0,
        steps=0,
        **facts,
    )
    export(DetectorServer(learner, lambda encoded: decode(encoded, IMAGE), IMAGE), manifest, directory)
    return directory


@functools.cache
def directory() -> str:
    """Where a prototype detector lies, exported once; it is removed with the home of this test run."""
    return exported(tempfile.mkdtemp(dir=os.environ["HOME"]), detector(), score_threshold=THRESHOLD)


@functools.cache
def client() -> ServedDetector:
    """Its client, loaded once."""
    return ServedDetector(directory())


def picture(
    height: int, width: int, squares: Sequence[tuple[Edges, tuple[int, int, int]]], kind: str = "PNG", turned: int = 1
) -> bytes:
    """A grey picture with rectangles of some colours; it is shown so, however it is stored."""
    pixels = np.full((height, width, 3), 128, np.uint8)
    for (ymin, xmin, ymax, xmax), colour in squares:
        pixels[ymin:ymax, xmin:xmax] = colour
    image, options = Image.fromarray(pixels), {}
    if turned != 1:
        image = image.transpose(STORED[turned])
        exif = Image.Exif()
        exif[0x0112] = turned
        options["exif"] = exif
    buffer = io.BytesIO()
    image.save(buffer, kind, **options, **LOSSLESS.get(kind, {}))
    return buffer.getvalue()


# What a camera does to a scene that is shown upright by each EXIF orientation.
STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
LOSSLESS = {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"lossless": True}}
