"""`python -m benchmarks.scale [ROW...]`: how time and memory of each node grow with the number of images and of classes.

The images are 28 x 28 grey PNGs, all different, made from the numbers of class and image. Each node runs in a process of its own,
as on a platform; its seconds are those of the work, without the start of Python, and its memory is the most that the process
held, with TensorFlow and TFX, which take most of it. The episodes and the training steps are the same few for each row, so that
what grows is what the images cost. Everything is written below a temporary folder, which takes about 8 GB for a million images.
"""

import multiprocessing
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import tensorflow as tf
import typer
from rich.console import Console
from tfx.components.statistics_gen.executor import Executor as StatisticsGen
from tfx.components.transform.executor import Executor as Transform
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import artifact_utils, channel_utils, standard_artifacts
from tfx.utils import path_utils

from components.episode_generator.executor import Executor as EpisodeGenerator
from components.episode_generator.settings import EpisodeGeneratorSettings
from components.few_shot_evaluator.executor import Executor as FewShotEvaluator
from components.few_shot_evaluator.gate import GateSettings
from components.fewshot.settings.image import ImageSpec
from components.image_example_gen.executor import Executor as ImageExampleGen
from components.image_example_gen.schema import FILE_NAME, SCHEMA_FILES
from components.image_example_gen.statistics import image_statistics
from components.image_transform.component import image_transform
from components.meta_trainer.executor import Executor as MetaTrainer
from components.meta_trainer.settings import TrainerSettings
from data.listing import fingerprint
from data.settings import ImageSetSettings
from pipeline.platform_settings import IN_PROCESS

IMAGE = ImageSpec(height=28, width=28, channels=1)
EPISODES = {"way": 5, "shot": 1, "query": 5}
TEST_EPISODES, VAL_EPISODES, STEPS = 200, 20, 20
PROCESSES = multiprocessing.get_context("forkserver")  # each node has a fresh process, but TFX is imported only once


class Row(NamedTuple):
    """An image set: `classes` of `each` images; the first one, a test class, has `first`."""

    classes: int
    each: int
    first: int = 0

    @property
    def images(self) -> int:
        """How many there are."""
        return (self.classes - 1) * self.each + (self.first or self.each)


ROWS = {
    "1k": Row(50, 20),
    "10k": Row(100, 100),
    "100k": Row(1_000, 100),
    "1M": Row(1_000, 1_000),
    "wide": Row(10_000, 10),
    "deep": Row(100, 20, 100_000),
}


class Cost(NamedTuple):
    """What a node took."""

    seconds: float
    megabytes: float


def main(
    rows: Annotated[
        list[str] | None, typer.Argument(help=f"which of {', '.join(ROWS)}; by default the first two")
    ] = None,
    directory: Annotated[Path | None, typer.Option(help="below which the temporary folder is made")] = None,
) -> None:
    """Prints the table as Markdown, a line for each row and node."""
    PROCESSES.set_forkserver_preload(["components.few_shot_evaluator.executor", "components.image_transform.component"])
    console = Console()
    for line in ("images", "classes", *NODES), ["---:"] * (2 + len(NODES)):
        console.out(f"| {' | '.join(line)} |")
    for name in rows or [*ROWS][:2]:
        row = ROWS[name]
        with tempfile.TemporaryDirectory(prefix="fewshot-scale-", dir=directory) as scratch:
            apart(write_images, Path(scratch), row)
            costs = [apart(node, Path(scratch)) for node in NODES.values()]
        cells = [f"{cost.seconds:.1f} s, {cost.megabytes:,.0f} MB" for cost in costs]
        console.out(f"| {' | '.join([f'{row.images:,}', f'{row.classes:,}', *cells])} |")


def apart(work: Callable[..., None], *given: object) -> Cost:
    """Returns what some work took in a process of its own."""
    theirs, ours = PROCESSES.Pipe()
    process = PROCESSES.Process(target=_measure, args=(theirs, work, given))
    process.start()
    theirs.close()
    try:
        return ours.recv()
    except EOFError:
        raise typer.Exit(1) from None  # it has said why
    finally:
        process.join()


def _measure(answer: Any, work: Callable[..., None], given: tuple[object, ...]) -> None:
    began = time.perf_counter()
    work(*given)
    answer.send(Cost(time.perf_counter() - began, _peak()))


def _peak() -> float:
    """Megabytes; not `getrusage`, which counts what the parent held when it started this process."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return float(status.partition("VmHWM:")[2].split()[0]) / 1000


def write_images(root: Path, row: Row) -> None:
    """Writes the image set: of ten classes, six are for training, two for validation and two for testing."""
    for number in range(row.classes):
        split = ("test", "train", "train", "val", "train")[number % 5]
        folder = root / "images" / split / f"group-{number % 7}" / f"{number:05}"
        folder.mkdir(parents=True)
        random = np.random.default_rng(number)
        shown = random.integers(0, 200, IMAGE.shape, np.uint8)
        for image in range(row.first if row.first and not number else row.each):
            noisy = shown + random.integers(0, 56, IMAGE.shape, np.uint8)
            (folder / f"{image:06}.png").write_bytes(tf.io.encode_png(noisy, compression=0).numpy())


def list_images(root: Path) -> None:
    """What a run does before its first node: the fingerprint of the images."""
    fingerprint(_data(root))


def ingest(root: Path) -> None:
    """ImageExampleGen."""
    properties = {"settings": _data(root).model_dump_json()}
    ImageExampleGen(_beam()).Do({}, {"examples": [_examples(root)]}, properties)


def statistics(root: Path) -> None:
    """StatisticsGen."""
    inputs = {"examples": [_examples(root)]}
    properties = image_statistics(channel_utils.as_channel(inputs["examples"])).exec_properties
    outputs = {"statistics": [_artifact(root, standard_artifacts.ExampleStatistics)]}
    StatisticsGen(_beam()).Do(inputs, outputs, properties)


def transform(root: Path) -> None:
    """Transform."""
    schema = _artifact(root, standard_artifacts.Schema)
    shutil.copy(SCHEMA_FILES["classification"], Path(schema.uri) / FILE_NAME)
    inputs = {"examples": [_examples(root)], "schema": [schema]}
    examples, schemas = (channel_utils.as_channel(artifacts) for artifacts in inputs.values())
    properties = image_transform(examples, schemas, IMAGE, _data(root).max_pixels).exec_properties
    Transform(_beam()).Do(inputs, {"transform_graph": [_graph(root)]}, properties)


def generate(root: Path) -> None:
    """EpisodeGenerator."""
    counts = {"test_episodes": TEST_EPISODES, "val_episodes": VAL_EPISODES}
    settings = EpisodeGeneratorSettings.model_validate(
        {"train": EPISODES, "evaluation": EPISODES, "image": IMAGE, "also": [], **counts}
    )
    inputs = {"examples": [_examples(root)], "transform_graph": [_graph(root)]}
    episodes = _artifact(root, standard_artifacts.Examples, "Episodes")
    EpisodeGenerator(_beam()).Do(inputs, {"episodes": [episodes]}, {"settings": settings.model_dump_json()})
    (root / "properties").write_bytes(episodes.mlmd_artifact.SerializeToString())


def train(root: Path) -> None:
    """MetaTrainer, a few steps."""
    settings = TrainerSettings.model_validate(
        {"episodes": EPISODES, "image": IMAGE, "training": {"steps": STEPS, "validate_every": STEPS}}
    )
    properties = {"settings": settings.model_dump_json(), "checkpoint_root": str(root / "checkpoints")}
    inputs = {"episodes": [_episodes(root)], "transform_graph": [_graph(root)]}
    outputs = {"model": [_model(root)], "model_run": [_artifact(root, standard_artifacts.ModelRun)]}
    MetaTrainer().Do(inputs, outputs, {**properties, "title": "protonet", "code_fingerprint": ""})


def evaluate(root: Path) -> None:
    """FewShotEvaluator."""
    gate = GateSettings(require_baselines=False)
    properties = {"gate": gate.model_dump_json(), "configuration": "{}", "code_fingerprint": ""}
    outputs = {
        "evaluation": [_artifact(root, standard_artifacts.ModelEvaluation)],
        "blessing": [_artifact(root, standard_artifacts.ModelBlessing)],
    }
    inputs = {"episodes": [_episodes(root)], "model": [_model(root)], "examples": [_examples(root)]}
    FewShotEvaluator(_beam()).Do(inputs, outputs, {**properties, "destination": "", "served": "[]", "judged": ""})
    assert path_utils.serving_model_path(_model(root).uri)


NODES: dict[str, Callable[[Path], None]] = {
    "list": list_images,
    "ingest": ingest,
    "statistics": statistics,
    "transform": transform,
    "store and episodes": generate,
    "20 steps": train,
    "evaluation": evaluate,
}


def _data(root: Path) -> ImageSetSettings:
    return ImageSetSettings(**{f"{split}_dir": str(root / "images" / split) for split in ("train", "val", "test")})


def _beam() -> BaseBeamExecutor.Context:
    return BaseBeamExecutor.Context(beam_pipeline_args=[*IN_PROCESS])


def _artifact(root: Path, kind: type, name: str = "") -> Any:
    made = kind()
    place = root / (name or kind.__name__) / "1"
    place.mkdir(parents=True, exist_ok=True)
    made.uri, made.id = str(place), 1
    return made


def _examples(root: Path) -> Any:
    made = _artifact(root, standard_artifacts.Examples)
    made.split_names = artifact_utils.encode_split_names(["train", "val", "test"])
    made.set_string_custom_property("payload_format", "FORMAT_TF_EXAMPLE")
    made.set_string_custom_property("file_format", "tfrecords_gzip")
    return made


def _graph(root: Path) -> Any:
    return _artifact(root, standard_artifacts.TransformGraph)


def _model(root: Path) -> Any:
    return _artifact(root, standard_artifacts.Model)


def _episodes(root: Path) -> Any:
    made = _artifact(root, standard_artifacts.Examples, "Episodes")
    made.mlmd_artifact.ParseFromString((root / "properties").read_bytes())
    return made


if __name__ == "__main__":
    typer.run(main)
