"""Why a node was executed: what differs from the run before that is most like it."""

import json

import pytest

from pipeline.history.explain import NOWHERE, Explanation, explain, show
from tests.pipeline.history.test_runs import Recorder


@pytest.fixture
def recorder(tmp_path):
    return Recorder(tmp_path)


def one_run(recorder, run: str, data: str, steps: int = 5, cached: tuple[str, ...] = (), code: str = "c") -> None:
    """Two nodes; those that are cached put out what they did for the same data before."""

    def output(node: str, name: str) -> int:
        found = [one.id for one in recorder.store.get_artifacts() if one.uri == f"{node}/{name}"]
        return found[-1] if node in cached else recorder.artifact("Model", f"{node}/{name}")

    def state(node: str) -> str:
        return "cached" if node in cached else "complete"

    examples = output("ImageExampleGen", data)
    recorder.node(
        run,
        "ImageExampleGen",
        state("ImageExampleGen"),
        outputs={"examples": examples},
        fingerprint=data,
        settings="{}",
    )
    model = output("MetaTrainer", f"{data} {steps} {code}")
    settings = json.dumps({"training": {"steps": steps}, "seed": 0})
    recorder.node(
        run,
        "MetaTrainer",
        state("MetaTrainer"),
        inputs={"examples": examples},
        outputs={"model": model},
        settings=settings,
        code_fingerprint=code,
    )


def reasons(recorder, run: str) -> dict[str, Explanation]:
    found, nodes = explain(str(recorder.root), run)
    assert found == run
    return {one.node: one for one in nodes}


def test_the_first_run(recorder):
    one_run(recorder, "20260101", "a")
    assert reasons(recorder, "20260101")["MetaTrainer"] == Explanation("MetaTrainer", "complete", None, [])


def test_other_images_then_other_settings_then_other_code(recorder):
    one_run(recorder, "20260101", "a")
    one_run(recorder, "20260102", "b")
    found = reasons(recorder, "20260102")
    assert found["ImageExampleGen"].reasons == ["the images are others"]
    assert found["MetaTrainer"].reasons == ["new inputs: examples (ImageExampleGen)"]
    one_run(recorder, "20260103", "b", steps=7, cached=("ImageExampleGen",))
    found = reasons(recorder, "20260103")
    assert found["ImageExampleGen"] == Explanation("ImageExampleGen", "cached", "20260102", [])
    assert found["MetaTrainer"] == Explanation("MetaTrainer", "complete", "20260102", ["training.steps was 5 and is 7"])
    one_run(recorder, "20260104", "b", steps=7, cached=("ImageExampleGen",), code="d")
    assert reasons(recorder, "20260104")["MetaTrainer"].reasons == ["its code is other"]


def test_it_is_compared_with_the_run_that_is_most_like_it(recorder):
    one_run(recorder, "20260101", "a", steps=5)
    one_run(recorder, "20260102", "a", steps=7, code="d", cached=("ImageExampleGen",))
    one_run(recorder, "20260103", "a", steps=5, code="d", cached=("ImageExampleGen",))
    assert (
        reasons(recorder, "20260103")["MetaTrainer"].compared == "20260102"
    )  # of two that differ in one thing, the later
    one_run(recorder, "20260104", "a", steps=5, cached=("ImageExampleGen",))
    assert reasons(recorder, "20260104")["MetaTrainer"] == Explanation("MetaTrainer", "complete", "20260101", [NOWHERE])


def test_it_is_told_within_80_columns(recorder, capsys):
    one_run(recorder, "20260101-120000-000001", "a")
    one_run(recorder, "20260102-120000-000001", "b", steps=7, code="d")
    show(*explain(str(recorder.root), "latest"))
    lines = capsys.readouterr().out.splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert lines == [
        "run 20260102-120000-000001, and what differs from run 20260101-120000-000001",
        "ImageExampleGen  executed: the images are others",
        "MetaTrainer      executed: new inputs: examples (ImageExampleGen); its code is",
        "                 other; training.steps was 5 and is 7",
    ]
