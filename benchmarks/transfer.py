"""`python -m benchmarks.transfer --root fewshot-runs`: is the transfer baseline as good as one written by hand?

Takes the latest run of the root: its images, its frozen test episodes and its transfer baseline. Beside it, the same network is
trained by a plain `fit` of Keras on shuffled batches of the same number of images, and scikit-learn's logistic regression is
fitted to its features of each support set. Both are judged on the same episodes.

It needs scikit-learn: `uv sync --group bench`.
"""

import json
import os
from typing import Annotated

import keras
import numpy as np
import typer
from rich.console import Console
from rich.table import Table
from sklearn.linear_model import LogisticRegression
from tfx.utils import path_utils

from components.fewshot.base_models.table import build_base_model
from components.fewshot.episodes.episode import Draw, Episode
from components.fewshot.episodes.frozen import read_frozen
from components.fewshot.evaluation.judging import encode_episode, judge
from components.fewshot.evaluation.metrics import EpisodeResult, paired_difference, score, summarise
from components.fewshot.images.feed import to_unit_range
from components.fewshot.images.store import ImageStore
from components.fewshot.serving.served import ServedModel
from components.fewshot.training.units import images_a_step
from components.meta_trainer.settings import TrainerSettings
from components.meta_trainer.train import preprocess_of
from pipeline.baselines import BASELINES
from pipeline.commands.run import run_outputs
from pipeline.config import RunSettings
from pipeline.history.runs import list_runs, show_run
from pipeline.terminal.show import bounds, percent

STRENGTH = 1e3  # of C: little weight decay, since five images of unit length are far apart


def main(root: Annotated[str, typer.Option()] = "fewshot-runs", seed: int = 0) -> None:
    """Prints both accuracies and their difference."""
    run_id = list_runs(root)[0].run_id
    outputs = run_outputs(root, run_id)
    settings = BASELINES["transfer"].settings(settings_of(root, run_id))
    episodes = outputs["EpisodeGenerator"]["episodes"].uri
    train, test = (ImageStore.open(os.path.join(episodes, f"Split-{split}", "store")) for split in ("train", "test"))
    frozen = read_frozen(os.path.join(episodes, "Split-test"))
    served = ServedModel(path_utils.serving_model_path(outputs["Baseline"]["model"].uri))
    ours = [judge(served, encode_episode(test, episode))[0] for episode in frozen]
    base = plain_fit(settings, train, seed)
    preprocess, _kept = preprocess_of(outputs["Transform"]["transform_graph"].uri, settings.image)
    pixels = [to_unit_range(preprocess([test.read(row)])) for row in range(int(test.index.starts[-1]))]
    features = base.predict(np.concatenate(pixels), batch_size=512, verbose=0)
    features = features.reshape(len(features), -1)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    theirs = [by_hand(features, test, episode) for episode in frozen]
    table = Table("transfer learning", "accuracy, %", "over classes", box=None)
    for name, results in (("this project's baseline", ours), ("Keras fit and scikit-learn", theirs)):
        summary = summarise(results)
        table.add_row(name, percent(summary), bounds(summary["over_classes"]))
    difference = paired_difference(ours, theirs)
    mean, half = (100 * difference[key] for key in ("mean", "ci95"))
    table.add_row("difference", f"{mean:+.2f} ± {half:.2f}", bounds(difference["over_classes"], signed=True))
    Console().print(table)


def settings_of(root: str, run_id: str) -> RunSettings:
    """Returns the settings of a run."""
    (evaluator,) = (node for node in show_run(root, run_id).nodes if node.node == "FewShotEvaluator")
    return RunSettings.model_validate_json(json.dumps(evaluator.settings["configuration"]))


def plain_fit(settings: TrainerSettings, store: ImageStore, seed: int) -> keras.Model:
    """Returns the base model, trained as an ordinary classifier as one would write it in a notebook."""
    keras.utils.set_random_seed(seed)
    rows = np.arange(int(store.index.starts[-1]))
    images = store.pixels(Draw(rows, np.zeros(len(rows), np.int32), np.zeros(len(rows), np.int32)))
    labels = np.repeat(np.arange(len(store.index.names)), store.index.counts)
    base = build_base_model(settings.base_model, settings.image.shape)
    outputs = base.output["vector"] if isinstance(base.output, dict) else base.output
    base = keras.Model(base.input, keras.layers.Flatten()(outputs))
    logits = keras.layers.Dense(len(store.index.names))(base.output)
    size, steps = images_a_step(settings.episodes, settings.training), settings.training.steps
    model = keras.Model(base.input, logits)
    schedule = keras.optimizers.schedules.CosineDecay(settings.training.learning_rate, steps)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(schedule), loss)
    model.fit(images / np.float32(255), labels, batch_size=size, epochs=round(steps * size / len(labels)), verbose=0)
    return base


def by_hand(features: np.ndarray, store: ImageStore, episode: Episode) -> EpisodeResult:
    """Returns the result of logistic regression on the features of one episode."""
    head = LogisticRegression(C=STRENGTH, max_iter=1000)
    head.fit(features[episode.support.rows], episode.support.labels)
    probabilities = head.predict_proba(features[episode.query.rows]).astype(np.float32)
    classes = encode_episode(store, episode).classes
    return score(episode.index, episode.shot, probabilities, episode.query.labels, classes)


if __name__ == "__main__":
    typer.run(main)
