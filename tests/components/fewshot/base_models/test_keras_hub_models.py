"""Presets of KerasHub, as folders that its own models have saved: nothing is fetched."""

import builtins
import json

import keras
import keras_hub as hub
import numpy as np
import pytest

from components.fewshot.base_models.outside import weights_digest
from components.fewshot.base_models.pure import PureModel
from components.fewshot.base_models.split import split
from components.fewshot.base_models.table import build_base_model, user_module
from components.fewshot.settings.base_models import BaseModelSettings

SIDE, IMAGES = 32, np.random.default_rng(0).random((2, 32, 32, 3), np.float32)
SMALL = {"num_layers": 2, "num_heads": 2, "hidden_dim": 16}


def backbones():
    models = hub.models
    dino = {"patch_size": 8, "intermediate_dim": 32, "image_shape": (SIDE, SIDE, 3), **SMALL}
    return {
        "vit": lambda: models.ViTBackbone(image_shape=(SIDE, SIDE, 3), patch_size=(8, 8), mlp_dim=32, **SMALL),
        "dinov2": lambda: models.DINOV2Backbone(
            position_embedding_shape=(SIDE, SIDE, 3), num_register_tokens=2, **dino
        ),
        "dinov3": lambda: models.DINOV3Backbone(**dino),
        "resnet": lambda: models.ResNetBackbone(
            [64], [3], [64, 128], [1, 1], [1, 2], "basic_block", image_shape=(None, None, 3)
        ),
    }


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """The folder of each preset, and the backbone that was saved in it."""
    found = {}
    for name, make in backbones().items():
        keras.utils.set_random_seed(3)
        folder, backbone = tmp_path_factory.mktemp(name), make()
        backbone.save_to_preset(str(folder))
        found[name] = folder, backbone
    return found


def build(folder, shape=(SIDE, SIDE, 3), **settings):
    return build_base_model(BaseModelSettings(name=f"keras_hub:{folder}", settings=settings), shape)


def output_of(backbone, images):
    names = list(backbone.input) if isinstance(backbone.input, dict) else None
    return np.asarray(backbone({names[0]: images} if names else images))


@pytest.mark.parametrize("name", ["vit", "dinov2", "dinov3"])
def test_the_token_of_the_whole_image(folders, name):
    folder, backbone = folders[name]
    model = build(folder)
    np.testing.assert_allclose(model(IMAGES), output_of(backbone, IMAGES)[:, 0], rtol=1e-4, atol=1e-5)
    assert model.input_shape == (None, SIDE, SIDE, 3) and PureModel(model).feature_size == 16


def test_a_map_is_averaged(folders):
    folder, backbone = folders["resnet"]
    expected = output_of(backbone, IMAGES).mean((1, 2))
    np.testing.assert_allclose(build(folder)(IMAGES), expected, rtol=1e-4, atol=1e-5)


def test_tokens_without_one_for_the_whole_are_averaged(tmp_path):
    patches = {"image_shape": (SIDE, SIDE, 3), "patch_size": (8, 8), "use_class_token": False}
    backbone = hub.models.ViTBackbone(mlp_dim=32, **patches, **SMALL)
    backbone.save_to_preset(str(tmp_path))
    tokens = output_of(backbone, IMAGES)
    assert tokens.shape == (2, 16, 16), "as many as patches"
    np.testing.assert_allclose(build(tmp_path)(IMAGES), tokens.mean(1), rtol=1e-4, atol=1e-5)


def test_the_image_part_of_a_model_of_images_and_texts(tmp_path):
    """SigLIP pools its tokens itself."""
    from keras_hub.src.models.siglip import siglip_text_encoder, siglip_vision_encoder

    vision = siglip_vision_encoder.SigLIPVisionEncoder(8, 16, 2, 2, 32, image_shape=(SIDE, SIDE, 3))
    text = siglip_text_encoder.SigLIPTextEncoder(100, 8, 16, 2, 2, 32, max_sequence_length=16)
    hub.models.SigLIPBackbone(vision, text).save_to_preset(str(tmp_path))
    pooled = output_of(vision, IMAGES)
    assert pooled.shape == (2, 16)
    np.testing.assert_allclose(build(tmp_path)(IMAGES), pooled, rtol=1e-4, atol=1e-5)


def test_pixels_become_what_the_preset_says(folders):
    folder, backbone = folders["resnet"]
    scale, offset = [2 / 255, 1 / 255, 0.5 / 255], [-1.0, 0.0, 0.25]
    converter = {"scale": scale, "offset": offset, "image_size": [8, 8]}
    hub.layers.ImageConverter(**converter).save_to_preset(str(folder))
    before = output_of(backbone, IMAGES * np.float32([2, 1, 0.5]) + np.float32(offset))
    try:
        np.testing.assert_allclose(build(folder)(IMAGES), before.mean((1, 2)), rtol=1e-4, atol=1e-5)
    finally:
        (folder / "image_converter.json").unlink()


def test_sizes(folders):
    assert build(folders["resnet"][0], (48, 40, 3)).input_shape == (None, 48, 40, 3)
    assert build(folders["dinov2"][0], (48, 48, 3)).output_shape == (None, 16), "its places are interpolated"
    with pytest.raises(ValueError, match=r"it takes images of one size: set image.height=32 and image.width=32"):
        build(folders["vit"][0], (48, 48, 3))


def test_grey_images(folders):
    grey = IMAGES[..., :1]
    same = build(folders["vit"][0])(np.repeat(grey, 3, -1))
    np.testing.assert_allclose(build(folders["vit"][0], (SIDE, SIDE, 1))(grey), same, rtol=1e-5, atol=1e-6)


def test_random_weights(folders):
    folder, _ = folders["vit"]
    random = build(folder, weights=None)
    assert random.output_shape == (None, 16) and not np.allclose(random(IMAGES), build(folder)(IMAGES))


@pytest.mark.parametrize("name", ["vit", "resnet"])
def test_part_of_it_is_trained(folders, name):
    model = build(folders[name][0])
    trunk, rest = split(model, "last 2")
    np.testing.assert_allclose(rest(trunk(IMAGES)), model(IMAGES), rtol=1e-4, atol=1e-5)
    assert not trunk.trainable_variables
    assert 0 < len(rest.trainable_variables) < len(rest.variables) + len(trunk.variables)


def test_the_digest_is_of_the_files(folders, tmp_path):
    settings = [BaseModelSettings(name=f"keras_hub:{folders[name][0]}") for name in ("vit", "dinov2")]
    digests = {weights_digest(one) for one in settings}
    assert len(digests) == 2 and all(one.startswith("sha256:") for one in digests)
    assert weights_digest(settings[0].model_copy(update={"settings": {"weights": None}})) is None
    assert "keras-hub" in weights_digest(BaseModelSettings(name="keras_hub:dinov2_small"))
    assert user_module("keras_hub:dinov2_small") == ()


@pytest.mark.parametrize(("given", "there_are"), [("dinov2_smal", "dinov2_small"), ("qqqq", "dinov2_small, vit_base")])
def test_no_such_preset(given, there_are):
    with pytest.raises(
        ValueError, match=rf"no preset or folder '{given}'; there are {there_are}.*KerasHub lists all \d+$"
    ):
        build(given)


def test_without_a_network(monkeypatch):
    def offline(preset, **kwargs):
        raise ConnectionError("Name or service not known")

    monkeypatch.setattr(hub.models.Backbone, "from_preset", offline)
    with pytest.raises(
        ValueError, match=r"put the files of the preset 'dinov2_small' \(config.json.*name it as keras_hub:FOL"
    ):
        build("dinov2_small")


def test_a_model_of_text(tmp_path):
    made = hub.models.BertBackbone(30, 1, 2, 16, 32, max_sequence_length=8)
    made.save_to_preset(str(tmp_path))
    assert json.loads((tmp_path / "config.json").read_text())["class_name"] == "BertBackbone"
    with pytest.raises(ValueError, match="makes no features of images: it is a BertBackbone"):
        build(tmp_path)


def test_without_kerashub(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "keras_hub":
            raise ImportError("No module named 'keras_hub'")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ValueError, match=r"it needs KerasHub .*: pip install 'fewshot-tfx\[hub\]'"):
        build("dinov2_small")
