"""Scores of a detector on an episode: by hand, properties, and the same numbers as COCO's own evaluation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.fewshot.episodes.scenes import IGNORED, NOTHING, STRANGER, Detections
from components.fewshot.evaluation.detections import (
    KEPT,
    MOST,
    Proposed,
    Truth,
    average_precisions,
    from_json,
    score,
)
from components.fewshot.evaluation.matching import match
from components.fewshot.evaluation.results import to_json

A, B, C = (0.0, 0.0, 0.5, 0.5), (0.0, 0.5, 0.5, 1.0), (0.5, 0.0, 1.0, 0.5)
CLASSES = [("a", "Latin"), ("b", "Latin"), ("c", "Greek")]


def episode(seed, way=3, images=6, objects=5, detections=20, ties=False):
    """Random scenes with detections of which some are nearly right; float32, as a model gives them.

    With `ties` many scores are equal, and so are many overlaps, because boxes have their corners on a coarse grid.
    """
    rng = np.random.default_rng(seed)

    def boxes(count):
        place, size = rng.uniform(0, 0.6, (images, count, 2)), rng.uniform(0.05, 0.4, (images, count, 2))
        return np.concatenate([place, place + size], -1)

    true = boxes(objects).astype(np.float32)
    labels = rng.choice([*range(way), STRANGER, IGNORED, NOTHING], (images, objects)).astype(np.int32)
    labels[0, 0] = 0
    of = rng.integers(0, objects, (images, detections))
    near = np.take_along_axis(true, of[..., None], 1) + rng.normal(0, 0.02, (images, detections, 4))
    lost = rng.random((images, detections)) < 0.4
    found = np.where(lost[..., None], boxes(detections), near).astype(np.float32)
    classes = np.take_along_axis(labels, of, 1)
    classes = np.where((classes < 0) | (rng.random(classes.shape) < 0.2), rng.integers(0, way, classes.shape), classes)
    scores = rng.permutation(images * detections).reshape(images, detections) / (images * detections)
    if ties:
        true, found, scores = np.round(8 * true) / 8, np.round(8 * found) / 8, np.round(5 * scores) / 5
    order = np.argsort(-scores, 1, kind="stable")
    found, scores, classes = (
        np.take_along_axis(found, order[..., None], 1),
        *(np.take_along_axis(one, order, 1) for one in (scores, classes)),
    )
    classes[np.arange(detections) >= rng.integers(0, detections + 1, images)[:, None]] = -1
    pixels = np.full((images, 2), 128) if ties else rng.integers(30, 300, (images, 2))
    names = [(f"c{i}", f"d{i % 2}") for i in range(way)]
    return (
        Detections(found, scores.astype(np.float32), classes.astype(np.int32)),
        Truth(true, labels, pixels.prod(1)),
        names,
        pixels,
    )


def by_hand(proposals=None):
    """Two images. Of class a two objects, both found, with a wrong one between them; of b one, not found; of c none."""
    found = Detections(
        np.array([[A, B], [C, A]], np.float32),
        np.array([[0.9, 0.2], [0.7, 0.5]], np.float32),
        np.array([[0, -1], [0, 0]], np.int32),
    )
    truth = Truth(
        np.array([[A, B], [A, B]], np.float32), np.array([[0, 1], [0, STRANGER]], np.int32), np.array([10_000, 90_000])
    )
    return score(4, 1, found, truth, CLASSES, 0.6, proposals)


def test_one_episode_by_hand():
    result = by_hand()
    ap = (51 + 50 * 2 / 3) / 101  # test_average_precision.py
    assert (result.index, result.shot, result.way, result.images) == (4, 1, 3, 2)
    assert result.classes[0] == ("a", "Latin", 2, 1, pytest.approx(ap))  # the one with a score of 0.5 is not shown
    assert result.classes[1:] == (("b", "Latin", 1, 0, 0.0), ("c", "Greek", 0, 0, None))
    assert (result.figure, result.mean_ap, result.ap75) == pytest.approx((ap / 2, ap / 2, ap / 2))
    assert (result.objects, result.found, result.wrong, result.threshold) == (3, 1, 1, 0.6)
    assert result.names == {"a", "b", "c"}
    # Of 10,000 pixels a quarter is medium (2,500), and of 90,000 large (22,500). One of a is medium: the right one. One is
    # large: found, with a wrong large one before it. The object of b is medium.
    assert result.by_size == (None, pytest.approx(1 / 2), pytest.approx(1 / 2))
    filled = {place: (one.count, one.correct) for place, one in enumerate(result.bins) if one.count}
    assert filled == {53: (1, 1), 41: (1, 0), 30: (1, 1)}  # float32 of 0.9 and 0.7 are below 54 and 42 sixtieths
    assert result.proposed is None


def test_proposals_by_hand():
    """Four objects of any class. In the first image the 11th proposal is on one; in the second the first covers 2/3 of one."""
    far, shifted = (0.6, 0.6, 0.7, 0.7), (0.0, 0.1, 0.5, 0.6)
    proposals = np.array([[far] * 10 + [A], [shifted] + [far] * 10], np.float32)
    result = by_hand(proposals)
    assert KEPT == (10, 50, 100)
    assert result.proposed == Proposed(4, (4, 14, 14))  # 2/3 is enough at 0.5, 0.55, 0.6 and 0.65


def test_of_many_detections_the_surest_count():
    boxes = np.tile(np.array(B, np.float32), (1, MOST + 1, 1))
    boxes[0, 3] = A
    scores = np.linspace(0.1, 0.9, MOST + 1, dtype=np.float32)[None]
    scores[0, 3] = 0
    truth = Truth(np.array([[A]], np.float32), np.array([[0]], np.int32), np.array([100]))
    found = Detections(boxes, scores, np.zeros((1, MOST + 1), np.int32))
    assert score(0, 1, found, truth, CLASSES, 0.5).figure == 0
    scores[0, 3] = 1
    assert score(0, 1, found, truth, CLASSES, 0.5).figure == 1


def test_broken_models_and_empty_queries():
    found, truth, names, _ = episode(0)
    broken = np.array(found.scores)
    broken[1, 0], found.classes[1, 0] = np.nan, 1
    with pytest.raises(ValueError, match="episode 3: expected boxes and scores, got some that are not finite"):
        score(3, 1, found._replace(scores=broken), truth, names, 0.5)
    with pytest.raises(
        ValueError, match="episode 3: expected an object of one of its classes in the queries, got none"
    ):
        score(3, 1, found, truth._replace(labels=np.full_like(truth.labels, IGNORED)), names, 0.5)


seeds = st.integers(0, 2**31)


@settings(max_examples=40)
@given(seeds, st.booleans())
def test_json_and_back_to_the_last_digit(seed, proposes):
    found, truth, names, _ = episode(seed)
    result = score(7, 2, found, truth, names, 0.3, found.boxes if proposes else None)
    assert from_json(to_json(result)) == result
    assert "\n" not in to_json(result)


@settings(max_examples=40)
@given(seeds, st.randoms())
def test_the_order_of_images_does_not_matter(seed, random):
    found, truth, names, _ = episode(seed)
    order = random.sample(range(len(found.boxes)), len(found.boxes))
    shuffled = (type(one)(*(part[order] for part in one)) for one in (found, truth))
    assert score(0, 1, *shuffled, names, 0.5, found.boxes[order]) == score(0, 1, found, truth, names, 0.5, found.boxes)


@settings(max_examples=40)
@given(seeds, st.permutations(range(3)))
def test_the_numbers_of_the_classes_do_not_matter(seed, new):
    found, truth, names, _ = episode(seed)
    new = np.array([*new, NOTHING, IGNORED, STRANGER])  # -3, -2 and -1 stay
    renamed = [names[old] for old in np.argsort(new[:3])]
    one = score(0, 1, found, truth, names, 0.5)
    other = score(
        0,
        1,
        found._replace(classes=np.where(found.classes < 0, -1, new[found.classes])),
        truth._replace(labels=new[truth.labels]),
        renamed,
        0.5,
    )
    assert other == one._replace(classes=tuple(one.classes[old] for old in np.argsort(new[:3])))


@settings(max_examples=40)
@given(seeds)
def test_perfect_detections(seed):
    _, truth, names, _ = episode(seed)
    known = truth.labels >= 0
    perfect = Detections(truth.boxes, np.where(known, 0.9, 0).astype(np.float32), np.where(known, truth.labels, -1))
    truth = truth._replace(
        labels=np.where(truth.labels == IGNORED, NOTHING, truth.labels)
    )  # an area may hide an object
    result = score(0, 1, perfect, truth, names, 0.5, truth.boxes)
    assert result.figure == result.mean_ap == result.ap75 == 1
    assert result.wrong == 0
    assert result.found == result.objects
    objects = int((known | (truth.labels == STRANGER)).sum())
    assert result.proposed == Proposed(objects, (10 * objects,) * 3)


@settings(max_examples=40)
@given(seeds)
def test_a_wrong_one_after_the_last_never_raises_the_figure(seed):
    found, truth, names, _ = episode(seed)
    boxes = np.concatenate([found.boxes, np.tile(np.float32([[[0.99, 0.99, 1, 1]]]), (len(found.boxes), 1, 1))], 1)
    scores = np.pad(found.scores, ((0, 0), (0, 1)))
    classes = np.pad(found.classes, ((0, 0), (0, 1)))
    one, other = (score(0, 1, it, truth, names, 0.5) for it in (found, Detections(boxes, scores, classes)))
    assert other.figure <= one.figure
    assert other.wrong == one.wrong, "they are below the threshold"


def coco_evaluation(found, truth, pixels, way, classes_count=True, most=(10, 50, 100)):
    """COCO's evaluation of one episode by faster-coco-eval, with boxes in pixels as COCO has them."""
    coco = pytest.importorskip("faster_coco_eval", reason="compares with faster-coco-eval, which is not installed")
    images = [{"id": i + 1, "height": int(h), "width": int(w)} for i, (h, w) in enumerate(pixels)]

    def rows(boxes, labels, one_of_each):
        for image, (here, own) in enumerate(zip(boxes.astype(float), labels, strict=True)):
            scale = np.tile(pixels[image], 2)
            for place, ((top, left, bottom, right), label) in enumerate(zip(here * scale, own, strict=True)):
                box = [left, top, right - left, bottom - top]
                for category in one_of_each(label):
                    yield (
                        image,
                        place,
                        {"image_id": image + 1, "category_id": int(category) + 1, "bbox": box, "area": box[2] * box[3]},
                    )

    def categories(label):  # an ignored area is one for every class
        return range(way) if label == IGNORED else [label] if label >= 0 else []

    true = [
        {**row, "id": number, "iscrowd": int(truth.labels[image, place] == IGNORED)}
        for number, (image, place, row) in enumerate(rows(truth.boxes, truth.labels, categories), 1)
    ]
    detected = [
        {**row, "score": float(found.scores[image, place])}
        for image, place, row in rows(found.boxes, found.classes, lambda label: [label] if label >= 0 else [])
    ]
    known = coco.COCO(
        {"images": images, "annotations": true, "categories": [{"id": i + 1, "name": str(i)} for i in range(way)]}
    )
    evaluation = coco.COCOeval_faster(known, known.loadRes(detected), "bbox", print_function=lambda *_: None)
    evaluation.params.maxDets = list(most)
    evaluation.params.useCats = int(classes_count)
    evaluation.evaluate()
    evaluation.accumulate()
    return evaluation.eval


@pytest.mark.parametrize("ties", [False, True])
def test_the_same_numbers_as_coco(ties):
    """Every class, size and threshold of 200 episodes."""
    compared = 0
    for seed in range(200):
        found, truth, names, pixels = episode(seed, ties=ties)
        if (found.classes < 0).all():
            continue
        precision = coco_evaluation(found, truth, pixels, len(names))["precision"][..., -1]  # [T, recalls, way, S]
        theirs = np.where(precision.min(1) < 0, np.nan, precision.mean(1)).transpose(1, 2, 0)
        outcome = match(found.boxes, found.classes, truth.boxes, truth.labels, truth.pixels)
        ours = average_precisions(found.scores, found.classes, outcome, truth.labels, len(names))
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9)
        result = score(seed, 1, found, truth, names, 0.5)
        assert result.figure == pytest.approx(np.nanmean(theirs[:, 0, 0]), abs=1e-9)
        assert result.mean_ap == pytest.approx(np.nanmean(theirs[:, 0]), abs=1e-9)
        assert result.ap75 == pytest.approx(np.nanmean(theirs[:, 0, 5]), abs=1e-9)
        for size, value in enumerate(result.by_size, start=1):
            assert (value is None) == np.isnan(theirs[:, size]).all()
            assert value is None or value == pytest.approx(np.nanmean(theirs[:, size]), abs=1e-9)
        compared += np.isfinite(theirs).sum()
    assert compared > 10_000


def test_the_same_recall_of_proposals_as_coco():
    for seed in range(60):
        found, truth, names, pixels = episode(seed, ties=seed % 2 == 1)
        proposals = found._replace(classes=np.zeros_like(found.classes))
        labels = np.where((truth.labels >= 0) | (truth.labels == STRANGER), 0, truth.labels)
        recall = coco_evaluation(proposals, truth._replace(labels=labels), pixels, 1, False)[
            "recall"
        ]  # [T, 1, S, kept]
        ours = score(seed, 1, found, truth, names, 0.5, proposals.boxes).proposed
        np.testing.assert_allclose(
            np.array(ours.found) / (10 * ours.objects), recall[:, 0, 0].mean(0), rtol=0, atol=1e-9
        )


@settings(max_examples=40)
@given(seeds, st.integers(2, 8), st.integers(1, 12), st.integers(1, 70))
def test_whatever_the_numbers(seed, way, images, detections):
    found, truth, names, _ = episode(seed, way, images, 4, detections)
    result = score(0, 1, found, truth, names, 0.5)
    assert 0 <= result.mean_ap <= 1 and 0 <= result.figure <= 1
    assert sum(one.count for one in result.bins) <= min(detections, MOST) * images
    assert result.found + result.wrong == sum(
        one.count for place, one in enumerate(result.bins) if place >= len(result.bins) // 2
    )
