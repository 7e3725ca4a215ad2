"""Executor of the EpisodeGenerator: it connects artifacts with the work in `build.py`."""

import json
import os
from collections.abc import Collection
from typing import Any

import apache_beam as beam
from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx import types
from tfx.dsl.components.base import base_beam_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import io_utils

from components.episode_generator.build import (
    DrawEpisodes,
    Pixels,
    WriteStore,
    count_examples,
)
from components.episode_generator.classes import (
    Asked,
    Ingested,
    asked,
    check_classes,
    check_trainable,
    drawable,
    ingested_of,
)
from components.episode_generator.settings import EpisodeGeneratorSettings
from components.fewshot import integrity
from components.fewshot.episodes.episode import Episode, EpisodeSpec
from components.fewshot.episodes.frozen import episodes_hash, read_frozen
from components.fewshot.images.feeds import feed_of
from components.fewshot.images.store import ImageStore
from components.fewshot.integrity import Damaged, Incomplete
from components.fewshot.words import counted

SPLITS = ("train", "val", "test")
RAW = ("test",)  # the evaluator calls the model with encoded images, as a user does
CLASSES = "classes.json"  # beside the splits: which classes the episodes can use


class Executor(base_beam_executor.BaseBeamExecutor):
    """Turns examples into image stores and frozen episodes."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the `episodes` artifact.

        Raises:
          ValueError: the data do not validate, or there are too few classes for the requested episodes.
          Damaged: an input has other bytes than were written, or fewer examples than images were read.
          Incomplete: fewer images or episodes were written than there are.
        """
        integrity.verify(*integrity.places(input_dict))
        settings = EpisodeGeneratorSettings.model_validate_json(exec_properties["settings"])
        ingested = what_was_ingested(artifact_utils.get_single_uri(input_dict["examples"]))
        empty = [split for split in SPLITS if ingested[split].images == 0 and not ingested[split].left_out]
        check_anomalies(input_dict.get("anomalies", []), empty)
        episodes = artifact_utils.get_single_instance(output_dict["episodes"])
        episodes.split_names = artifact_utils.encode_split_names(list(SPLITS))
        patterns = {split: all_files(input_dict["examples"], split) for split in SPLITS}
        pixels = Pixels(artifact_utils.get_single_uri(input_dict["transform_graph"]), settings.image)
        with self._make_beam_pipeline() as pipeline:
            for split, pattern in patterns.items():
                directory = os.path.join(artifact_utils.get_split_uri([episodes], split), "store")
                form, told = None if split in RAW else pixels, ingested[split]
                images = count_examples(pattern) if told.images is None else told.images
                write = WriteStore(fileio.glob(pattern), directory, form, told.left_out, images)
                _ = pipeline | f"Store[{split}]" >> write
        for split, pattern in patterns.items():
            directory = os.path.join(artifact_utils.get_split_uri([episodes], split), "store")
            check_store(
                split, directory, artifact_utils.get_single_uri(input_dict["examples"]), pattern, ingested[split]
            )
        self._freeze(episodes, settings, ingested)
        spans = artifact_utils.get_single_instance(input_dict["examples"]).get_string_custom_property("spans")
        episodes.set_string_custom_property("spans", spans or "[]")
        integrity.seal(*integrity.places(output_dict))

    def _freeze(
        self, artifact: types.Artifact, settings: EpisodeGeneratorSettings, ingested: dict[str, Ingested]
    ) -> None:
        uris = {split: artifact_utils.get_split_uri([artifact], split) for split in SPLITS}
        stores = {split: ImageStore.open(os.path.join(uri, "store")) for split, uri in uris.items()}
        settings = settings.model_copy(update={"also": drawable(settings.also, stores["test"].index)})
        kinds = asked(settings, {split: store.index for split, store in stores.items()})
        specs = {one.split: one.spec for one in kinds if one.key == "episodes"}  # none of val where nothing is trained
        wanted = {"val": settings.val_episodes, "test": settings.test_episodes}
        counts = {split: wanted[split] if split in specs else 0 for split in wanted}
        frozen = [(split, "episodes", spec, counts[split]) for split, spec in specs.items()]
        also = [one.spec for one in kinds if one.key == "also"]
        frozen += [("test", f"also-{i}", spec, settings.also[i].episodes) for i, spec in enumerate(also)]
        classes = [check_classes(one, stores[one.split].index, ingested[one.split]) for one in kinds]
        check_trainable(stores["train"].index, ingested["train"])
        for one in kinds:
            check_square(one, stores[one.split])
        io_utils.write_string_file(
            os.path.join(artifact.uri, CLASSES), json.dumps(classes, indent=1, ensure_ascii=False)
        )
        with self._make_beam_pipeline() as pipeline:
            for split, name, spec, count in frozen:
                prefix = os.path.join(uris[split], name)
                _ = (
                    pipeline
                    | f"Numbers[{split}/{name}]" >> beam.Create(range(count))
                    | f"Spread[{split}/{name}]" >> beam.Reshuffle()
                    | f"Draw[{split}/{name}]" >> DrawEpisodes(feed_of(stores[split]).sampler(spec, settings.seed))
                    | f"Write[{split}/{name}]"
                    >> beam.io.WriteToTFRecord(prefix, file_name_suffix=".tfrecord", num_shards=1)
                )
        for i, further in enumerate(settings.also):
            read_frozen(uris["test"], f"also-{i}", further.episodes)
        episodes = {split: read_frozen(uris[split], count=count) if count else [] for split, count in counts.items()}
        describe(artifact, settings, specs["test"], stores, episodes)


def all_files(examples: list[types.Artifact], split: str) -> str:
    """Returns a pattern of the files of the examples of a split."""
    return io_utils.all_files_pattern(artifact_utils.get_split_uri(examples, split))


def check_store(split: str, directory: str, source: str, pattern: str, ingested: Ingested) -> None:
    """Compares the number of images in a store with the number of those that were read.

    Args:
      split: of the images.
      directory: of the store.
      source: the directory of all examples.
      pattern: the files of those of this split.
      ingested: how many images take part.

    Raises:
      Damaged: not all images are in the examples.
      Incomplete: not all examples are in the store.
    """
    if not fileio.exists(os.path.join(directory, "index.json")):
        raise Incomplete(f"the store of split {split!r} has no index")
    found = ImageStore.open(directory).images
    if ingested.images is None or found == ingested.images:
        return
    read, examples = ingested.images + len(ingested.left_out), count_examples(pattern)
    if examples != read:
        raise Damaged(source, f"split {split!r} has {examples:,} examples of {read:,} images")
    raise Incomplete(f"the store of split {split!r} has {found:,} of {ingested.images:,} images")


def check_anomalies(anomalies: list[types.Artifact], empty: Collection[str] = ()) -> None:
    """Raises ValueError if data validation found an anomaly; the message lists all of them.

    The splits of `empty` have no image on purpose, and what the schema wants of images is not said of them.
    """
    found = []
    for artifact in anomalies:
        for split in artifact_utils.decode_split_names(artifact.split_names):
            if split in empty:
                continue
            path = os.path.join(artifact_utils.get_split_uri([artifact], split), "SchemaDiff.pb")
            with fileio.open(path, "rb") as file:
                proto = anomalies_pb2.Anomalies.FromString(file.read())
            reasons = [(name, info.description) for name, info in proto.anomaly_info.items()]
            if proto.HasField("dataset_anomaly_info"):
                reasons.append(("the split as a whole", proto.dataset_anomaly_info.description))
            found += [f"split {split!r}, {name}: {reason.strip()}" for name, reason in sorted(reasons)]
    if found:
        raise ValueError(
            f"data validation found {counted(len(found), 'anomaly', 'anomalies')}: {' | '.join(found)}; correct the images, or,"
            " if the images are right, correct the schema (schema_file)"
        )


def check_square(one: Asked, store: ImageStore) -> None:
    """Raises ValueError if the episodes turn images that are not square."""
    if one.spec.rotations and store.shape and store.shape[0] != store.shape[1]:
        height, width, _ = store.shape
        raise ValueError(f"rotations need square images, got image.height {height} and image.width {width}")


def what_was_ingested(examples: str) -> dict[str, Ingested]:
    """Returns by split what the files in the directory of the examples say; other ExampleGens write none."""
    paths = {name: os.path.join(examples, name) for name in ("summary.json", "duplicates.json")}
    found = {}
    for name, path in paths.items():
        if fileio.exists(path):
            with fileio.open(path) as file:
                found[name] = json.load(file)
    summary, pictures = found.get("summary.json", {}), found.get("duplicates.json", [])
    return {split: ingested_of(summary, pictures, split, paths["duplicates.json"]) for split in SPLITS}


def describe(
    artifact: types.Artifact,
    settings: EpisodeGeneratorSettings,
    spec: EpisodeSpec,
    stores: dict[str, ImageStore],
    episodes: dict[str, list[Episode]],
) -> None:
    """Sets the custom properties of the artifact, which say what it holds; `spec` is that of the episodes of val and test."""
    hashes = {s: episodes_hash(e, stores[s].index, stores[s].source_ids) for s, e in episodes.items()}
    properties: dict[str, str | int] = {
        "seed": settings.seed,
        "spec_val": spec.model_dump_json(),
        "spec_test": spec.model_dump_json(),
        "val_episodes": len(episodes["val"]),
        "test_episodes": len(episodes["test"]),
        "hash_val": hashes["val"],
        "hash_test": hashes["test"],
        "also": json.dumps([{"name": a.spec.title, **a.model_dump(mode="json")} for a in settings.also]),
    }
    properties |= {f"fingerprint_{split}": store.fingerprint for split, store in stores.items()}
    for key, value in properties.items():
        if isinstance(value, int):
            artifact.set_int_custom_property(key, value)
        else:
            artifact.set_string_custom_property(key, value)
