"""Statistics, schema, validation and Transform on the examples of ImageExampleGen, as one local pipeline."""

import io
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.components import ExampleValidator
from tfx.orchestration import metadata, pipeline
from tfx.orchestration.local.local_dag_runner import LocalDagRunner

from components.fewshot.images.decode import ImageSpec, decode
from components.image_example_gen.component import ImageExampleGen
from components.image_example_gen.schema import image_schema
from components.image_example_gen.statistics import image_statistics
from components.image_transform.component import image_transform
from components.transform_graph import preprocess_of
from data.listing import fingerprint
from data.settings import ImageSetSettings
from tests.components import artifacts

SPEC = ImageSpec(height=4, width=5, channels=3)


def picture(seed):
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (6, 7, 3), np.uint8)).save(file, "PNG")
    return file.getvalue()


def image_set(root, **classes):
    """Three images a class; {split: number of classes}."""
    for split, number in classes.items():
        for one in range(number):
            folder = root / split / f"{split}{one}"
            folder.mkdir(parents=True)
            for image in range(3):
                (folder / f"{image}.png").write_bytes(picture(zlib.crc32(f"{split} {one} {image}".encode())))
    return ImageSetSettings(**{f"{split}_dir": str(root / split) for split in classes})


def run(settings, root, *, with_transform):
    ingest = ImageExampleGen(settings, fingerprint(settings))
    statistics = image_statistics(ingest.outputs["examples"])
    schema = image_schema()
    validator = ExampleValidator(statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"])
    nodes = [ingest, statistics, schema, validator]
    if with_transform:
        nodes.append(image_transform(ingest.outputs["examples"], schema.outputs["schema"], SPEC, 64_000_000))
    LocalDagRunner().run(
        pipeline.Pipeline(
            "images",
            str(root / "runs"),
            components=nodes,
            metadata_connection_config=metadata.sqlite_metadata_connection_config(str(root / "metadata.db")),
            beam_pipeline_args=[*artifacts.HERE],
        )
    )
    return root / "runs"


def anomalies(runs, split):
    (found,) = runs.glob(f"ExampleValidator/anomalies/*/Split-{split}/SchemaDiff.pb")
    return anomalies_pb2.Anomalies.FromString(found.read_bytes()).anomaly_info


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    root = tmp_path_factory.mktemp("good")
    return root, run(image_set(root, train=3, val=2, test=2), root, with_transform=True)


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_good_images_have_no_anomalies(good, split):
    assert not anomalies(good[1], split)


def test_transform_gives_the_pixels_that_serving_sees(good):
    root, runs = good
    (graph,) = runs.glob("Transform/transform_graph/*")
    preprocess, _ = preprocess_of(str(graph), SPEC)
    files = sorted(root.glob("*/*/*.png"))
    encoded = tf.constant([file.read_bytes() for file in files])
    assert len(files) == 3 * 7
    np.testing.assert_array_equal(preprocess(encoded), decode(encoded, SPEC))
    assert not list(runs.glob("Transform/transformed_examples")), "the stores hold the pixels"


def test_a_planted_anomaly_is_readable(tmp_path):
    runs = run(image_set(tmp_path, train=3, val=2, test=1), tmp_path, with_transform=False)
    assert not anomalies(runs, "train")
    assert not anomalies(runs, "val")
    planted = anomalies(runs, "test")
    assert list(planted) == ["image/class/text"]
    assert "2" in planted["image/class/text"].description


def test_an_absurd_size_is_an_anomaly(tmp_path):
    settings = image_set(tmp_path, train=3, val=2, test=2)
    Image.new("L", (120_000, 2)).save(tmp_path / "val" / "val0" / "9.png")
    runs = run(settings, tmp_path, with_transform=False)
    assert list(anomalies(runs, "val")) == ["image/width"] and not anomalies(runs, "train")
