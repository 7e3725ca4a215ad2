"""What is measured of images that came, on stores in memory and a model of toys."""

import numpy as np
import pytest

from components.fewshot.drift.figures import figures
from components.fewshot.episodes.episode import ClassIndex
from components.fewshot.images.store import ImageStore
from components.fewshot.serving.served import ServedModel
from tests.components.fewshot import toys

PIXELS, LABELS = toys.images(12, 16, 16, seed=2)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    directory = str(tmp_path_factory.mktemp("model"))
    toys.trained("protonet").export(directory)
    served = ServedModel(directory)
    served.manifest.data = {"spec_test": {"way": 3, "shot": 1, "query": 3}}
    return served


def stores_of(known: int, new: int, more: int = 0, change=lambda image: image) -> dict[str, ImageStore]:
    """Twelve classes in three splits, with so many known and new images of each; the last `more` are all new."""

    def store(split: str, first: int) -> ImageStore:
        ids, images, counts = [], [], []
        for label in range(first, first + 4):
            own = PIXELS[np.asarray(LABELS) == label][: known + new]
            at = 0 if label >= 12 - more else known
            ids += [f"span-{2 if i >= at else 1}/{label}/{i:02}" for i in range(len(own))]
            images += [change(image) if i >= at else image for i, image in enumerate(own)]
            counts.append((f"kind {label:02}", "", len(own)))
        raw = split == "test"
        read = [toys.png(image) if raw else image.tobytes() for image in images]
        return ImageStore(ClassIndex.of(counts), ids, lambda row: read[row], None if raw else images[0].shape)

    return {split: store(split, first) for split, first in (("train", 0), ("val", 4), ("test", 8))}


def found(model, **what):
    seen = frozenset(f"kind {label:02}" for label in range(8))
    return figures(stores_of(**what), model, seen, lambda source_id: source_id.startswith("span-2/"), seed=4)


def test_more_of_the_same(model):
    same = found(model, known=6, new=2)
    assert (same["images"], same["known_images"], same["classes"], same["known_classes"]) == (24, 72, [], 12)
    assert same["growth"] == {"classes": 0.0, "images": pytest.approx(2 / 6)}
    assert same["by_looks"]["p"] > 0.05 and same["by_features"]["p"] > 0.05 and same["adapting"] is None
    assert (same["by_looks"]["classes"], same["by_looks"]["known"], same["by_looks"]["new"]) == (12, 72, 24)
    unseen = same["by_features"]
    assert (unseen["classes"], unseen["known"], unseen["new"]) == (4, 24, 8), "what it was trained on tells nothing"
    assert same["mix"] == {"distance": 0.0, "p": 1.0}
    assert all(abs(look["shift"]) < 1 for look in same["looks"].values())
    assert found(model, known=6, new=2) == same


def test_dark_images_look_different_and_are_seen_differently(model):
    other = found(model, known=6, new=2, change=lambda image: image // 4)
    assert other["by_looks"]["p"] < 0.01 and other["by_features"]["p"] < 0.01
    assert other["looks"]["brightness"]["shift"] < -1


def test_new_classes(model):
    more = found(model, known=6, new=2, more=2)
    assert more["classes"] == ["kind 10", "kind 11"] and more["known_classes"] == 10
    on = more["adapting"]
    assert (on["new_classes"], on["known_classes"], on["episodes"]) == (2, 2, 200)


def test_no_image_came(model):
    none = found(model, known=8, new=0)
    assert none["images"] == 0 and none["by_looks"] is None and none["mix"] is None and none["looks"] == {}
