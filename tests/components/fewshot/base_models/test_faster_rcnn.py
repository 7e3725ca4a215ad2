"""The base model of detectors: its parts, alone and together."""

import keras
import numpy as np
import pytest

from components.fewshot.base_models.faster_rcnn import CELLS, faster_rcnn
from components.fewshot.base_models.pure import PureModel

SHAPE = (64, 96, 1)


@pytest.fixture(scope="module")
def pure() -> PureModel:
    keras.utils.set_random_seed(0)
    return PureModel(faster_rcnn(SHAPE, filters=8, embedding=16, sizes=[0.2, 0.5]))


def called(pure: PureModel, part: str, inputs, statistics: bool = False):
    trainable = [v.value for v in pure.model.trainable_variables]
    state = [v.value for v in pure.model.non_trainable_variables]
    return pure.part(part, trainable, state, inputs, training=statistics, batch_statistics=statistics)


def test_parts(pure):
    images = np.random.default_rng(0).random((2, *SHAPE), np.float32)
    maps, _ = called(pure, "features", images)
    assert maps.shape == (2, 16, 24, 8)
    rpn, _ = called(pure, "rpn", maps)
    anchors = 16 * 24 * 6
    assert rpn["objectness"].shape == (2, anchors) and rpn["deltas"].shape == rpn["anchors"].shape == (2, anchors, 4)
    head, _ = called(pure, "roi_head", np.zeros((5, CELLS, CELLS, 8), np.float32))
    assert head["embedding"].shape == (5, 16) and head["deltas"].shape == (5, 4)
    assert pure.feature_size == 16 and pure.has_batch_norm


def test_the_parts_are_the_whole(pure):
    images = np.random.default_rng(1).random((2, *SHAPE), np.float32)
    whole = pure.model(images, training=False)
    maps, _ = called(pure, "features", images)
    np.testing.assert_allclose(maps, whole["map"], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(called(pure, "rpn", maps)[0]["objectness"], whole["objectness"], rtol=1e-3, atol=1e-4)


def test_a_part_returns_the_state_of_the_whole(pure):
    images = np.random.default_rng(2).random((2, *SHAPE), np.float32)
    before = [v.numpy() for v in pure.model.non_trainable_variables]
    _, state = called(pure, "features", images, statistics=True)
    assert len(state) == len(before) and any(np.any(a != b) for a, b in zip(before, state, strict=True))
    for was, variable in zip(before, pure.model.non_trainable_variables, strict=True):
        np.testing.assert_array_equal(was, variable.numpy())


def test_names_tell_the_parts(pure):
    names = {weight.name for weight in pure.weights.values()}
    assert {"rpn_objectness/kernel", "roi_embedding/kernel", "stride4/kernel"} <= names


@pytest.fixture(scope="module")
def seeing() -> PureModel:
    keras.utils.set_random_seed(0)
    return PureModel(faster_rcnn(SHAPE, filters=8, embedding=16, sizes=[0.2, 0.5], frozen=True, plain=6))


def test_what_the_trunk_sees_is_a_part_of_the_embedding(seeing):
    images = np.random.default_rng(0).random((2, *SHAPE), np.float32)
    maps, _ = called(seeing, "features", images)
    assert maps.shape == (2, 16, 24, 8 + 6) and seeing.feature_size == 16 + 6
    np.testing.assert_array_equal(maps[:, ::2, ::2, 8:], maps[:, 1::2, 1::2, 8:], "it comes from the map of stride 8")
    crops = np.random.default_rng(1).random((5, CELLS, CELLS, 8 + 6), np.float32)
    found = np.array(called(seeing, "roi_head", crops)[0]["embedding"])
    np.testing.assert_allclose(np.linalg.norm(found[:, :16], axis=1), 1, rtol=1e-4)
    mean = crops[..., 8:].mean(axis=(1, 2))
    np.testing.assert_allclose(found[:, 16:], mean / np.linalg.norm(mean, axis=1, keepdims=True), rtol=1e-4)


def test_nothing_teaches_the_proposals_or_boxes_by_it(seeing):
    names = {weight.name for weight in seeing.weights.values()}
    trained = {seeing.weights[id(variable)].name for variable in seeing.model.trainable_variables}
    assert "plain/kernel" in names - trained
    maps, other = (np.random.default_rng(seed).random((1, 16, 24, 14), np.float32) for seed in (0, 1))
    other[..., :8] = maps[..., :8]
    one, two = (called(seeing, "rpn", each)[0]["objectness"] for each in (maps, other))
    np.testing.assert_array_equal(one, two)


def test_less_than_nothing_is_seen():
    with pytest.raises(ValueError, match="plain: expected 0 or more, got -3"):
        faster_rcnn(SHAPE, plain=-3)


def test_there_is_no_such_part(pure):
    with pytest.raises(ValueError, match="rpm"):
        called(pure, "rpm", np.zeros((1, 1), np.float32))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"shape": (64, 65, 1)}, "multiples of 32, got 64 x 65"),
        ({"shape": SHAPE, "stride": 5}, "one of 4, 8, 16, got 5"),
        ({"shape": SHAPE, "trunk": "resnet"}, "expected one of conv, efficientnet_lite0, got 'resnet'"),
    ],
)
def test_what_cannot_be_built(given, said):
    with pytest.raises(ValueError, match=said):
        faster_rcnn(**given)


def test_a_frozen_trunk():
    model = faster_rcnn((64, 64, 3), trunk="efficientnet_lite0", stride=8, frozen=True, weights=None)
    pure = PureModel(model)
    trained = {pure.weights[id(v)].name.split("/")[0] for v in model.trainable_variables}
    assert "conv_stem" not in trained and {"stride8", "stride32", "rpn_conv"} <= trained
    maps, _ = called(pure, "features", np.zeros((1, 64, 64, 3), np.float32))
    assert maps.shape == (1, 8, 8, 64)
