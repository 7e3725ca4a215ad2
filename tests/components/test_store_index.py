"""The index of a store by Beam: the same bytes as without it, whoever does the work."""

import apache_beam as beam
import pytest

from components import store_index
from components.fewshot.images import parts
from components.fewshot.images.parts import by_part, write_index, write_part, write_shard
from tests.components import artifacts

SHARDS, PARTS, SHAPE = 3, 4, (2, 2, 1)


def images_of(shard):
    """Of each of six classes, two images."""
    return [(f"c{i}", "d", f"{shard}-{j}.png", bytes([shard, i, j, 0])) for j in range(2) for i in range(6)]


def dealt(shard, directory):
    return store_index.dealt(write_shard(directory, shard, images_of(shard)), PARTS)


def contents(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir()}


@pytest.mark.parametrize("workers", [artifacts.ONE_WORKER, artifacts.TWO_PROCESSES], ids=["one", "two"])
def test_it_writes_what_is_written_without_it(tmp_path, monkeypatch, workers):
    monkeypatch.setattr(parts, "TOGETHER", 5)  # so that a part gets several lists of each shard
    alone, together = tmp_path / "alone", tmp_path / "together"
    entries = [e for shard in range(SHARDS) for e in write_shard(str(alone), shard, images_of(shard))]
    by_number = {}
    for number, some in by_part(entries, PARTS):
        by_number.setdefault(number, []).extend(some)
    write_index(str(alone), [write_part(str(alone), *one) for one in by_number.items()], PARTS, SHAPE)
    with beam.Pipeline(argv=[*workers]) as pipeline:
        shards = pipeline | beam.Create(range(SHARDS)) | beam.FlatMap(dealt, str(together))
        _ = shards | store_index.WriteIndex(str(together), PARTS, SHAPE)
    assert contents(together) == contents(alone)
    assert len(contents(alone)) == SHARDS + len(by_number) + 1 and len(by_number) > 1
