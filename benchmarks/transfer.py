"""`python -m benchmarks.transfer --root fewshot-runs`: is the transfer baseline as good as one written by hand?

Takes the latest run of the root: its images, its frozen test episodes and the settings of its transfer baseline, which is trained
with several seeds. Beside it, the same network is trained by a plain `fit` of Keras on shuffled batches of as many images,
and scikit-learn's logistic regression is fitted to its features of each support set. All are judged on the same episodes. Two
trainings of one kind differ as much as two of both kinds may, hence the seeds.

It needs scikit-learn: `uv sync --group bench`.
"""

import os
import tempfile
from typing import Annotated

import keras
import numpy as np
import typer
from rich.console import Console
from rich.table import Table
from scipy import stats
from sklearn.linear_model import LogisticRegression

from benchmarks.runs import settings_of
from components.fewshot.base_models.table import build_base_model
from components.fewshot.episodes.episode import Draw, Episode
from components.fewshot.episodes.fitting import for_training
from components.fewshot.episodes.frozen import read_frozen
from components.fewshot.evaluation.judging import encode_episode, judge
from components.fewshot.evaluation.metrics import summarise
from components.fewshot.evaluation.results import EpisodeResult, score
from components.fewshot.images.feed import to_unit_range
from components.fewshot.images.store import ImageStore
from components.fewshot.serving.module import export
from components.fewshot.serving.served import ServedModel
from components.fewshot.serving.server import Server
from components.fewshot.training.units import images_a_step
from components.meta_trainer.settings import TrainerSettings
from components.meta_trainer.train import Inputs, manifest_of, train
from components.transform_graph import preprocess_of
from pipeline.baselines import BASELINES
from pipeline.commands.run import run_outputs
from pipeline.history.runs import list_runs
from pipeline.terminal.show import bounds, percent

OURS, THEIRS = "this project's baseline", "Keras fit and scikit-learn"
STRENGTH = 1e3  # of C: little weight decay, since five images of unit length are far apart


def main(root: Annotated[str, typer.Option()] = "fewshot-runs", seeds: int = 3) -> None:
    """Prints the accuracies, and the difference of the means over the seeds."""
    run_id = list_runs(root)[0].run_id
    outputs = run_outputs(root, run_id)
    settings = BASELINES["transfer"].settings(settings_of(root, run_id))
    graph, episodes = outputs["Transform"]["transform_graph"].uri, outputs["EpisodeGenerator"]["episodes"].uri
    test = ImageStore.open(os.path.join(episodes, "Split-test", "store"))
    frozen = read_frozen(os.path.join(episodes, "Split-test"))
    table = Table("transfer learning", "seed", "accuracy, %", "over classes", box=None)
    found: dict[str, list[list[EpisodeResult]]] = {OURS: [], THEIRS: []}
    for seed in range(seeds):
        ours = our_fit(settings.model_copy(update={"seed": seed}), episodes, graph)
        found[OURS].append([judge(ours, encode_episode(test, episode))[0] for episode in frozen])
        features = features_of(plain_fit(settings, episodes, seed), test, graph, settings)
        found[THEIRS].append([by_hand(features, test, episode) for episode in frozen])
        for name, results in found.items():
            summary = summarise(results[-1])
            table.add_row(name, str(seed), percent(summary), bounds(summary["over_classes"]))
    Console().print(table)
    means = {name: [100 * summarise(one)["accuracy"] for one in results] for name, results in found.items()}
    low, high = stats.ttest_ind(means[OURS], means[THEIRS]).confidence_interval()
    difference = np.mean(means[OURS]) - np.mean(means[THEIRS])
    print(f"difference of the means over {seeds} seeds: {difference:+.2f}, 95 % interval {low:+.2f} to {high:+.2f}")


def our_fit(settings: TrainerSettings, episodes: str, graph: str) -> ServedModel:
    """Returns the baseline, trained as the pipeline trains it."""
    splits = [os.path.join(episodes, f"Split-{split}") for split in ("train", "val", "test")]
    with tempfile.TemporaryDirectory() as scratch:
        inputs = Inputs(splits[0], splits[1], splits[2], len(read_frozen(splits[1])))
        trained = train(settings, inputs, scratch, "", lambda history: lambda progress: None)
        server = Server(trained.learner, *preprocess_of(graph, settings.image))
        export(server, manifest_of(trained, settings, {}, {}), scratch)
        return ServedModel(scratch)


def plain_fit(settings: TrainerSettings, episodes: str, seed: int) -> keras.Model:
    """Returns the base model, trained as an ordinary classifier as one would write it in a notebook."""
    store = ImageStore.open(os.path.join(episodes, "Split-train", "store"))
    keras.utils.set_random_seed(seed)
    rows = np.arange(int(store.index.starts[-1]))
    images = store.pixels(Draw(rows, np.zeros(len(rows), np.int32), np.zeros(len(rows), np.int32)))
    labels = np.repeat(np.arange(len(store.index.names)), store.index.counts)
    base = build_base_model(settings.base_model, settings.image.shape)
    outputs = base.output["vector"] if isinstance(base.output, dict) else base.output
    base = keras.Model(base.input, keras.layers.Flatten()(outputs))
    logits = keras.layers.Dense(len(store.index.names))(base.output)
    size, steps = (
        images_a_step(for_training(settings.episodes, store.index), settings.training),
        settings.training.steps,
    )
    model = keras.Model(base.input, logits)
    schedule = keras.optimizers.schedules.CosineDecay(settings.training.learning_rate, steps)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(schedule), loss)
    model.fit(images / np.float32(255), labels, batch_size=size, epochs=round(steps * size / len(labels)), verbose=0)
    return base


def features_of(base: keras.Model, store: ImageStore, graph: str, settings: TrainerSettings) -> np.ndarray:
    """Returns the features of all images of a store, each of length 1: float32 [N, D]."""
    preprocess, _kept = preprocess_of(graph, settings.image)
    pixels = [to_unit_range(preprocess([store.read(row)])) for row in range(int(store.index.starts[-1]))]
    features = base.predict(np.concatenate(pixels), batch_size=512, verbose=0)
    features = features.reshape(len(features), -1)
    return features / np.linalg.norm(features, axis=1, keepdims=True)


def by_hand(features: np.ndarray, store: ImageStore, episode: Episode) -> EpisodeResult:
    """Returns the result of logistic regression on the features of one episode."""
    head = LogisticRegression(C=STRENGTH, max_iter=1000)
    head.fit(features[episode.support.rows], episode.support.labels)
    probabilities = head.predict_proba(features[episode.query.rows]).astype(np.float32)
    classes = encode_episode(store, episode).classes
    return score(episode.index, episode.shot, probabilities, episode.query.labels, classes)


if __name__ == "__main__":
    typer.run(main)
