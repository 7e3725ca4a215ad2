"""`fewshot evaluate`: evaluates an exported model on episodes of image folders. It does not need TFX."""

from collections.abc import Callable, Sequence

from pydantic import ValidationError

from components.fewshot.episodes.classes import usable_classes
from components.fewshot.episodes.episode import EpisodeSpec
from components.fewshot.episodes.sampler import EpisodeSampler
from components.fewshot.evaluation.checks import check_independence
from components.fewshot.evaluation.judging import evaluate
from components.fewshot.images.store import ImageStore
from components.fewshot.serving.served import ServedModel
from components.fewshot.settings.sentences import place, reason
from components.fewshot.words import counted
from components.image_example_gen.duplicates import find_duplicates
from data.settings import ImageSetSettings
from data.sources.folders import Rejected
from data.sources.image_sets import ImageSet, list_image_set, list_roots
from data.sources.splits import SPLITS, differ_by_case
from pipeline.commands.inputs import DEFAULTS, examined, find_model
from pipeline.terminal.results import Evaluation, as_set_aside

EVALUATE_KEYS = (
    *("accuracy", "ci95", "over_classes", "log_loss", "ece", "episodes", "way", "shot", "query", "seed", "inductive"),
    *("classes", "classes_too_small", "duplicates", "duplicate_files", "set_aside", "passed_over", "differ_by_case"),
)
CHECKED = 2  # episodes on which the independence of queries is checked, and whether features can be taken for images


def spec_of(way: str, shot: str, query: int, rotations: bool = False, within_domain: bool = False) -> EpisodeSpec:
    """Returns the episode specification that options name.

    Args:
      way, shot: a number (`5`) or a range (`5..10`).

    Raises:
      ValueError: a value does not fit; the message names its option.
    """
    try:
        return EpisodeSpec(
            way=_number_or_range("way", way),
            shot=_number_or_range("shot", shot),
            query=query,
            rotations=rotations,
            within_domain=within_domain,
        )
    except ValidationError as error:
        found = error.errors()
        raise ValueError(f"--{place(found[0])}: {reason(found)}") from error


def check_counts(episodes: int, seed: int) -> None:
    """Raises ValueError if there are too few episodes for an interval, or if the seed is negative."""
    if episodes < 2:
        raise ValueError(f"--episodes {episodes}: expected at least 2, because a confidence interval needs two")
    if seed < 0:
        raise ValueError(f"--seed {seed}: expected 0 or more")


def image_set_of(images: Sequence[str], splits: str | None, split: str) -> ImageSetSettings | None:
    """Returns the image set that `--images` and `--splits` name, or None if `--splits` is not given.

    Raises:
      ValueError: there is no such split.
    """
    if split not in SPLITS:
        raise ValueError(f"--split: no {split!r}; there are {', '.join(SPLITS)}")
    return ImageSetSettings(images=tuple(images), splits=splits) if splits is not None else None


def evaluate_folder(
    model: str,
    data: ImageSetSettings | None,
    folders: Sequence[str],
    split: str,
    spec: EpisodeSpec,
    episodes: int,
    seed: int,
    progress: Callable[[int], None] = lambda done: None,
) -> Evaluation:
    """Evaluates a model on episodes of image folders. On the same classes they are the episodes of the evaluator.

    Files are read and duplicates left out as ImageExampleGen does. Other splits than `split` are not read.

    Args:
      model: an exported model or a push destination.
      data: an image set, of which `split` is used; or None to use all classes of `folders`.
      folders: folders of classes.
      split: train, val or test.
      spec: how episodes are drawn.
      episodes: number of episodes.
      seed: seed that they are drawn with.
      progress: gets the number of episodes that are done.

    Returns:
      The metrics, and how they were measured.

    Raises:
      ValueError: there is no model, there are too few classes or images, or too many images cannot be read.
    """
    directory = find_model(model)
    listing = list_image_set(data) if data else list_roots(folders)
    files = listing.splits[split] if isinstance(listing, ImageSet) else listing.files
    facts = examined(files, directory)
    refused = [*listing.rejected, *(Rejected(fact.path, fact.reason) for fact in facts if fact.reason)]
    check_refused(refused, len(files))
    found = find_duplicates([fact._replace(split=split if data else "") for fact in facts])
    classes: dict[str, list[tuple[str, str]]] = {}
    for fact in found.kept:
        classes.setdefault(fact.class_name, []).append((fact.source_id, fact.path))
    store = ImageStore.from_files(classes)
    usable = usable_classes(store.index, spec, {file.class_name for file in files} - set(classes))
    repeated = f" (files with the same picture, {len(found.left_out):,} here, do not count)" if found.left_out else ""
    if shortage := usable.shortage(lower="--way, --shot or --query", note=repeated, across="leave --within-domain out"):
        raise ValueError(shortage)
    sampler = EpisodeSampler(store.index, spec, seed)
    served = ServedModel(directory)
    if served.manifest.fixed_way not in (None, *([spec.way] if isinstance(spec.way, int) else [])):
        raise ValueError(
            f"--way {spec.way}: expected {served.manifest.fixed_way}, because the model has a fixed head of"
            f" {served.manifest.fixed_way} classes"
        )
    drawn = [sampler(i) for i in range(episodes)]
    independence = check_independence(served, store, drawn[:CHECKED])
    agreement = independence["by_features"]
    metrics = evaluate(served, store, drawn, progress, by_features=agreement is not None and agreement["holds"])
    return {
        "accuracy": metrics["accuracy"],
        "ci95": metrics["ci95"],
        "over_classes": metrics["over_classes"],
        "log_loss": metrics["log_loss"],
        "ece": metrics["ece"],
        "episodes": metrics["episodes"],
        "way": spec.way,
        "shot": spec.shot,
        "query": spec.query,
        "seed": seed,
        "inductive": served.manifest.inductive and independence["holds"],  # claimed by the manifest, and measured
        "classes": usable.classes,
        "classes_too_small": usable.too_small,
        "duplicates": {"within_class": found.total["within_class"], "across_classes": found.total["across_classes"]},
        "duplicate_files": found.pictures,
        "title": spec.title,
        "split": split if data else "",
        "images_per_class": spec.images_per_class,
        "set_aside": as_set_aside(refused),
        "passed_over": listing.passed_over,
        "differ_by_case": differ_by_case({file.class_name for file in files}),
        "batch_norm": served.manifest.batch_norm,
    }


def check_refused(refused: Sequence[Rejected], total: int) -> None:
    """Raises ValueError if more images cannot be read than a run of the pipeline accepts."""
    most = DEFAULTS["max_reject_fraction"].default
    if len(refused) > most * total:
        first = refused[0]
        raise ValueError(
            f"{len(refused):,} of {counted(total, 'image')} cannot be read, and at most {most:.0%} may be unreadable; the first"
            f" is {first.path}: {first.reason}; convert or remove them"
        )


def _number_or_range(option: str, value: str) -> int | tuple[int, int]:
    try:
        bounds = [int(bound) for bound in value.split("..")]
    except ValueError:
        raise ValueError(f"--{option} {value}: expected a number (5) or a range (5..10)") from None
    return bounds[0] if len(bounds) == 1 else tuple(bounds)  # type: ignore[return-value]  # pydantic checks the length
