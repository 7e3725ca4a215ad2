"""`fewshot evaluate`: evaluates an exported model on episodes of image folders. It does not need TFX."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from pydantic import ValidationError

from components.fewshot.episodes.classes import usable_classes
from components.fewshot.episodes.episode import EpisodeSpec
from components.fewshot.evaluation.kinds import EVALUATIONS, evaluate
from components.fewshot.serving.manifest import Manifest
from components.fewshot.serving.opening import open_served
from components.fewshot.settings.metrics import kind_of
from components.fewshot.settings.sentences import place, reason
from components.fewshot.words import counted
from components.image_example_gen.duplicates import find_duplicates
from data.listing import Listed, listing_of
from data.settings import ImageSetSettings
from data.sources.folders import ImageFile, Listing, Rejected
from data.sources.splits import SPLITS, differ_by_case
from pipeline.commands.folders import FOLDERS
from pipeline.commands.inputs import DEFAULTS, examined, find_model
from pipeline.terminal.results import Evaluation, as_set_aside

MEASURED_ON = (
    *("way", "shot", "query", "seed", "inductive"),
    *("classes", "classes_too_small", "duplicates", "duplicate_files", "set_aside", "passed_over", "differ_by_case"),
)
CHECKED = 2  # episodes on which the independence of queries is checked, and whether features can be taken for images


def keys_of(result: Mapping[str, Any]) -> tuple[str, ...]:
    """Returns the keys of a result that `--json` prints: the figures of its kind of task, and what they were measured on."""
    return (*EVALUATIONS[kind_of(result)].told, *MEASURED_ON)


def spec_of(
    way: str, shot: str, query: int, rotations: bool = False, within_domain: bool = False, negatives: int = 0
) -> EpisodeSpec:
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
            negatives=negatives,
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
    annotations: str | None = None,
) -> Evaluation:
    """Evaluates a model on episodes of image folders. On the same classes they are the episodes of the evaluator.

    Files are read and duplicates left out as ImageExampleGen does. Other splits than `split` are not read.

    Args:
      model: an exported model or a push destination; it says of what kind of task the folders are.
      data: an image set, of which `split` is used; or None to use all classes of `folders`.
      folders: folders of classes, or of pictures with boxes.
      split: train, val or test.
      spec: how episodes are drawn.
      episodes: number of episodes.
      seed: seed that they are drawn with.
      progress: gets the number of episodes that are done.
      annotations: file or folder of boxes, if they are not in the folder.

    Returns:
      The metrics, and how they were measured.

    Raises:
      ValueError: there is no model, there are too few classes or images, or too many images cannot be read.
    """
    directory = find_model(model)
    kind = Manifest.read(directory).kind
    reads, own = FOLDERS[kind], EVALUATIONS[kind]
    listing, files = listed(kind, data, folders, split, annotations)
    facts = examined(files, directory)
    refused = [*listing.rejected, *(Rejected(fact.path, fact.reason) for fact in facts if fact.reason)]
    check_refused(refused, len(files))
    found = find_duplicates([fact._replace(split=split if data else "") for fact in facts])
    by_path = {file.path: file for file in files}
    store = reads.store([(by_path[fact.path], fact) for fact in found.kept])
    names = {name for file in files for name in reads.classes(file)}
    usable = usable_classes(store.index, spec, names - set(store.index.names))
    repeated = f" (files with the same picture, {len(found.left_out):,} here, do not count)" if found.left_out else ""
    if shortage := usable.shortage(lower="--way, --shot or --query", note=repeated, across="leave --within-domain out"):
        raise ValueError(shortage)
    sampler = reads.sampler(store, spec, seed)
    served = open_served(directory)
    if served.manifest.fixed_way not in (None, *([spec.way] if isinstance(spec.way, int) else [])):
        raise ValueError(
            f"--way {spec.way}: expected {served.manifest.fixed_way}, because the model has a fixed head of"
            f" {served.manifest.fixed_way} classes"
        )
    drawn = [sampler(i) for i in range(episodes)]
    independence = own.check_independence(served, store, drawn[:CHECKED])
    agreement = independence["by_features"]
    metrics = evaluate(served, store, drawn, progress, by_features=agreement is not None and agreement["holds"])
    measured_on = {
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
        "differ_by_case": differ_by_case(names),
        "batch_norm": served.manifest.batch_norm,
    }
    return cast(Evaluation, {key: metrics[key] for key in own.told} | measured_on)


def listed(
    kind: str, data: ImageSetSettings | None, folders: Sequence[str], split: str, annotations: str | None
) -> tuple[Listed | Listing, list[ImageFile]]:
    """Returns the listing of an image set or of whole folders, and the images that are meant."""
    if data is None:
        whole = FOLDERS[kind].listed(folders, annotations)
        return whole, whole.files
    named = data.model_dump(exclude_unset=True) | {"kind": kind, "annotations": annotations}
    try:
        found = listing_of(ImageSetSettings.model_validate(named))
    except ValidationError as error:
        raise ValueError(reason(error.errors())) from error
    return found, found.splits[split]


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
