"""`python -m benchmarks.intervals`: how often each kind of 95 % interval holds the truth, and how wide it is.

Many test sets are drawn from a large population of classes whose truth is known. Two learners (nearest class mean on two
sets of features) are judged on episodes of each test set, as the evaluator does it, and each method gives its intervals for
the accuracy of the first and for the paired difference. A method holds if 95 % of its intervals hold the truth.

The population is either made up, features around class centres with a different spread for each class, so that a few classes
are much harder than others; or it is a folder of images as two exported models see them:

    python -m benchmarks.intervals
    python -m benchmarks.intervals --images D --model M --rival R
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Annotated, NamedTuple

import numpy as np
import typer
from rich.console import Console
from rich.table import Table
from scipy.special import stdtrit

from components.fewshot.evaluation.intervals import accuracy_over_classes, difference_over_classes
from components.fewshot.evaluation.metrics import mean_and_ci95

WAY, EPISODES = 5, 600
CLASSES = (5, 10, 20, 50, 100)
IMAGES = ((11, 10), (20, 15))  # images a class, and how many of them are queries of an episode

Features = np.ndarray  # [C, n, D]
Population = Callable[
    [np.random.Generator, int, int], tuple[Features, Features]
]  # a test set of so many classes and images
Bounds = tuple[float, float]


class Judged(NamedTuple):
    """Two learners on the same episodes."""

    classes: np.ndarray  # int [E, way]
    right: tuple[np.ndarray, np.ndarray]  # share of correctly classified queries of each class, [E, way]


def main(
    images: Annotated[str | None, typer.Option(help="Folder of classes, as `fewshot evaluate` takes it.")] = None,
    model: Annotated[str | None, typer.Option(help="An exported model.")] = None,
    rival: Annotated[str | None, typer.Option(help="The exported model that it is compared with.")] = None,
    sets: Annotated[int, typer.Option(help="Test sets of each size.")] = 400,
) -> None:
    """Prints the table."""
    population = from_models(images, model, rival) if images and model and rival else made_up
    table = Table("classes", "images", "of", "real", *METHODS, box=None)
    for each, queries in IMAGES:
        truth = truth_of(population, each, queries)
        for classes in CLASSES:
            for row in rows_of(population, classes, each, queries, truth, sets):
                table.add_row(*row)
    Console(width=120).print(table)


def rows_of(
    population: Population, classes: int, images: int, queries: int, truth: Sequence[float], sets: int
) -> list[list[str]]:
    """Returns the lines of accuracy and difference: the real 95 % spread, then mean half-width and coverage by method."""
    rng = np.random.default_rng(classes)
    means, found = [], defaultdict(list)
    for _ in range(sets):
        judged = judge(rng, *population(rng, classes, images), queries)
        values = judged.right[0], judged.right[0] - judged.right[1]
        means.append([value.mean() for value in values])
        for name, method in METHODS.items():
            for of, (value, is_accuracy) in enumerate(zip(values, (True, False), strict=True)):
                found[of, name].append(method(value, judged.classes, is_accuracy))
    rows = []
    for of, (title, true) in enumerate((("accuracy", truth[0]), ("difference", truth[0] - truth[1]))):
        spread = 196 * np.std([mean[of] for mean in means])
        row = [str(classes), str(images), title, f"±{spread:.2f}"]
        for name in METHODS:
            bounds = [one for one in found[of, name] if one]
            held = np.mean([low <= true <= high for low, high in bounds]) if bounds else 0
            width = 50 * np.mean([high - low for low, high in bounds]) if bounds else 0
            row.append(f"±{width:.2f} {100 * held:.0f} %" if bounds else "none")
        rows.append(row)
    return rows


def by_episodes(right: np.ndarray, classes: np.ndarray, is_accuracy: bool) -> Bounds:
    """Takes episodes for independent: 1.96 standard errors."""
    mean, half = mean_and_ci95(right.mean(1).tolist())
    return mean - half, mean + half


def by_class_means(right: np.ndarray, classes: np.ndarray, is_accuracy: bool) -> Bounds:
    """Student's t over the mean result of each class."""
    count = classes.max() + 1
    means = np.bincount(classes.ravel(), right.ravel(), count) / np.bincount(classes.ravel(), minlength=count)
    half = stdtrit(count - 1, 0.975) * means.std(ddof=1) / np.sqrt(count)
    return right.mean() - half, right.mean() + half


def plain_jackknife(right: np.ndarray, classes: np.ndarray, is_accuracy: bool) -> Bounds | None:
    """The delete-one jackknife as it is: symmetric, and with what the number of episodes adds."""
    count, values = classes.max() + 1, right.mean(1)
    member = np.zeros((len(values), count))
    np.put_along_axis(member, classes, 1, 1)
    left = len(values) - member.sum(0)
    if not left.all():
        return None
    without = (values.sum() - values @ member) / left
    half = stdtrit(count - 1, 0.975) * np.sqrt((count - 1) / count * ((without - without.mean()) ** 2).sum())
    return values.mean() - half, values.mean() + half


def ours(right: np.ndarray, classes: np.ndarray, is_accuracy: bool) -> Bounds | None:
    """What the evaluator uses."""
    interval = accuracy_over_classes if is_accuracy else difference_over_classes
    found = interval(right.mean(1).tolist(), [frozenset(map(str, of)) for of in classes])
    return (found["low"], found["high"]) if found else None


METHODS: dict[str, Callable[[np.ndarray, np.ndarray, bool], Bounds | None]] = {
    "over episodes": by_episodes,
    "t over class means": by_class_means,
    "plain jackknife": plain_jackknife,
    "over classes": ours,
}


def judge(rng: np.random.Generator, ours: Features, theirs: Features, queries: int, episodes: int = EPISODES) -> Judged:
    """Returns the results of two learners on 5-way 1-shot episodes of a test set."""
    count, images = ours.shape[:2]
    classes = np.argsort(rng.random((episodes, count)), 1)[:, :WAY]
    drawn = classes[:, :, None] * images + np.argsort(rng.random((episodes, WAY, images)), 2)[:, :, : 1 + queries]
    support, query = drawn[:, :, 0], drawn[:, :, 1:]
    return Judged(classes, (nearest(ours, support, query), nearest(theirs, support, query)))


def nearest(features: Features, support: np.ndarray, query: np.ndarray) -> np.ndarray:
    """Returns the share of queries [E, way, q] of each class whose nearest support image [E, way] is of their class."""
    flat = features.reshape(-1, features.shape[-1])
    products = flat @ flat.T
    lengths = np.diag(products)
    episodes, way, queries = query.shape
    rows = query.reshape(episodes, way * queries)
    distances = lengths[support][:, None, :] - 2 * products[rows[:, :, None], support[:, None, :]]
    hits = distances.argmin(2) == np.repeat(np.arange(way), queries)
    return hits.reshape(episodes, way, queries).mean(2)


def truth_of(population: Population, images: int, queries: int) -> list[float]:
    """Returns the accuracy of both learners over the whole population."""
    rng, means = np.random.default_rng(0), []
    for _ in range(40):
        judged = judge(rng, *population(rng, 300, images), queries, 2000)
        means.append([right.mean() for right in judged.right])
    return list(np.mean(means, 0))


def made_up(rng: np.random.Generator, classes: int, images: int) -> tuple[Features, Features]:
    """Class centres in 16 dimensions, with a spread around each that differs by its exponent; the rival sees more noise."""
    spread = 0.45 * np.exp(0.5 * rng.standard_normal((classes, 1, 1)))
    seen = rng.standard_normal((classes, 1, 16)) + spread * rng.standard_normal((classes, images, 16))
    noise = 0.45 * rng.standard_normal((2, *seen.shape))
    return seen + 0.3 * noise[0], seen * np.exp(0.15 * rng.standard_normal(16)) + 0.45 * noise[1]


def from_models(folder: str, *models: str) -> Population:
    """Returns the population of a folder's classes, as two exported models see its images."""
    from components.fewshot.serving.served import ServedModel
    from data.sources.folders import list_folder

    by_class = defaultdict(list)
    for file in list_folder(folder).files:
        by_class[file.class_name].append(file.path)
    most = max(images for images, _ in IMAGES)
    paths = [sorted(by_class[name])[:most] for name in sorted(by_class) if len(by_class[name]) >= most]
    features = []
    for model in map(ServedModel, models):
        embedded = np.stack([model.embed([_read(path) for path in own]) for own in paths])
        features.append(embedded / np.linalg.norm(embedded, axis=-1, keepdims=True))

    def draw(rng: np.random.Generator, classes: int, images: int) -> tuple[Features, Features]:
        chosen = rng.choice(len(paths), min(classes, len(paths)), replace=False)[:, None]
        own = np.argsort(rng.random((len(chosen), most)), 1)[:, :images]
        return features[0][chosen, own], features[1][chosen, own]

    return draw


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


if __name__ == "__main__":
    typer.run(main)
