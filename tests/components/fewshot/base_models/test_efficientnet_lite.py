"""EfficientNet-Lite: the numbers of its paper's code, and of a copy of the smallest that was made by others."""

from pathlib import Path

import keras
import numpy as np
import pytest

from components.fewshot.base_models.efficientnet_lite import _rounded
from components.fewshot.base_models.pure import PureModel
from components.fewshot.base_models.table import build_base_model
from components.fewshot.settings.base_models import LITE, BaseModelSettings

REFERENCE = Path(__file__).parents[5] / "shared" / "data" / "efficientnet_lite0.keras"
SIZES = {
    "efficientnet_lite0": (3_413_024, 224),
    "efficientnet_lite1": (4_189_344, 240),
    "efficientnet_lite2": (4_869_168, 260),
}
# Of `picture` at the size that the network was made for: mean, spread and largest of the 1,280 features, and where that is. With
# these networks the classifiers in the same files named 8 to 11 of 12 photographs of pianos, footballs and aeroplanes.
KNOWN = {
    "efficientnet_lite0": (0.1411, 0.519, 5.8428, 71),
    "efficientnet_lite1": (0.1492, 0.4773, 4.4997, 20),
    "efficientnet_lite2": (0.1739, 0.4405, 3.9751, 746),
}


def build(name: str, shape, **settings) -> keras.Model:
    return build_base_model(BaseModelSettings(name=name, settings=settings), shape)


def picture(size: int) -> np.ndarray:
    """Stripes in three colours, float32 [1, size, size, 3] in 0..1."""
    rows, columns = np.mgrid[:size, :size] / size
    waves = [np.sin(20 * rows), np.sin(30 * columns), np.sin(25 * (rows + columns))]
    return (0.5 + 0.5 * np.stack(waves, -1)[np.newaxis]).astype(np.float32)


@pytest.mark.parametrize("name", LITE)
def test_a_known_picture_gives_known_features(name):
    weights, size = SIZES[name]
    model = build(name, (size, size, 3))
    features = model(picture(size), training=False)["vector"].numpy()[0]
    assert (model.count_params(), features.shape) == (weights, (1280,))
    found = [features.mean(), features.std(), features.max(), features.argmax()]
    np.testing.assert_allclose(found, KNOWN[name], rtol=2e-3)


@pytest.mark.skipif(not REFERENCE.exists(), reason=f"no {REFERENCE.name}: it is not a part of the project")
def test_it_is_the_network_that_others_made():
    images = np.concatenate([picture(224), np.random.default_rng(0).random((1, 224, 224, 3), np.float32)])
    theirs = keras.saving.load_model(REFERENCE, compile=False)(images, training=False)
    ours = build("efficientnet_lite0", (224, 224, 3))(images, training=False)["vector"]
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_as_a_pure_function():
    model = build("efficientnet_lite0", (64, 64, 3))
    pure = PureModel(model)
    given = [[v.value for v in part] for part in (model.trainable_variables, model.non_trainable_variables)]
    features, _ = pure(*given, picture(64), training=False, batch_statistics=False)
    expected = model(picture(64), training=False)
    np.testing.assert_allclose(features.vector, expected["vector"], atol=1e-4)
    assert features.map.shape == (1, 2, 2, 1280) and pure.feature_size == 1280


def test_grey_is_a_colour():
    grey = picture(64)[..., :1]
    of_grey = build("efficientnet_lite0", (64, 64, 1))(grey, training=False)["vector"]
    of_colour = build("efficientnet_lite0", (64, 64, 3))(np.repeat(grey, 3, -1), training=False)["vector"]
    np.testing.assert_allclose(of_grey, of_colour, atol=1e-5)


def test_random_weights():
    kernels = [
        build("efficientnet_lite0", (32, 32, 3), weights=weights).get_layer("conv_stem").kernel.numpy()
        for weights in (None, "imagenet")
    ]
    assert kernels[0].shape == kernels[1].shape and np.abs(kernels[0] - kernels[1]).max() > 0.1
    with pytest.raises(ValueError, match="weights 'noisy-student': expected imagenet, or null for random ones"):
        build("efficientnet_lite0", (32, 32, 3), weights="noisy-student")


@pytest.mark.parametrize(
    ("filters", "rounded"), [(16 * 1.1, 16), (24 * 1.1, 24), (40 * 1.1, 48), (320 * 1.1, 352), (3, 8), (12.9, 16)]
)
def test_filters_are_multiples_of_eight(filters, rounded):
    assert _rounded(filters) == rounded
