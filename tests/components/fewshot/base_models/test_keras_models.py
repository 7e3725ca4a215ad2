"""Networks of Keras get the pixels that they were made for; saved models are what they were."""

import keras
import numpy as np
import pytest

from components.fewshot.base_models.keras_models import with_preprocessing
from components.fewshot.base_models.pure import PureModel
from components.fewshot.base_models.table import build_base_model
from components.fewshot.settings.base_models import BaseModelSettings

BRIGHT = np.full((1, 32, 32, 3), 1.0, np.float32)


def build(name: str, shape, **settings) -> keras.Model:
    return build_base_model(BaseModelSettings(name=name, settings=settings), shape)


@pytest.mark.parametrize(
    ("name", "white"),
    [
        ("MobileNetV2", [1, 1, 1]),
        ("EfficientNetB0", [255, 255, 255]),  # it rescales inside
        ("ResNet50", [255 - 103.939, 255 - 116.779, 255 - 123.68]),  # blue first, less the means of ImageNet
        ("DenseNet121", [(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225]),
    ],
)
def test_what_white_becomes(name, white):
    model = build(f"keras.applications:{name}", (32, 32, 3))
    before = keras.Model(model.input, model.operations[-2].output)  # the last is the network itself
    np.testing.assert_allclose(before(BRIGHT)[0, 0, 0], white, rtol=1e-5)
    assert model.input_shape == (None, 32, 32, 3) and len(model.output_shape) == 2


def test_grey_and_settings():
    model = build("keras.applications:MobileNetV2", (32, 32, 1), alpha=0.35)
    assert model.input_shape == (None, 32, 32, 1) and model.output_shape == (None, 1280)
    with pytest.raises(
        ValueError, match="got an unexpected keyword argument 'alfa'; 'keras.applications:MobileNetV2' has alpha"
    ):
        build("keras.applications:MobileNetV2", (32, 32, 3), alfa=0.35)


def test_weights_that_cannot_be_fetched():
    def offline(input_shape=None, weights=None, include_top=True, pooling=None):
        raise Exception("URL fetch failure on https://example.org/w.h5: None -- [Errno -2] Name or service not known")

    with pytest.raises(
        ValueError, match=r"put https://example.org/w.h5 into .*models, or give the path of such a file as base_model"
    ):
        with_preprocessing(offline)(input_shape=(8, 8, 3), weights="imagenet")

    def broken(input_shape=None, weights=None, include_top=True, pooling=None):
        raise ValueError("another reason")

    with pytest.raises(ValueError, match="^another reason$"):
        with_preprocessing(broken)(input_shape=(8, 8, 3))


def saved(path, shape, *more) -> str:
    inputs = keras.Input(shape)
    x = keras.layers.Conv2D(2, 3)(inputs)
    for layer in more:
        x = layer(x)
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))
    model.save(path)
    return f"file:{path}"


def test_a_file(tmp_path):
    name = saved(tmp_path / "model.keras", (16, 16, 3))
    images = np.random.default_rng(0).random((2, 16, 16, 3), np.float32)
    expected = keras.saving.load_model(tmp_path / "model.keras")(images)
    np.testing.assert_array_equal(build(name, (16, 16, 3))(images), expected)
    with pytest.raises(ValueError, match=r"expected a model of images \(8, 8, 3\), got one of \(16, 16, 3\)"):
        build(name, (8, 8, 3))


def test_a_file_of_a_model_of_any_size(tmp_path):
    model = build(saved(tmp_path / "model.keras", (None, None, 3)), (9, 7, 3))
    assert model.input_shape == (None, 9, 7, 3) and model.output_shape == (None, 2)


@pytest.mark.parametrize(
    ("file", "said"),
    [("none.keras", "no file .*none.keras: expected a model that Keras saved"), ("text.keras", "cannot be built")],
)
def test_other_files(tmp_path, file, said):
    (tmp_path / "text.keras").write_text("no model")
    with pytest.raises(ValueError, match=said):
        build(f"file:{tmp_path / file}", (8, 8, 3))


def test_a_file_with_python_in_it(tmp_path):
    name = saved(tmp_path / "model.keras", (16, 16, 3), keras.layers.Lambda(lambda x: 2 * x))
    with pytest.raises(ValueError, match=r"(?i)lambda"):
        build(name, (16, 16, 3))


def test_as_a_pure_function():
    """Preprocessing in bare operations, and batch normalisation inside a network inside the model."""
    model = build("keras.applications:ResNet50V2", (32, 32, 3))
    pure = PureModel(model)
    given = [[v.value for v in part] for part in (model.trainable_variables, model.non_trainable_variables)]
    features, _ = pure(*given, BRIGHT, training=False, batch_statistics=False)
    np.testing.assert_allclose(features.vector, model(BRIGHT, training=False), rtol=1e-4, atol=1e-5)
