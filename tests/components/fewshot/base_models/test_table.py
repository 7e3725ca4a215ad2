"""Base models: sizes known from their papers, any image size, names."""

import keras
import numpy as np
import pytest

from components.fewshot.base_models.pure import PureModel
from components.fewshot.base_models.table import BASE_MODELS, BaseModelSettings, build_base_model, user_module


def build(name: str, shape=(28, 28, 1), **settings) -> keras.Model:
    return build_base_model(BaseModelSettings(name=name, settings=settings), shape)


def shapes(model: keras.Model) -> dict[str, tuple]:
    return {name: output.shape for name, output in model.output.items()}


def test_sizes():
    conv4 = build("conv4")
    assert shapes(conv4) == {"map": (None, 1, 1, 64), "vector": (None, 64)}
    # 9*1*64 + 3 * 9*64*64 weights, 4 * 2*64 scales and offsets
    assert sum(int(np.prod(v.shape)) for v in conv4.trainable_variables) == 576 + 3 * 36864 + 512
    assert shapes(build("conv4", (84, 84, 3)))["vector"] == (None, 1600)  # 5 x 5 x 64, as in the papers
    resnet = build("resnet12", (84, 84, 3))
    assert shapes(resnet) == {"map": (None, 5, 5, 640), "vector": (None, 640)}
    assert 12.3e6 < resnet.count_params() < 12.6e6  # "12.4 M parameters"
    assert build("pixels", (3, 5, 1)).output_shape == (None, 15)
    assert build("mlp", units=[7, 5]).output_shape == (None, 5)


@pytest.mark.parametrize("name", sorted(set(BASE_MODELS) - {"faster_rcnn"}))  # which takes multiples of 32
@pytest.mark.parametrize("shape", [(5, 9, 3), (16, 16, 1)])
def test_any_image_size(name, shape):
    pure = PureModel(build(name, shape))
    weights = [[v.value for v in part] for part in (pure.model.trainable_variables, pure.model.non_trainable_variables)]
    features, _ = pure(*weights, np.zeros((2, *shape), "float32"), training=False, batch_statistics=False)
    assert features.vector.shape == (2, pure.feature_size) and np.isfinite(features.vector).all()


def own_model(shape, width=3):
    inputs = keras.Input(shape)
    return keras.Model(inputs, keras.layers.Dense(width)(keras.layers.Flatten()(inputs)))


def of_any_size(shape):
    inputs = keras.Input((None, None, shape[-1]))
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(inputs))


def of_two_inputs(shape):
    inputs = [keras.Input(shape), keras.Input(shape)]
    return keras.Model(inputs, keras.layers.Flatten()(keras.layers.Add()(inputs)))


def not_a_model(shape):
    return None


def of_other_images(shape):
    return own_model((9, 9, 1))


def test_the_users_own():
    assert build(f"{__name__}:own_model", width=4).output_shape == (None, 4)
    assert build(f"{__name__}:of_any_size").input_shape == (None, 28, 28, 1)


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("conv4", ()),
        ("keras.applications:ResNet50", ()),
        ("file:my/model.keras", ()),
        ("my.networks:net", ("my.networks",)),
        ("keras_like.networks:net", ("keras_like.networks",)),
    ],
)
def test_whose_code_it_is(name, module):
    assert user_module(name) == module


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        (
            "conv5",
            {},
            "no 'conv5'; there are conv4, mlp, resnet12, pixels, faster_rcnn, efficientnet_lite0, efficientnet_lite1,"
            " efficientnet_lite2, keras.applications:NAME, keras_hub:PRESET, file:PATH.keras, or your"
            " own function as package.module:function",
        ),
        (
            "conv4",
            {"filter": 3},
            "base_model.settings: got an unexpected keyword argument 'filter'; 'conv4' has filters",
        ),
        (f"{__name__}:of_other_images", {}, "expected a model of images (28, 28, 1), got one of (9, 9, 1)"),
        (
            f"{__name__}:of_two_inputs",
            {},
            "expected a model of images (28, 28, 1), got one of [(None, 28, 28, 1), (None, 28, 2",
        ),
        ("nowhere:model", {}, "cannot import 'nowhere:model'"),
        (f"{__name__}:nothing", {}, "cannot import"),
        (f"{__name__}:not_a_model", {}, "expected a keras.Model, got NoneType"),
    ],
)
def test_what_does_not_exist(name, settings, said):
    with pytest.raises(ValueError, match=".*") as error:
        build(name, **settings)
    assert said in str(error.value)
