"""`python -m benchmarks.photographs --root fewshot-runs`: all candidates of the latest run on other episodes of its test images.

The run froze its episodes by one seed. Here each seed draws its own, 5-way with 15 queries a class, at 1 and 5 shots. A figure is
the mean over the episodes of all seeds, with half of its 95 % interval over episodes of these classes, and its interval over
classes; and the lowest and the highest mean of a seed.
"""

import os
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from tfx.utils import path_utils

from components.fewshot.episodes.episode import Episode, EpisodeSpec
from components.fewshot.episodes.sampler import EpisodeSampler
from components.fewshot.evaluation.features import FeatureStore, embedded
from components.fewshot.evaluation.judging import encode_episode, judge, judge_by_features
from components.fewshot.evaluation.metrics import summarise
from components.fewshot.evaluation.results import EpisodeResult
from components.fewshot.images.store import ImageStore
from components.fewshot.serving.served import ServedModel
from pipeline.commands.run import run_outputs
from pipeline.history.runs import list_runs
from pipeline.terminal.show import bounds, percent

NODE = "MetaTrainer"  # what the names of the nodes begin with whose models are judged
SHOTS = (1, 5)


def main(root: Annotated[str, typer.Option()] = "fewshot-runs", seeds: int = 5, episodes: int = 600) -> None:
    """Prints the table."""
    outputs = run_outputs(root, list_runs(root)[0].run_id)
    store = ImageStore.open(os.path.join(outputs["EpisodeGenerator"]["episodes"].uri, "Split-test", "store"))
    drawn = {shot: drawn_by(store, shot, seeds, episodes) for shot in SHOTS}
    table = Table("model", "shots", "accuracy, %", "over classes", "by seed", box=None)
    for node, made in outputs.items():
        if node.startswith(NODE):
            model = ServedModel(path_utils.serving_model_path(made["model"].uri))
            for shot, results in judged(model, store, drawn).items():
                add_rows(table, node.removeprefix(NODE).strip("-") or model.manifest.learner, shot, results, episodes)
    Console().print(table)


def drawn_by(store: ImageStore, shot: int, seeds: int, episodes: int) -> list[Episode]:
    """Returns the episodes of all seeds, those of one after those of the other, numbered anew."""
    samplers = [EpisodeSampler(store.index, EpisodeSpec(way=5, shot=shot, query=15), seed) for seed in range(seeds)]
    every = [sampler(number) for sampler in samplers for number in range(episodes)]
    return [episode._replace(index=number) for number, episode in enumerate(every)]


def judged(model: ServedModel, store: ImageStore, drawn: dict[int, list[Episode]]) -> dict[int, list[EpisodeResult]]:
    """Returns the results of a model by shot."""
    if not model.takes_features:
        return {shot: [judge(model, encode_episode(store, one))[0] for one in them] for shot, them in drawn.items()}

    def by(features: FeatureStore, episodes: Sequence[Episode]) -> list[EpisodeResult]:
        return [judge_by_features(model, features, store.index, episode) for episode in episodes]

    with embedded(model, store, [episode for them in drawn.values() for episode in them]) as features:
        return {shot: by(features, them) for shot, them in drawn.items()}


def add_rows(table: Table, name: str, shot: int, results: Sequence[EpisodeResult], each: int) -> None:
    """Adds the line of a model at a number of shots."""
    seeds = [summarise(results[start : start + each])["accuracy"] for start in range(0, len(results), each)]
    found = summarise(results)
    spread = f"{100 * min(seeds):.2f} to {100 * max(seeds):.2f}"
    table.add_row(name, str(shot), percent(found), bounds(found["over_classes"]), spread)


if __name__ == "__main__":
    typer.run(main)
