"""`python -m benchmarks.strangers --root fewshot-runs`: by which score are images of none of the classes told apart?

Takes the latest run of the root, which has a candidate `frozen`, and its validation classes: 200 episodes of each kind, each with
the queries of the next one that has other classes. For each score it shows the AUROC, the share of strangers that is caught at
5 % false alarms, and the threshold for that.
"""

from collections.abc import Callable
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table
from scipy.special import softmax

from benchmarks.runs import settings_of
from components.fewshot.episodes.episode import EpisodeSpec
from components.fewshot.episodes.sampler import EpisodeSampler
from components.fewshot.episodes.strangers import MOST, with_strangers
from components.fewshot.evaluation.metrics import auroc
from components.fewshot.images.store import ImageStore
from components.fewshot.training.calibration import calibrate
from components.fewshot.training.episode_logits import Validation, episode_logits
from components.fewshot.training.none_of_these import threshold_of
from components.fewshot.training.observing import observe
from components.fewshot.training.settings import FALSE_ALARMS
from components.meta_trainer.train import new_learner
from pipeline.commands.run import run_outputs
from pipeline.history.runs import list_runs

CANDIDATE, FEATURES = "frozen", "Features-none"
KINDS = ((5, 1), (5, 5), (10, 1))  # way, shot
SCORES: dict[str, Callable[[np.ndarray], np.ndarray]] = {  # of logits [Q, way], after calibration
    "highest logit": lambda logits: logits.max(1),
    "highest probability": lambda logits: softmax(logits, axis=1).max(1),
}


def main(root: Annotated[str, typer.Option()] = "fewshot-runs") -> None:
    """Prints the table."""
    run_id = list_runs(root)[0].run_id
    uris = run_outputs(root, run_id)[FEATURES]["features"].uri
    train, val = (ImageStore.open(f"{uris}/Split-{split}/store") for split in ("train", "val"))
    learner = new_learner(settings_of(root, run_id).contenders[CANDIDATE].trainer(), train)
    observe(learner, train)
    table = Table("episodes", "score", "AUROC", "caught, %", "threshold", box=None)
    for way, shot in KINDS:
        sampler = EpisodeSampler(val.index, EpisodeSpec(way=way, shot=shot, query=15), 0)
        validation = Validation(val, [sampler(number) for number in range(MOST)])
        logits_of = episode_logits(learner, validation)
        calibrate(learner, validation, logits_of)
        episodes = with_strangers(validation.episodes, len(val.index.names))
        logits = [of / float(learner.temperature) for of in logits_of(episodes)]
        known = np.concatenate([episode.query.labels for episode in episodes]) >= 0
        for name, score in SCORES.items():
            values = np.concatenate([score(of) for of in logits])
            threshold = threshold_of(values[known], FALSE_ALARMS)
            area, caught = auroc(values[known], values[~known]), 100 * (values[~known] < threshold).mean()
            table.add_row(f"{way}-way {shot}-shot", name, f"{area:.3f}", f"{caught:.1f}", f"{threshold:.3f}")
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
