"""`python -m benchmarks.judging`: how long judging takes, once every test image is embedded, and in all.

Conv4 on 28 x 28 grey images of 100 classes, exported with random weights; 1,000 episodes, 5-way 1-shot with 15 queries a class.
The whole time is that of the evaluator's two Beam pipelines, with its threads; the times a query are of one thread.
"""

import os
import tempfile
import time
from collections.abc import Sequence
from typing import NamedTuple

import apache_beam as beam
import numpy as np
import tensorflow as tf
from rich.console import Console
from rich.table import Table

from components.few_shot_evaluator.judging import EmbedImages, JudgeEpisodes
from components.fewshot.base_models.conv4 import conv4
from components.fewshot.base_models.pure import PureModel
from components.fewshot.episodes.episode import Episode, EpisodeSpec, images_of
from components.fewshot.episodes.frozen import to_example
from components.fewshot.episodes.sampler import EpisodeSampler
from components.fewshot.evaluation.features import deal_out, embedded
from components.fewshot.evaluation.judging import encode_episode, judge, judge_by_features
from components.fewshot.images.decode import decode
from components.fewshot.images.parts import write_index, write_part, write_shard
from components.fewshot.images.store import ImageStore
from components.fewshot.learners import LearnerChoice, build_learner
from components.fewshot.serving.manifest import Manifest
from components.fewshot.serving.module import export
from components.fewshot.serving.served import ServedModel
from components.fewshot.serving.server import Server
from components.fewshot.settings.image import ImageSpec
from pipeline.platform_settings import IN_PROCESS

IMAGE = ImageSpec(height=28, width=28, channels=1)
SPEC = EpisodeSpec(way=5, shot=1, query=15)
CLASSES, EACH, EPISODES, BY_IMAGES = 100, 20, 1000, 50
LEARNERS = ("protonet", "matching", "nca", "transfer")


class Times(NamedTuple):
    """Of one model on all episodes; those by images on the first few."""

    embed: float  # ms an image
    by_features: float  # ms a query
    by_images: float  # ms a query
    whole: float  # s


def main() -> None:
    """Prints the table."""
    table = Table("learner", "ms an image to embed", "ms a query after that", "by images", "s in all", box=None)
    with tempfile.TemporaryDirectory() as scratch:
        store = os.path.join(scratch, "store")
        write_images(store)
        sampler = EpisodeSampler(ImageStore.open(store).index, SPEC, 0)
        episodes = [sampler(i) for i in range(EPISODES)]
        for name in LEARNERS:
            model = os.path.join(scratch, name)
            write_model(name, model)
            times = measure(model, store, episodes, os.path.join(scratch, "features", name))
            table.add_row(name, *(f"{value:.2f}" for value in times[:1]), *(f"{value:.3f}" for value in times[1:]))
    Console().print(table)


def write_images(directory: str) -> None:
    """Writes a store of random images."""
    pixels = np.random.default_rng(0).integers(0, 256, (CLASSES, EACH, *IMAGE.shape), np.uint8)
    images = (
        (f"{c:03}", "", f"{c:03}/{i}.png", tf.io.encode_png(pixels[c, i]).numpy())
        for c in range(CLASSES)
        for i in range(EACH)
    )
    write_index(directory, [write_part(directory, 0, write_shard(directory, 0, images))], 1, None)


def write_model(name: str, directory: str) -> None:
    """Exports a learner over Conv4 with random weights."""
    facts = {"learner": name, "base_model": "conv4", "batch_norm": "running", "inductive": True, "seed": 0, "steps": 0}
    learner = build_learner(LearnerChoice(name=name), PureModel(conv4(IMAGE.shape)), 5, CLASSES)
    server = Server(learner, lambda encoded: decode(encoded, IMAGE))
    export(server, Manifest.model_validate({**facts, "image": IMAGE, "episodes": SPEC}), directory)


def measure(directory: str, images: str, episodes: Sequence[Episode], features: str) -> Times:
    """Returns the times of one model."""
    model, store, queries = ServedModel(directory), ImageStore.open(images), len(episodes[0].query.rows)
    judge(model, encode_episode(store, episodes[0]))  # the first call compiles
    moments = [time.perf_counter()]
    with embedded(model, store, episodes) as found:
        judge_by_features(model, found, store.index, episodes[0])
        moments.append(time.perf_counter())
        for episode in episodes:
            judge_by_features(model, found, store.index, episode)
        moments.append(time.perf_counter())
    for episode in episodes[:BY_IMAGES]:
        judge(model, encode_episode(store, episode))
    moments.append(time.perf_counter())
    judge_all(directory, images, episodes, features)
    moments.append(time.perf_counter())
    embed, by_features, by_images, whole = np.diff(moments)
    number = len(images_of(episodes))
    return Times(
        1000 * embed / number,
        1000 * by_features / (len(episodes) * queries),
        1000 * by_images / (BY_IMAGES * queries),
        whole,
    )


def judge_all(model: str, images: str, episodes: Sequence[Episode], features: str) -> None:
    """Embeds all images and judges all episodes as the evaluator does."""
    shares = range(deal_out([features], images_of(episodes)))
    with beam.Pipeline(argv=[*IN_PROCESS]) as pipeline:
        _ = pipeline | beam.Create(shares) | EmbedImages({features: model}, images)
    with beam.Pipeline(argv=[*IN_PROCESS]) as pipeline:
        serialized = pipeline | beam.Create([to_example(episode) for episode in episodes])
        _ = serialized | JudgeEpisodes({"model": model}, images, {"model": features})


if __name__ == "__main__":
    main()
