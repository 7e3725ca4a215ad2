import hashlib
import itertools
import os
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from data.glyphs import generate as glyphs
from data.glyphs.drawing import Dice, draw, png
from data.glyphs.generate import generate_glyphs
from data.glyphs.scripts import SCRIPTS
from data.glyphs.shapes import characters, shapes

# Over every 10th class of the set, grey then colour: another number means other bytes, so a new VERSION.
CONTENT = "5d03cacd185e405a"


@pytest.fixture(scope="module")
def few():
    """The real set cut to every 60th character."""
    cut = characters()[::60]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(glyphs, "characters", lambda: cut)
        yield cut


def files(root):
    return sorted(
        os.path.relpath(os.path.join(folder, name), root) for folder, _, names in os.walk(root) for name in names
    )


def test_the_set_is_as_large_and_as_divided_as_promised():
    every = characters()
    by_split = {split: [one for one in every if one.script.split == split] for split in ("train", "val", "test")}
    assert len(every) >= 1000
    assert len({one.script.name for one in every}) >= 40
    assert len({one.code for one in every}) == len(every)
    assert [len(by_split[split]) for split in ("train", "val", "test")] == [854, 153, 315]
    for script in {one.script for one in every}:
        assert 5 <= sum(one.script == script for one in every) <= 32
    names = [{one.script.name for one in by_split[split]} for split in by_split]
    assert not (names[0] & names[1] or names[0] & names[2] or names[1] & names[2])


def test_no_two_blocks_overlap():
    ranges = sorted((script.first, script.last) for script in SCRIPTS)
    assert all(first <= last for first, last in ranges)
    assert all(one[1] < other[0] for one, other in itertools.pairwise(ranges))


def test_characters_that_look_alike_stand_once():
    codes = {one.code for one in characters()}
    for alike in ("AΑА", "OΟО", "HΗН", "oοоօ", "XΧХ", "·∙⋅", "−–—"):
        assert sum(ord(one) in codes for one in alike) <= 1, alike
    assert sum(ord(one) in codes for one in "←→↑↓") >= 1


def test_content_is_the_same_on_every_machine():
    digest = hashlib.sha256()
    for character in characters()[::10]:
        for colour in (False, True):
            pixels = draw(shapes(character.code), 20, Dice(f"glyphs {glyphs.VERSION} {character.code:04X}"), colour)
            digest.update(character.folder.encode() + b"".join(map(png, pixels)))
    assert digest.hexdigest()[:16] == CONTENT


def test_colour_is_the_same_drawing():
    character = characters()[0]
    grey, colour = (draw(shapes(character.code), 4, Dice("x"), one) for one in (False, True))
    assert grey.shape == (4, 32, 32, 1)
    assert colour.shape == (4, 32, 32, 3)
    assert grey.dtype == colour.dtype == np.uint8
    dark_grey, dark_colour = (pixels.mean(axis=-1) < 150 for pixels in (grey, colour))
    assert (dark_grey == dark_colour).mean() > 0.95


def test_every_image_of_a_class_differs_and_shows_ink():
    for character in characters()[::50]:
        images = draw(shapes(character.code), 20, Dice(character.folder), colour=False)
        assert len({image.tobytes() for image in images}) == 20
        assert (images.min(axis=(1, 2, 3)) < 160).all()
        assert (images.max(axis=(1, 2, 3)) > 180).all()


def test_dice_worked_out_from_their_definition():
    dice = Dice("name")
    key = int.from_bytes(hashlib.sha256(b"name").digest()[:16], "little")
    raw = np.random.Philox(key=key).random_raw(3)
    assert dice.between(-2, 5, 3).tolist() == [int(number % 8) - 2 for number in raw]
    grain = Dice("grain").grain((1000,))
    assert grain.min() >= -15
    assert grain.max() <= 15
    assert abs(grain.mean()) < 1


@pytest.mark.parametrize("channels", [1, 3])
def test_png_is_read_by_others_and_not_compressed(channels):
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, channels), np.uint8)
    data = png(pixels)
    read = np.asarray(Image.open(BytesIO(data))).reshape(pixels.shape)
    np.testing.assert_array_equal(read, pixels)
    length = int.from_bytes(data[33:37], "big")
    assert len(zlib.decompress(data[41 : 41 + length])) == 32 * (1 + 32 * channels) == length - 11


def test_the_folder_appears_whole_and_once(few, tmp_path, monkeypatch):
    directory = str(tmp_path / "deep" / "glyphs")
    assert generate_glyphs(directory, images_per_class=2) == directory
    listed = files(directory)
    assert len(listed) == 2 * len(few) + 1
    one = few[0]
    assert f"{one.script.split}/{one.script.name}/U+{one.code:04X} " in listed[1] + "".join(listed)
    monkeypatch.setattr(glyphs, "_write", lambda *_: pytest.fail("the set is there already"))
    assert generate_glyphs(directory, images_per_class=2) == directory


def test_a_killed_generation_leaves_no_half_set(few, tmp_path, monkeypatch):
    directory = tmp_path / "glyphs"
    calls = []

    def killed(shape, count, dice, colour):
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return draw(shape, count, dice, colour)

    with monkeypatch.context() as patch:
        patch.setattr(glyphs, "draw", killed)
        with pytest.raises(KeyboardInterrupt):
            generate_glyphs(str(directory), images_per_class=2)
    assert not directory.exists()
    assert (tmp_path / "glyphs.unfinished").exists()
    generate_glyphs(str(directory), images_per_class=2)
    assert len(files(directory)) == 2 * len(few) + 1
    assert not (tmp_path / "glyphs.unfinished").exists()


def test_a_folder_that_holds_something_else_is_left_alone(few, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("precious")
    with pytest.raises(ValueError, match="mine', which holds something else: name another folder or remove this one"):
        generate_glyphs(str(tmp_path / "mine"))
    assert files(tmp_path / "mine") == ["file"]
    generate_glyphs(str(tmp_path / "set"), images_per_class=1)
    with pytest.raises(ValueError, match='which holds .*"images_per_class": 1}: name another folder'):
        generate_glyphs(str(tmp_path / "set"), images_per_class=2)


@pytest.mark.parametrize("number", [0, 101])
def test_an_absurd_number_of_images(tmp_path, number):
    with pytest.raises(ValueError, match=f"images_per_class: expected 1 to 100 images, got {number}"):
        generate_glyphs(str(tmp_path / "set"), images_per_class=number)
