"""Whether a model adapts to new classes: the figures by hand, and a model on images."""

import numpy as np
import pytest

from components.fewshot.drift.adapting import Pool, adapting, compared, welch
from components.fewshot.episodes.episode import ClassIndex, EpisodeSpec
from components.fewshot.evaluation.results import BINS, Bin, ClassResult, EpisodeResult
from components.fewshot.serving.served import ServedModel
from tests.components.fewshot import toys

SPEC = EpisodeSpec(way=3, shot=1, query=4)


def result(index: int, **right: int) -> EpisodeResult:
    classes = tuple(ClassResult(name, "", 4, correct) for name, correct in right.items())
    return EpisodeResult(index, 1, 0.1, (Bin(1, 0.5, 1),) * BINS, classes)


def test_figures_by_hand():
    """The new class a has 4 + 2 of 8; the known ones b 4, c 2 and d 3 of 4."""
    found = compared([result(0, a=4, b=4, c=2), result(1, a=2, d=3)], frozenset("a"), SPEC)
    assert found is not None
    assert (found["accuracy"], found["known_accuracy"], found["difference"]) == (0.75, 0.75, 0.0)
    assert (found["new_classes"], found["known_classes"], found["bounds"]) == (1, 3, None)
    assert compared([result(0, b=4, c=2)], frozenset("a"), SPEC) is None


def test_welch_by_hand():
    """Variances 0.02 and 0.005 of two and two classes: s² = 0.0125, 1.47 degrees of freedom, t = 6.23."""
    found = welch([0.4, 0.6], [0.8, 0.9])
    assert found is not None
    assert (found["low"] + found["high"]) / 2 == pytest.approx(-0.35)
    assert (found["high"] - found["low"]) / 2 == pytest.approx(6.23 * 0.0125**0.5, rel=0.01)
    assert welch([0.5, 0.5], [0.75, 0.75]) == {"low": -0.25, "high": -0.25}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    directory = str(tmp_path_factory.mktemp("model"))
    toys.trained("protonet").export(directory)
    return ServedModel(directory)


def pool_of(counts: dict[str, int], model: ServedModel | None = None) -> Pool:
    pixels, labels = toys.images(len(counts), max(counts.values()), 16, seed=5)
    files = [
        toys.png(image)
        for place, count in enumerate(counts.values())
        for image in pixels[np.asarray(labels) == place][:count]
    ]
    features = model.embed(files) if model else None
    index = ClassIndex.of((name, "", count) for name, count in counts.items())
    return Pool(index, frozenset(name for name in counts if name.startswith("new")), files, features)


def test_by_features_as_by_images(model):
    counts = {f"new {i}": 5 for i in range(3)} | {f"old {i}": 6 for i in range(4)}
    ours, theirs = (adapting(model, pool, SPEC, 3) for pool in (pool_of(counts, model), pool_of(counts)))
    assert ours == theirs
    assert ours["new_classes"] == 3 and ours["known_classes"] == 4 and ours["query"] == 4 and ours["way"] == 3
    assert 1 / 3 < ours["accuracy"] <= 1


def test_too_few_images(model):
    assert adapting(model, pool_of({"new": 1, "old": 1}), SPEC, 0) is None


def test_few_classes_and_images_are_fitted(model):
    found = adapting(model, pool_of({"new": 3, "old": 3}, model), EpisodeSpec(way=5, shot=1, query=15), 0)
    assert (found["way"], found["query"]) == (2, 2)
