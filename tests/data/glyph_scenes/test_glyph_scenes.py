import hashlib
import itertools
import json
import os
from collections import Counter
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from data.glyph_scenes import generate
from data.glyph_scenes.clutter import clutter, paper
from data.glyph_scenes.drawing import DIFFERENT, SIDE, SPLITS, characters_of, dealt, scene
from data.glyph_scenes.generate import ANNOTATIONS, SCENES, annotations, class_name, generate_glyph_scenes
from data.glyphs.drawing import Dice, png

# Over every 100th scene of each split, grey then colour, and its boxes: another number means other bytes, so a new VERSION.
CONTENT = "b692378ca81dec91"


@pytest.fixture(scope="module")
def scenes():
    """Some scenes of each split."""
    return {split: [scene(split, number) for number in range(64)] for split in SPLITS}


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(generate, "SCENES", {"train": 5, "val": 3, "test": 4})


def box_iou(one, other):
    height = max(min(one.bottom, other.bottom) - max(one.top, other.top), 0)
    width = max(min(one.right, other.right) - max(one.left, other.left), 0)
    area = sum((box.bottom - box.top) * (box.right - box.left) for box in (one, other))
    return height * width / (area - height * width)


def test_content_is_the_same_on_every_machine():
    digest = hashlib.sha256()
    for split in SPLITS:
        for number in range(0, SCENES[split], 100):
            made = [scene(split, number, colour) for colour in (False, True)]
            for one in made:
                digest.update(png(one.pixels))
            digest.update(json.dumps(annotations(split, made)).encode())
    assert digest.hexdigest()[:16] == CONTENT


def test_no_script_is_in_two_splits_and_there_are_classes_enough():
    scripts = [{one.script.name for one in characters_of(split)} for split in SPLITS]
    assert not any(one & other for one, other in itertools.combinations(scripts, 2))
    assert [len(characters_of(split)) for split in SPLITS] == [854, 96, 182]
    assert max(Counter(one.script.name for one in characters_of("test")).values()) <= 16


@pytest.mark.parametrize("split", SPLITS)
def test_every_class_is_dealt_to_equally_many_scenes(split):
    every = characters_of(split)
    images = Counter(one for number in range(SCENES[split]) for one in dealt(split, number))
    assert images.keys() == set(every)
    assert min(images.values()) >= 12
    assert (
        max(images.values()) - min(images.values()) <= 3
    )  # a scene that is dealt one twice, from two decks, has it once


def test_the_first_scenes_are_dealt_different_characters_of_their_split():
    for split in SPLITS:
        hands = [dealt(split, number) for number in range(len(DIFFERENT))]
        assert [len(hand) for hand in hands] == list(DIFFERENT)
        cards = [one for hand in hands for one in hand]
        assert len(set(cards)) == len(cards)
        assert {one.script.split for one in cards} == {split}


def test_a_scene_holds_what_it_was_dealt_or_less_where_there_is_no_room(scenes):
    missing = 0
    for split, made in scenes.items():
        for number, one in enumerate(made):
            there, hand = Counter(box.character for box in one.placed), dealt(split, number)
            assert there.keys() <= set(hand)
            assert all(times <= 2 for times in there.values())
            missing += len(hand) - len(there)
    assert missing <= 3
    assert any(not one.placed for one in scenes["test"])
    assert any(len({box.character for box in one.placed}) < len(one.placed) for one in scenes["test"])


def test_boxes_lie_within_and_hardly_overlap(scenes):
    sizes = []
    for one in itertools.chain(*scenes.values()):
        for box in one.placed:
            assert 0 <= box.top < box.bottom <= SIDE
            assert 0 <= box.left < box.right <= SIDE
            sizes.append(max(box.bottom - box.top, box.right - box.left))
        assert all(box_iou(*pair) < 0.2 for pair in itertools.combinations(one.placed, 2))
    assert np.quantile(sizes, 0.1) >= 12
    assert np.quantile(sizes, 0.9) <= 56
    assert max(sizes) <= 80


def test_a_box_is_tight_around_what_was_drawn(monkeypatch):
    """Without clutter and grain, on even paper, a lone character is all that differs from it."""
    monkeypatch.setattr("data.glyph_scenes.drawing.clutter", lambda pixels, dice: pixels * 0 + 128)
    monkeypatch.setattr(Dice, "grain", lambda self, shape: np.zeros(shape, np.int16))
    lone = [one for number in range(64) if len((one := scene("test", number)).placed) == 1]
    assert len(lone) >= 5
    for one in lone:
        seen = abs(one.pixels[..., 0].astype(int) - 128) > 0
        (box,) = one.placed
        rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
        assert (rows[0], columns[0], rows[-1] + 1, columns[-1] + 1) == box[1:]


def test_a_scene_depends_on_its_name_alone(scenes):
    for split, number in (("test", 40), ("train", 3)):
        again = scene(split, number)
        np.testing.assert_array_equal(again.pixels, scenes[split][number].pixels)
        assert again.placed == scenes[split][number].placed
    assert scene("train", 10**9).pixels.shape == (SIDE, SIDE, 1)  # there is no end
    assert len({one.pixels.tobytes() for made in scenes.values() for one in made}) == 3 * 64


def test_colour_has_the_same_characters_in_the_same_places(scenes):
    colour = [scene("test", number, colour=True) for number in range(8)]
    for one, grey in zip(colour, scenes["test"], strict=False):
        assert one.placed == grey.placed
        assert one.pixels.shape == (SIDE, SIDE, 3)
        assert abs(one.pixels[..., 0].astype(int) - grey.pixels[..., 0]).mean() < 25  # only the grain differs
    assert max(np.ptp(one.pixels.mean(axis=(0, 1))) for one in colour) > 10


def test_clutter_changes_some_papers_and_stays_in_range():
    changed = 0
    for seed in range(40):
        dice = Dice(f"clutter {seed}")
        empty = paper(dice, SIDE, 3)
        full = clutter(empty, dice)
        assert full.min() >= 0
        assert full.max() <= 255
        changed += bool((full != empty).any())
    assert 30 <= changed <= 40


def test_annotations_of_one_scene_worked_out_from_it(scenes):
    made = scenes["val"][:4]
    found = annotations("val", made)
    assert [image["file_name"] for image in found["images"]] == ["00000.png", "00001.png", "00002.png", "00003.png"]
    names = {category["id"]: category["name"] for category in found["categories"]}
    rows = [(row["image_id"], names[row["category_id"]], row["bbox"]) for row in found["annotations"]]
    assert rows == [
        (number, class_name(box.character), [box.left, box.top, box.right - box.left, box.bottom - box.top])
        for number, one in enumerate(made, start=1)
        for box in one.placed
    ]
    assert len(set(names.values())) == 96


@pytest.mark.usefixtures("few")
def test_the_folder_appears_whole_and_once(tmp_path, monkeypatch):
    directory = str(tmp_path / "deep" / "scenes")
    assert generate_glyph_scenes(directory) == directory
    assert sorted(os.listdir(directory)) == ["glyph_scenes.json", "test", "train", "val"]
    for split, count in generate.SCENES.items():
        folder = os.path.join(directory, split)
        with open(os.path.join(folder, ANNOTATIONS), encoding="utf-8") as file:
            found = json.load(file)
        assert sorted(os.listdir(folder)) == [*(image["file_name"] for image in found["images"]), ANNOTATIONS]
        assert len(found["images"]) == count
        last = found["images"][-1]["file_name"]
        with open(os.path.join(folder, last), "rb") as file:
            pixels = np.asarray(Image.open(BytesIO(file.read())))
        np.testing.assert_array_equal(pixels, scene(split, count - 1).pixels[..., 0])
    monkeypatch.setattr(generate, "_write", lambda *_: pytest.fail("the set is there already"))
    assert generate_glyph_scenes(directory) == directory
    with pytest.raises(ValueError, match='^glyph_scenes .* which holds {"set": "glyph_scenes".*name another folder'):
        generate_glyph_scenes(directory, colour=True)


@pytest.mark.usefixtures("few")
def test_a_killed_generation_leaves_no_half_set(tmp_path, monkeypatch):
    def killed(pixels):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(generate, "png", killed)
        with pytest.raises(KeyboardInterrupt):
            generate_glyph_scenes(str(tmp_path / "scenes"))
    assert not (tmp_path / "scenes").exists()
    generate_glyph_scenes(str(tmp_path / "scenes"))
    assert sorted(os.listdir(tmp_path)) == ["scenes", "scenes.lock"]
