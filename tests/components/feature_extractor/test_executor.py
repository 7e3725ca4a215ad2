"""The FeatureExtractor on real artifacts: what a trunk makes of each image, once, in the rows of the store of pixels."""

import numpy as np
import pytest
from tfx.types import artifact_utils, standard_artifacts

from components.episode_generator.executor import Executor as Generator
from components.episode_generator.settings import EpisodeGeneratorSettings
from components.feature_extractor.build import GIGABYTE, extractor, rows_within
from components.feature_extractor.executor import Executor
from components.feature_extractor.settings import FeatureSettings
from components.fewshot.episodes.episode import ClassIndex, Draw
from components.fewshot.images.feed import to_unit_range
from components.fewshot.images.store import ImageStore
from components.fewshot.integrity import damage
from tests.components import artifacts


@pytest.fixture(scope="module")
def episodes(tmp_path_factory):
    root = tmp_path_factory.mktemp("inputs")
    made = artifacts.artifact(standard_artifacts.Examples, root / "episodes" / "3", 3)
    settings = EpisodeGeneratorSettings(
        train={"way": 3, "query": 2},
        evaluation={"way": 3, "query": 3},
        val_episodes=4,
        test_episodes=4,
        image=artifacts.IMAGE,
    )
    properties = {"settings": settings.model_dump_json()}
    Generator(artifacts.context()).Do(artifacts.write_examples(root), {"episodes": [made]}, properties)
    return made


def settings_of(trainable="last 2", **changes):
    base = {"name": "conv4", "settings": {"filters": 4}, "trainable": trainable} | changes
    image = {"height": artifacts.SIDE, "width": artifacts.SIDE, "channels": 1}
    return FeatureSettings.model_validate({"base_model": base, "image": image})


def extract(root, episodes, settings):
    made = artifacts.artifact(standard_artifacts.Examples, root / "features" / "7", 7)
    properties = {"settings": settings.model_dump_json(), "code_fingerprint": "x", "base_model_weights": ""}
    Executor(artifacts.context()).Do({"episodes": [episodes]}, {"features": [made]}, properties)
    return made


def store_of(artifact, split, **how):
    return ImageStore.open(f"{artifact_utils.get_split_uri([artifact], split)}/store", **how)


def all_of(store):
    return Draw(np.arange(len(store.source_ids)), *[np.zeros(len(store.source_ids), np.int32)] * 2)


@pytest.mark.parametrize(("trainable", "dtype"), [("last 2", "float16"), ("none", "float32")])
def test_each_row_is_what_the_trunk_makes_of_its_image(tmp_path, episodes, trainable, dtype):
    settings = settings_of(trainable)
    made = extract(tmp_path, episodes, settings)
    trunk = extractor(settings).trunk
    assert made.get_string_custom_property("trunk") == trunk.digest() and not damage(made.uri)
    for split in ("train", "val"):
        pixels, features = store_of(episodes, split), store_of(made, split)
        assert list(features.source_ids) == list(pixels.source_ids) and features.index.names == pixels.index.names
        expected = trunk(trunk.values(), to_unit_range(np.asarray(pixels.pixels(all_of(pixels)))))
        found = features.pixels(all_of(features))
        assert found.dtype == dtype
        np.testing.assert_allclose(found, expected, rtol=2e-3, atol=1e-4)


def test_views(tmp_path, episodes):
    """The second view of a training image is that of the mirrored one; validation sees images as they are."""
    settings = settings_of(views=2)
    made = extract(tmp_path, episodes, settings)
    trunk, pixels = extractor(settings).trunk, store_of(episodes, "train")
    assert (store_of(made, "train").views, store_of(made, "val").views) == (2, 1)
    images = pixels.pixels(all_of(pixels))
    plain, mirrored = (
        np.asarray(trunk(trunk.values(), to_unit_range(some))) for some in (images, images[:, :, ::-1].copy())
    )
    store = store_of(made, "train", any_view=True)
    found = store.pixels(all_of(store))
    is_plain, is_mirrored = (
        np.isclose(found, view, rtol=2e-3, atol=1e-3).all(axis=(1, 2, 3)) for view in (plain, mirrored)
    )
    assert (is_plain | is_mirrored).all() and is_plain.any() and is_mirrored.any()
    np.testing.assert_array_equal(store.pixels(all_of(store)), found)


def store_with(*counts):
    index = ClassIndex.of((f"{number}", "", count) for number, count in enumerate(counts))
    return ImageStore(index, [f"{row:03}.png" for row in range(sum(counts))], lambda row: b"", (2, 2, 1))


def test_each_class_has_the_same_share_of_a_budget():
    store = store_with(5, 2, 9)
    assert rows_within(store, 10, 1000).tolist() == list(range(16))
    rows = rows_within(store, 10, 100)  # 4 + 2 + 4 images
    assert np.histogram(rows, [0, 5, 7, 16])[0].tolist() == [4, 2, 4]
    assert rows.tolist() == sorted(rows.tolist())


def test_no_more_of_a_class_than_asked_for():
    store = store_with(5, 2, 9)
    rows = rows_within(store, 10, 1000, most=3)
    assert np.histogram(rows, [0, 5, 7, 16])[0].tolist() == [3, 2, 3]
    assert rows_within(store, 10, 100, most=9).tolist() == rows_within(store, 10, 100).tolist(), (
        "the budget counts as well"
    )


def test_a_budget_for_less_than_two_images_a_class():
    with pytest.raises(ValueError, match="two images of each class needs 0.6 gigabytes, and 0.5 are left; raise it"):
        rows_within(store_with(5, 2, 9), int(0.1 * GIGABYTE), 0.5 * GIGABYTE)


def test_one_image_of_each_class_is_no_fault():
    assert rows_within(store_with(1, 1), 10, 20).tolist() == [0, 1]
