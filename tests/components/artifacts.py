"""Artifacts on disk as the components before would have left them: small, real, and without running those components."""

import os
import random
from collections.abc import Collection
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from tensorflow_transform.tf_metadata import dataset_metadata, schema_utils
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import artifact_utils, standard_artifacts

from components.image_transform.preprocessing import preprocessing_fn
from data.keys import ENCODED
from data.sources.records import to_example
from tests.components.fewshot import toys

CLASSES = {"train": 10, "val": 5, "test": 6}
EACH, SIDE = 8, 16
IMAGE = {"height": SIDE, "width": SIDE, "channels": 1}  # what `write_transform_graph` makes
EPISODES = {  # a few of these images
    "train": {"way": 3, "query": 3},
    "evaluation": {"way": 3, "shot": 2, "query": 4},
    "val_episodes": 2,
    "image": IMAGE,
    "test_episodes": 12,
}
HERE = ("--runner=FnApiRunner", "--sdk_container_image=none")  # TFX need not pack itself up for other machines
ONE_WORKER = (*HERE, "--direct_num_workers=1")
TWO_PROCESSES = (*HERE, "--direct_num_workers=2", "--direct_running_mode=multi_processing")


def artifact(kind: type, uri: Path | str, number: int = 1) -> Any:
    """An artifact of a TFX type at `uri`."""
    made = kind()
    made.uri, made.id = str(uri), number
    os.makedirs(made.uri, exist_ok=True)
    return made


def context(workers: tuple[str, ...] = ONE_WORKER) -> BaseBeamExecutor.Context:
    """What a Beam executor is made with."""
    return BaseBeamExecutor.Context(beam_pipeline_args=list(workers))


def pictures_of(split: str) -> list[tuple[str, str, str, np.ndarray]]:
    """(class, domain, source id, uint8 pixels) of a split: classes in two domains."""
    pixels, labels = toys.images(CLASSES[split], EACH, SIDE, seed=len(split) + ord(split[0]))
    rows = []
    for number, (image, label) in enumerate(zip(pixels, labels, strict=True)):
        domain = f"{split}-{'ab'[label % 2]}"
        rows.append((f"{domain}/{label:02}", domain, f"{domain}/{label:02}/{number:03}.png", image))
    return rows


def write_examples(
    root: Path,
    shuffle: int | None = None,
    files: int = 2,
    without: Collection[str] = (),
) -> dict[str, list[Any]]:
    """Raw examples, and the graph that makes pixels of them.

    `shuffle` is the seed of another order of the same images. `without` names source ids that are missing.
    """
    raw = artifact(standard_artifacts.Examples, root / "examples" / "1")
    raw.split_names = artifact_utils.encode_split_names(list(CLASSES))
    for split in CLASSES:
        rows = [row for row in pictures_of(split) if row[2] not in without]
        if shuffle is not None:
            random.Random(shuffle).shuffle(rows)
        encoded = [to_example(toys.png(i), "PNG", i.shape, name, named, source) for name, named, source, i in rows]
        _write(os.path.join(raw.uri, f"Split-{split}"), encoded, files)
    return {"examples": [raw], "transform_graph": [write_transform_graph(root)]}


def _write(directory: str, records: list[bytes], files: int) -> None:
    os.makedirs(directory)
    for number in range(files):
        path = os.path.join(directory, f"data_tfrecord-{number:05}-of-{files:05}.gz")
        with tf.io.TFRecordWriter(path, "GZIP") as writer:
            for record in records[number::files]:
                writer.write(record)


def write_transform_graph(root: Path, height: int = SIDE, width: int = SIDE, channels: int = 1, **fit: str) -> Any:
    """The graph that Transform makes of our preprocessing function."""
    made = artifact(standard_artifacts.TransformGraph, root / "transform_graph" / "4", 4)
    schema = dataset_metadata.DatasetMetadata(
        schema_utils.schema_from_feature_spec({ENCODED: tf.io.FixedLenFeature([], tf.string)})
    )
    image = {"height": height, "width": width, "channels": channels, **fit}
    config = {"image": image, "max_pixels": 10_000}
    row = {ENCODED: toys.png(np.zeros((2, 2, 1), np.uint8))}
    with tft_beam.Context(temp_dir=str(root / "temporary")), beam.Pipeline("FnApiRunner") as pipeline:
        analyzed = ([row], schema) | tft_beam.AnalyzeDataset(lambda inputs: preprocessing_fn(inputs, config), pipeline)
        _ = analyzed | tft_beam.WriteTransformFn(made.uri)
    assert tft.TFTransformOutput(made.uri).transformed_feature_spec().keys() >= {"image"}
    return made
