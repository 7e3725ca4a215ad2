"""The local runner on a pipeline of two nodes: what is damaged is made again, what failed by chance runs once more."""

import shutil
from functools import partial
from pathlib import Path

import pytest
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.experimental.conditionals.conditional import Cond
from tfx.orchestration import metadata
from tfx.orchestration.pipeline import Pipeline
from tfx.types.standard_artifacts import Examples, ModelEvaluation

from components.fewshot.integrity import is_sealed
from pipeline.platforms.local import NodeEnd, NodeError, NodeFailure, run_locally

TEXT = "what is written, and must be read"
failures: list[Exception] = []  # what the second node raises, one after another


@component
def Writer(images: OutputArtifact[Examples]) -> None:
    """Writes a large file, which is checked while it is read, and a small one."""
    Path(images.uri, "shard-0.bin").write_text(TEXT)
    Path(images.uri, "facts.json").write_text("{}")


@component
def Reader(images: InputArtifact[Examples], result: OutputArtifact[ModelEvaluation], version: Parameter[int]) -> None:
    """Notices another byte in the large file, as the image store does."""
    if failures:
        raise failures.pop(0)
    text = Path(images.uri, "shard-0.bin").read_text()
    if text != TEXT:
        raise KeyError("a checksum")
    Path(result.uri, "result.txt").write_text(f"{text} {version}")


@component
def Judge(goes_on: Parameter[int], because: Parameter[str], drift: OutputArtifact[ModelEvaluation]) -> None:
    """Decides whether the node after it runs."""
    drift.set_int_custom_property("goes_on", goes_on)
    Path(drift.uri, "why.txt").write_text(because)


class Runs:
    """Runs the pipeline of one root; remembers what was told and which nodes came from the cache."""

    def __init__(self, root: Path) -> None:
        self.root, self.told, self.ids = root, [], set()

    def __call__(self, version: int = 1) -> dict[str, bool]:
        self.told.clear()
        cached = {}
        writer = Writer()
        nodes = [writer, Reader(images=writer.outputs["images"], version=version)]
        connection = metadata.sqlite_metadata_connection_config(str(self.root / "metadata.sqlite"))
        made = Pipeline("two", str(self.root), components=nodes, enable_cache=True)

        def report(event) -> None:
            if isinstance(event, NodeEnd):
                cached[event.node] = event.outcome == "cached"
            elif isinstance(event, NodeFailure):
                self.ids.add(event.run_id)

        self.ids.add(run_locally(made, report, partial(metadata.Metadata, connection), self.told.append))
        return cached

    def newest(self, key: str) -> Path:
        return max(self.root.glob(f"*/{key}/*"), key=lambda path: int(path.name) if path.is_dir() else -1)

    @property
    def result(self) -> str:
        return (self.newest("result") / "result.txt").read_text()


@pytest.fixture
def runs(tmp_path):
    failures.clear()
    return Runs(tmp_path)


@pytest.fixture
def done(runs):
    """A run that is finished and would come from the cache."""
    assert runs() == {"Writer": False, "Reader": False} and runs.result == f"{TEXT} 1"
    assert runs() == {"Writer": True, "Reader": True} and runs.told == []
    return runs


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_every_output_is_sealed_before_it_is_published(done):
    assert is_sealed(str(done.newest("images"))) and is_sealed(str(done.newest("result")))


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda images: flip(images / "facts.json"), "facts.json has other bytes than were written"),
        (lambda images: (images / "shard-0.bin").write_text(TEXT[:-1]), "shard-0.bin has 32 bytes instead of 33"),
        (lambda images: flip(images / "files.json"), "files.json has other bytes than were written"),
        (lambda images: (images / "files.json").unlink(), "files.json is missing"),
        (shutil.rmtree, "it is missing"),
    ],
)
def test_a_damaged_artifact_is_no_longer_served_from_the_cache(done, harm, said):
    images = done.newest("images")
    harm(images)
    assert done() == {"Writer": False, "Reader": False}
    assert done.told == [f"{images} is damaged ({said}): it is made again"]
    assert done.newest("images") != images and done.result == f"{TEXT} 1"
    assert done() == {"Writer": True, "Reader": True} and done.told == []


def test_damage_that_only_a_reader_finds_is_made_again_as_well(done):
    images = done.newest("images")
    flip(images / "shard-0.bin")
    assert done() == {"Writer": True, "Reader": True}, "nothing has read it"
    before = len(done.ids)
    assert done(version=2) == {"Writer": False, "Reader": False}
    assert done.told == [f"{images} is damaged (shard-0.bin has other bytes than were written): it is made again"]
    assert done.result == f"{TEXT} 2" and len(done.ids) == before + 2, "the run that failed, and the one after it"


def test_what_is_damaged_each_time_ends_the_run(done, monkeypatch):
    text = Path.read_text

    def bad_disk(path, *args, **named):
        if path.name == "shard-0.bin" and text(path) == TEXT:
            flip(path)
        return text(path, *args, **named)

    monkeypatch.setattr(Path, "read_text", bad_disk)
    with pytest.raises(NodeError, match="^Reader: KeyError: 'a checksum'"):
        done(version=2)
    assert len(done.told) == 1


def test_what_fails_by_chance_runs_once_more(done):
    failures.append(NotImplementedError("Invalid PaneInfoEncoding: 10"))
    assert done(version=2) == {"Writer": True, "Reader": False} and done.result == f"{TEXT} 2"
    assert done.told == ["Reader: NotImplementedError: Invalid PaneInfoEncoding: 10: it is tried once more"]
    assert done(version=2) == {"Writer": True, "Reader": True}


def test_what_fails_twice_has_failed(done):
    failures.extend([RuntimeError("once"), RuntimeError("twice"), RuntimeError("never")])
    with pytest.raises(NodeError, match="^Reader: RuntimeError: twice"):
        done(version=2)
    assert [str(error) for error in failures] == ["never"]


@pytest.mark.parametrize("error", [ValueError("split 'train': too few"), OSError(28, "No space left")])
def test_what_has_a_reason_is_not_tried_again(done, error):
    failures.extend([error, RuntimeError("never")])
    with pytest.raises(NodeError):
        done(version=2)
    assert len(failures) == 1 and done.told == []


def test_why_a_node_runs_is_no_part_of_what_it_makes(tmp_path):
    """A node in a condition is left out, or runs, or comes from the cache, whatever else was decided meanwhile."""

    def outcomes(goes_on: int, because: str) -> dict[str, str]:
        writer, judge, ended = Writer(), Judge(goes_on=goes_on, because=because), {}
        with Cond(judge.outputs["drift"].future()[0].custom_property("goes_on") == 1):
            reader = Reader(images=writer.outputs["images"], version=1)
        made = Pipeline("cond", str(tmp_path), components=[writer, judge, reader], enable_cache=True)
        connection = metadata.sqlite_metadata_connection_config(str(tmp_path / "metadata.sqlite"))

        def report(event) -> None:
            if isinstance(event, NodeEnd):
                ended[event.node] = event.outcome

        run_locally(made, report, partial(metadata.Metadata, connection))
        return ended

    failures.clear()
    assert outcomes(0, "a") == {"Writer": "executed", "Judge": "executed", "Reader": "left out"}
    assert outcomes(1, "b") == {"Writer": "cached", "Judge": "executed", "Reader": "executed"}
    assert outcomes(1, "c") == {"Writer": "cached", "Judge": "executed", "Reader": "cached"}
    assert outcomes(0, "a") == {"Writer": "cached", "Judge": "cached", "Reader": "left out"}
