"""What a store is on disk: rows by name, whatever the order of the entries, the shards and the parts."""

import json
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.fewshot.images import parts, rows
from components.fewshot.images.parts import by_part, part_of, parts_for, write_index, write_part, write_shard
from components.fewshot.images.store import ImageStore
from components.fewshot.integrity import Damaged

RECORDS = [("b", "b", "y", 2), ("a", "a", "x", 0), ("b", "b", "z", 3), ("a", "a", "y", 1)]


def write(directory, records, shards=1, number=1):
    """A store of (class, domain, source id, value of the first pixel), each image 2 x 2 x 1."""
    dealt = {}
    for shard in range(shards):
        images = [(c, d, s, bytes([row, 1, 2, 3])) for c, d, s, row in records[shard::shards]]
        for part, entries in by_part(write_shard(str(directory), shard, images), number):
            dealt.setdefault(part, []).extend(entries)
    written = [write_part(str(directory), part, entries) for part, entries in dealt.items()]
    write_index(str(directory), written, number, (2, 2, 1))
    return ImageStore.open(str(directory))


def contents(store):
    return [store.read(row)[0] for row in range(len(store.source_ids))]


def described(directory):
    return json.loads((directory / "index.json").read_text())


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize("number", [1, 2, 5])
def test_rows_are_sorted_by_class_then_source(tmp_path, shards, number):
    store = write(tmp_path, RECORDS, shards, number)
    assert store.index.names == ("a", "b") and store.index.starts.tolist() == [0, 2, 4]
    assert list(store.source_ids) == ["x", "y", "y", "z"]
    assert contents(store) == [0, 1, 2, 3]


def test_a_small_store_worked_out_by_hand(tmp_path):
    """CRC-32 of "a" is 3904355907 and of "b" 1908338681, so of two parts both are in part 1; of three, a is in 0 and b in 2."""
    assert [part_of(name, 2) for name in "ab"] == [1, 1] and [part_of(name, 3) for name in "ab"] == [0, 2]
    write(tmp_path, RECORDS, number=3)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "index.json",
        "part-00000.npz",
        "part-00002.npz",
        "shard-00000.bin",
    ]
    part = np.load(tmp_path / "part-00002.npz")
    assert part["places"][["shard", "offset", "length"]].tolist() == [(0, 0, 4), (0, 8, 4)]
    assert part["names"].tobytes() == b"yz" and part["ends"].tolist() == [1, 2]
    index = described(tmp_path)
    assert index["classes"] == [{"name": "a", "domain": "a", "count": 2}, {"name": "b", "domain": "b", "count": 2}]
    assert [bool(digest) for digest in index["parts"]] == [True, False, True]


def test_the_index_grows_with_classes_and_parts_alone(tmp_path):
    sizes = []
    for images in (10, 1000):
        write(tmp_path / f"{images}", [("a", "a", f"{i}.png", i % 250) for i in range(images)])
        sizes.append((tmp_path / f"{images}" / "index.json").stat().st_size)
    assert sizes[1] == sizes[0] + 4  # two more digits, of the images of the class and of all


@given(
    names=st.lists(st.text(min_size=1, max_size=3), min_size=1, max_size=6, unique=True),
    images=st.integers(1, 4),
    shards=st.integers(1, 4),
    number=st.integers(1, 7),
    seed=st.integers(0, 99),
)
@settings(max_examples=25, deadline=None)
def test_any_order_any_shards_any_parts_the_same_store(tmp_path_factory, names, images, shards, number, seed):
    records = [(name, "d", f"ü{i}/{name}", j * images + i) for j, name in enumerate(names) for i in range(images)]
    expected = sorted(records, key=lambda record: (record[0], record[2]))
    one = write(tmp_path_factory.mktemp("one"), records)
    shuffled = random.Random(seed).sample(records, len(records))
    other = write(tmp_path_factory.mktemp("other"), shuffled, shards, number)
    for store in (one, other):
        assert list(store.source_ids) == [source for _, _, source, _ in expected]
        assert contents(store) == [row for *_, row in expected]
        assert store.index.names == tuple(sorted(names)) and set(store.index.counts.tolist()) == {images}
    assert other.fingerprint == one.fingerprint


def test_the_bytes_of_parts_and_index_depend_on_nothing_else(tmp_path):
    def written(name, records):
        write(tmp_path / name, records, 1, 3)
        return {path.name: path.read_bytes() for path in (tmp_path / name).iterdir() if path.suffix != ".bin"}

    assert written("one", RECORDS) == written("again", RECORDS)


def test_the_fingerprint_is_of_content(tmp_path):
    one = write(tmp_path / "one", RECORDS)
    assert write(tmp_path / "shuffled", RECORDS[::-1], 3, 4).fingerprint == one.fingerprint
    other = [*RECORDS[:3], ("a", "a", "y", 9)]
    assert write(tmp_path / "other", other).fingerprint != one.fingerprint
    renamed = [*RECORDS[:3], ("a", "a", "z", 1)]
    assert write(tmp_path / "renamed", renamed).fingerprint != one.fingerprint


def test_one_source_id_twice(tmp_path):
    with pytest.raises(ValueError, match="two images of class 'a' have the source id 'x'"):
        write(tmp_path, [*RECORDS, ("a", "a", "x", 7)])


@pytest.mark.parametrize("domains", ["yxx", "yyx", "xy"])
def test_one_name_is_one_class_whatever_its_domains(tmp_path, domains):
    """Rows are grouped by name alone; the domain is that of the first."""
    records = [("oak", domain, f"{row}.png", row) for row, domain in enumerate(domains)]
    store = write(tmp_path, [*records, ("ash", "y", "0.png", 9)], 2)
    assert store.index.names == ("ash", "oak") and store.index.domains == ("y", domains[0])
    assert store.index.starts.tolist() == [0, 1, 1 + len(domains)]
    assert list(store.source_ids) == ["0.png", *(f"{row}.png" for row in range(len(domains)))], "by source id alone"
    assert contents(store) == [9, *range(len(domains))]


def test_one_source_id_in_two_domains(tmp_path):
    with pytest.raises(ValueError, match="two images of class 'a' have the source id 'x'"):
        write(tmp_path, [*RECORDS, ("a", "other", "x", 7)])


def test_no_store(tmp_path):
    with pytest.raises(FileNotFoundError, match="no image store at"):
        ImageStore.open(str(tmp_path))


def test_a_store_without_images(tmp_path):
    store = write(tmp_path, [])
    assert store.index.names == () and len(store.source_ids) == 0 and list(store.source_ids) == []


@pytest.mark.parametrize("row", [-1, 4])
def test_a_row_that_is_not_there(tmp_path, row):
    store = write(tmp_path, RECORDS)
    with pytest.raises(IndexError, match=f"expected a row from 0 to 3, got {row}"):
        store.read(row)


def test_how_many_parts():
    most = parts.PART_IMAGES
    assert [parts_for(images) for images in (0, 1, most, most + 1, 50 * most)] == [1, 1, 1, 2, 50]


def test_few_parts_and_shards_are_kept(tmp_path, monkeypatch):
    """With room for one part and two shards every image is still found, in any order."""
    records = [(f"c{i % 7}", "d", f"{i}.png", i) for i in range(42)]
    monkeypatch.setattr(rows, "SHARDS_OPEN", 2)
    monkeypatch.setattr(rows, "PARTS_KEPT", 400)
    store = write(tmp_path, records, shards=6, number=4)
    found = {store.source_ids[row]: store.read(row)[0] for row in np.random.default_rng(0).permutation(42)}
    assert found == {f"{i}.png": i for i in range(42)}


@pytest.mark.parametrize("place", range(16))
def test_an_image_with_another_byte_is_never_shown(tmp_path, place):
    """There are four images of four bytes; the other three are as they were."""
    directory = tmp_path / "store"
    write(directory, RECORDS)
    flip(directory / "shard-00000.bin", place)
    store = ImageStore.open(str(directory))
    # In the shard: row 2, 0, 3, 1 (the records as they were given, whose last number is the row).
    damaged = RECORDS[place // 4][3]
    for row in {0, 1, 2, 3} - {damaged}:
        assert store.read(row) == bytes([row, 1, 2, 3])
    with pytest.raises(
        Damaged, match=r"store is damaged \(shard-00000.bin has other bytes than were written for '[xyz]'\)"
    ):
        store.read(damaged)


def test_another_byte_in_a_part_is_found_when_it_is_read(tmp_path):
    """No row of it is shown; those of the other part are as they were."""
    write(tmp_path, RECORDS, number=3)
    size = (tmp_path / "part-00002.npz").stat().st_size
    for place in (0, 100, size // 2, size - 32, size - 1):
        flip(tmp_path / "part-00002.npz", place)
        store = ImageStore.open(str(tmp_path))
        for row in (2, 3):
            with pytest.raises(Damaged, match="part-00002.npz has other bytes than were written"):
                store.read(row)
        assert [store.read(row)[0] for row in (0, 1)] == [0, 1]
        flip(tmp_path / "part-00002.npz", place)
    assert contents(ImageStore.open(str(tmp_path))) == [0, 1, 2, 3]


def flip(path, place):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
