"""Features of test images: each image once, whatever its batch-mates, and nothing in the place of what is missing."""

import os
from types import SimpleNamespace

import numpy as np
import pytest

from components.fewshot.episodes.episode import Draw, Episode, images_of
from components.fewshot.evaluation import features
from components.fewshot.evaluation.features import FeatureStore, deal_out, embed_share, embedded
from components.fewshot.integrity import Incomplete


def draw(*images: tuple[int, int]) -> Draw:
    """(row, turn) of each image."""
    rows, turns = zip(*images, strict=True)
    return Draw(np.array(rows, np.int64), np.array(turns, np.int32), np.zeros(len(rows), np.int32))


EPISODES = [
    Episode(0, np.array([0]), draw((7, 0), (2, 3)), draw((2, 0), (7, 0))),
    Episode(1, np.array([0]), draw((7, 1)), draw((2, 3), (90, 0))),
]


class Source:
    """An image is its own number."""

    def __init__(self):
        self.read = []

    def encoded(self, one):
        self.read += list(zip(one.rows.tolist(), one.turns.tolist(), strict=True))
        return [f"{row} {turn}".encode() for row, turn in zip(one.rows, one.turns, strict=True)]


class Model:
    """The features of an image are its row and turn, `times` as large; the sizes of its batches are kept."""

    def __init__(self, reading=None, times=1):
        self.manifest, self.times, self.sizes = SimpleNamespace(reading=reading), times, []

    def see(self, images):
        self.sizes.append(len(images))
        return np.array([[float(number) for number in image.split()] for image in images], np.float32)

    def embed_seen(self, seen):
        return self.times * seen


def test_distinct_images_by_hand():
    assert images_of(EPISODES).tolist() == [8, 11, 28, 29, 360]


def test_each_image_once_and_found_again():
    model, source = Model(), Source()
    with embedded(model, source, EPISODES) as found:
        assert found.vectors(EPISODES[0].query).tolist() == [[2, 0], [7, 0]]
        assert found.vectors(EPISODES[1].query).tolist() == [[2, 3], [90, 0]]
        assert found.vectors(EPISODES[1].query).dtype == np.float32
    assert sorted(source.read) == [(2, 0), (2, 3), (7, 0), (7, 1), (90, 0)] and model.sizes == [32]


@pytest.mark.parametrize("count", [1, 31, 32, 33, 1024, 1025, 5000])
def test_shares(tmp_path, count):
    """Any number of images, in whole batches of one size, in at most so many files."""
    model, source, rows = Model(), Source(), np.random.default_rng(0).permutation(count)
    number = deal_out([str(tmp_path)], np.arange(count) * 4)
    for share in reversed(range(number)):
        embed_share(share, {str(tmp_path): model}, source)
    assert number <= features.SHARES and set(model.sizes) == {32} and sum(model.sizes) < count + 32
    assert len(source.read) == len(set(source.read)) == count and len(os.listdir(tmp_path)) == number + 1
    vectors = FeatureStore(str(tmp_path)).vectors(draw(*((row, 0) for row in rows)))
    assert vectors[:, 0].tolist() == rows.tolist()


def test_models_that_see_the_same_look_once(tmp_path):
    """The first of them looks for both; a model of its own, or of an unknown reading, looks itself."""
    models = {
        str(tmp_path / str(times)): Model(reading, times)
        for times, reading in [(1, "a"), (2, "a"), (3, "b"), (4, None), (5, None)]
    }
    source = Source()
    for share in range(deal_out(models, np.arange(33) * 4)):
        embed_share(share, models, source)
    assert len(source.read) == len(set(source.read)) == 33
    assert [len(model.sizes) for model in models.values()] in ([2, 0, 2, 2, 2], [0, 2, 2, 2, 2])
    for directory, model in models.items():
        assert FeatureStore(directory).vectors(draw((32, 0), (5, 0)))[:, 0].tolist() == [
            32 * model.times,
            5 * model.times,
        ]


def test_what_is_missing_is_missed(tmp_path):
    for share in range(deal_out([str(tmp_path)], np.arange(2000) * 4)):
        embed_share(share, {str(tmp_path): Model()}, Source())
    with pytest.raises(Incomplete, match="^features: an image of an episode was not embedded$"):
        FeatureStore(str(tmp_path)).vectors(draw((3, 0), (3, 1)))
    with pytest.raises(Incomplete, match="an image of an episode was not embedded"):
        FeatureStore(str(tmp_path)).vectors(draw((2000, 0)))
    (tmp_path / "features-00003").unlink()
    with pytest.raises(Incomplete, match="^features: features-00003 of 2,000 images is missing$"):
        FeatureStore(str(tmp_path))


def test_a_share_that_fails_leaves_nothing_that_could_be_taken_for_it(tmp_path):
    class Failing(Model):
        def see(self, images):
            if images[0].startswith(b"64"):
                raise ValueError("broken")
            return super().see(images)

    deal_out([str(tmp_path)], np.arange(2000) * 4)
    with pytest.raises(ValueError, match="broken"):
        embed_share(1, {str(tmp_path): Failing()}, Source())
    with pytest.raises(Incomplete, match="features-00000 of 2,000 images is missing"):
        FeatureStore(str(tmp_path))
    assert not (tmp_path / "features-00001").exists()
