"""The command line, as a user types it: help at once, one sentence for a mistake, exit codes, clean JSON."""

import importlib.metadata
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests import pictures
from tests.components.fewshot import toys

REPOSITORY = Path(__file__).parents[2]
COMMANDS = ("run", "evaluate", "adapt", "compile", "settings", "runs", "doctor", "rollback")


def in_a_process(*words: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "pipeline.cli", *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=False)


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("images")
    pictures.write_set(root)
    return root


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    directory = str(tmp_path_factory.mktemp("model") / "exported")
    toys.trained("protonet").export(directory)
    return directory


def test_help_names_every_command_and_imports_nothing_heavy(fewshot):
    shown = fewshot("--help").stdout
    assert all(command in shown for command in COMMANDS)
    heavy = "import sys, pipeline.cli; print([m for m in ('tensorflow', 'tfx', 'keras', 'numpy') if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True, cwd=REPOSITORY).stdout == "[]\n"
    )


BY_MODULE, BY_SCRIPT = ["-m", "pipeline.cli"], ["-c", "from pipeline.cli import main; main()"]


@pytest.mark.parametrize(("name", "start"), [("data.py", BY_MODULE), ("typer.py", BY_MODULE), ("data.py", BY_SCRIPT)])
def test_files_of_our_names_in_the_working_directory(tmp_path, name, start):
    """The second way is what the script `fewshot` does; it does not look in the working directory first."""
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("raise SystemExit('the wrong one')")
    safe = [] if start[0] == "-m" else ["-P"]
    command = [sys.executable, *safe, *start, "run", "--preset", "glyph"]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)
    assert result.returncode == 2 and "no 'glyph'; there are" in result.stderr


SUBCOMMANDS = [*(c for c in COMMANDS if c != "runs"), "runs list", "runs show", "runs lineage"]


@pytest.mark.parametrize("command", SUBCOMMANDS)
def test_each_help_has_an_example(fewshot, command):
    shown = fewshot(*command.split(), "--help")
    assert shown.returncode == 0 and f"Example: fewshot {command}" in " ".join(shown.stdout.split())


USAGE = {
    "unknown command": (["fly"], "No such command 'fly'"),
    "unknown preset": (["run", "--preset", "glyph"], "no 'glyph'; there are glyphs, glyphs-colour"),
    "unknown key": (["run", "training.stepz=3"], "no setting 'training.stepz'; did you mean training.steps?"),
    "unknown learner": (
        ["run", "learner.name=magic"],
        "no 'magic'; there are protonet, matching, nca, ridge, maml, transfer",
    ),
    "no data there": (["run", "--train-dir", "nowhere", "--test-dir", "nowhere"], "nowhere"),
    "a value that is no YAML": (["run", "training.steps=[1"], "training.steps: expected a YAML value"),
    "a bucket for a root": (["run", "--root", "gs://b/r"], "--root gs://b/r: expected a directory of this machine"),
    "nowhere to write": (["compile", "--output", "nowhere/job.json"], "--output nowhere/job.json: no such folder"),
    "half the data": (["run", "--train-dir", "nowhere"], "came without test_dir"),
    "zero queries": (["run", "episodes.query=0"], "episodes.query: expected at least 1, got 0"),
    "a section that is none": (
        ["run", "trainng.steps=3"],
        "no setting 'trainng'; did you mean training? the sections are",
    ),
    "a section to show that is none": (
        ["settings", "trainng"],
        "no section of settings 'trainng'; did you mean training?",
    ),
    "a base model that cannot be built": (
        ["run", "base_model.settings.filters=x"],
        "base_model 'conv4' cannot be built",
    ),
    "a target of its own": (
        ["compile", "--target", "moon", "--output", "x"],
        "'moon' is not one of 'vertex', 'kubeflow'",
    ),
    "no model": (["adapt", "--model", "nowhere", "--support", ".", "--query", "."], "nowhere"),
    "no destination": (["rollback", "--destination", "nowhere"], "nowhere"),
    "a way in words": (
        ["evaluate", "--model", "m", "--images", "i", "--way", "five"],
        "expected a number (5) or a range",
    ),
    "zero queries asked": (
        ["evaluate", "--model", "m", "--images", "i", "--query", "0"],
        "--query: expected at least 1, got 0",
    ),
    "a local root for a cluster": (
        ["compile", "--root", "runs", "--output", "job.json"],
        "runs is a path of this machine",
    ),
    "local images for a cluster": (
        ["compile", "--train-dir", "gs://b/train", "--test-dir", "photos/test", "--output", "job.json"],
        "photos/test is a path of this machine: expected one that the cluster can reach (gs://bucket/...), or --mounted",
    ),
    "one episode": (["evaluate", "--model", "m", "--images", "i", "--episodes", "1"], "expected at least 2"),
}


@pytest.mark.parametrize(("words", "said"), USAGE.values(), ids=USAGE)
def test_bad_usage_is_one_sentence_and_exit_2(fewshot, words, said, tmp_path):
    root = ["--root", str(tmp_path)] if words[0] == "run" and "--root" not in words else []
    result = fewshot(*words, *root)
    shown = " ".join(result.stderr.replace("│", " ").split())
    assert result.returncode == 2, result.stderr
    assert said in shown and "Traceback" not in shown and result.stdout == ""


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            "run --preset glyphs-tiny --root @",
            "running glyphs-tiny: nca on conv4, 40 steps, 20 episodes of 5-way 1-shot",
        ),
        ("evaluate --model served --images photos", "evaluating served on photos"),
        ("adapt --model served --support photos --query new", "adapting served to photos, to predict new"),
        ("compile --output @/job.json", "compiling glyphs for vertex"),
        ("doctor --root @", "checking this machine and @"),
    ],
)
def test_the_first_line_needs_nothing_heavy(tmp_path, words, line):
    """It appears although nothing that takes seconds to import is there."""
    heavy = ("tensorflow", "keras", "tfx", "apache_beam", "ml_metadata")
    program = f"import sys; sys.modules |= dict.fromkeys({heavy!r}); from pipeline.cli import app; app(sys.argv[1:])"
    given = [word.replace("@", str(tmp_path)) for word in words.split()]
    command = [sys.executable, "-c", program, *given]
    told = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=False).stderr
    assert told.splitlines()[0] == line.replace("@", str(tmp_path))


def test_version(fewshot):
    assert fewshot("--version").stdout == f"fewshot {importlib.metadata.version('fewshot-tfx')}\n"


def test_settings(fewshot):
    shown = fewshot("settings", "gate", "--json")
    assert json.loads(shown.stdout)["settings"][0]["key"] == "gate.threshold"
    assert "training.steps=2000" in fewshot("settings", "training").stdout


def test_the_help_names_the_latest_run(fewshot):
    shown = " ".join(fewshot("runs", "show", "--help").stdout.split())
    assert "Example: fewshot runs show latest" in shown


def test_a_way_larger_than_the_classes(fewshot, images, tmp_path):
    folders = ["--train-dir", str(images / "train"), "--test-dir", str(images / "test")]
    result = fewshot(
        "run", *folders, "--root", str(tmp_path / "r"), "episodes.way=50", "episodes.query=3", "train_episodes.shot=1"
    )
    assert result.returncode == 2
    assert "split 'val': episodes of 50-way 1-shot with 3 query images need 50 classes" in result.stderr
    assert "only 2 of 2 have so many: name a validation set (val_dir)" in result.stderr


def test_debug_shows_the_traceback(fewshot, tmp_path):
    result = fewshot("run", "--preset", "glyph", "--debug", "--root", str(tmp_path))
    assert "Traceback" in result.stderr and result.returncode == 2


def test_adapt(fewshot, model, images):
    classes = sorted((images / "test").glob("*/*"))
    result = fewshot("adapt", "--model", model, "--support", str(images / "test"), "--query", str(classes[0]), "--json")
    assert result.returncode == 0, result.stderr
    predictions = json.loads(result.stdout)["predictions"]
    assert len(predictions) == 8 and {"path", "label", "none_of_these", "probabilities"} <= set(predictions[0])
    assert {one["label"] for one in predictions} <= {str(c.relative_to(images / "test")) for c in classes}
    shown = fewshot("adapt", "--model", model, "--support", str(images / "test"), "--query", str(classes[0]))
    assert len(shown.stdout.splitlines()) == 8


def truncated() -> bytes:
    """A PNG whose header is whole and whose pixels are not."""
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (20, 20), np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()[:200]


BROKEN = {"zero bytes": b"", "text": b"no image", "truncated": truncated()}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_adapt_to_an_image_that_is_none(fewshot, model, images, tmp_path, broken):
    (tmp_path / "query").mkdir()
    (tmp_path / "query" / "bad one.png").write_bytes(broken)
    words = ["--support", str(images / "test"), "--query", str(tmp_path / "query")]
    result = fewshot("adapt", "--model", model, *words, "--json")
    assert result.returncode == 2 and "bad one.png" in result.stderr and result.stdout == ""


def test_adapt_without_queries_or_classes(fewshot, model, images, tmp_path):
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    result = fewshot("adapt", "--model", model, "--support", str(images / "test"), "--query", str(nothing))
    assert result.returncode == 2 and "holds no image" in result.stderr
    one_class = next((images / "test").glob("*"))
    pictures.write_class(tmp_path / "one", "kind", 2)
    result = fewshot("adapt", "--model", model, "--support", str(tmp_path / "one"), "--query", str(one_class))
    assert result.returncode == 2 and "expected at least 2 classes" in result.stderr


def test_json_is_all_there_is_on_standard_output(model, images):
    words = ["--support", str(images / "test"), "--query", str(images / "test"), "--json"]
    result = in_a_process("adapt", "--model", model, *words)
    assert result.returncode == 0 and len(json.loads(result.stdout)["predictions"]) == 48 and result.stderr == ""


def test_evaluate(fewshot, model, images):
    words = ["--model", model, "--images", str(images / "test"), "--way", "3..5", "--query", "4", "--episodes", "6"]
    result = fewshot("evaluate", *words, "--json")
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    keys = {"accuracy", "ci95", "log_loss", "ece", "episodes", "way", "shot", "query", "seed", "inductive"}
    keys |= {"over_classes", "classes", "classes_too_small", "duplicates", "duplicate_files"}
    keys |= {"set_aside", "passed_over", "differ_by_case"}
    assert set(found) == keys and found["way"] == [3, 5] and found["episodes"] == 6 and found["inductive"] is True
    assert json.loads(fewshot("evaluate", *words, "--json").stdout) == found
    assert "6 episodes of 3..5-way 1-shot" in fewshot("evaluate", *words).stdout


def test_evaluate_sets_aside_what_the_pipeline_would(fewshot, model, images, tmp_path):
    """The same figure as without the bad file, which is named."""
    folder = tmp_path / "test"
    shutil.copytree(images / "test", folder)
    words = ["--model", model, "--way", "3", "--query", "4", "--episodes", "4"]
    expected = json.loads(fewshot("evaluate", *words, "--images", str(folder), "--json").stdout)
    bad = next(folder.glob("*/*")) / "bad one.png"
    bad.write_bytes(truncated())
    (folder / "notes").mkdir()
    (folder / "notes" / "README.md").write_text("the good ones")
    result = fewshot("evaluate", *words, "--images", str(folder), "--json")
    assert result.returncode == 0
    found = json.loads(result.stdout)
    assert found["passed_over"] == {f"{folder}/notes": 1} and [one["path"] for one in found["set_aside"]] == [str(bad)]
    assert found | {"passed_over": {}, "set_aside": []} == expected
    shown = fewshot("evaluate", *words, "--images", str(folder)).stdout
    assert f"set aside: {bad}: damaged or truncated" in shown and "! passed over:" in shown
    for other in folder.glob("*/*/0[0-3].png"):
        other.write_bytes(b"")
    result = fewshot("evaluate", *words, "--images", str(folder))
    assert (
        result.returncode == 2
        and "images cannot be read, and at most 5% may be unreadable; the first is" in result.stderr
    )


def test_evaluate_leaves_duplicates_out_and_tells(fewshot, model, images, tmp_path):
    """Copies change no figure; a class of which too few pictures are left is named with what it lacks."""
    folder = tmp_path / "test"
    shutil.copytree(images / "test", folder)
    words = ["--model", model, "--way", "3", "--query", "4", "--episodes", "4", "--images", str(folder)]
    expected = json.loads(fewshot("evaluate", *words, "--json").stdout)
    assert expected["classes"] == 6 and expected["classes_too_small"] == []
    assert expected["duplicates"] == {"within_class": 0, "across_classes": 0} and expected["duplicate_files"] == []

    first, second, *_ = sorted(folder.glob("*/*"))
    for number in range(3):
        shutil.copy(first / "00.png", first / f"copy {number}.png")
    Image.open(second / "01.png").save(second / "other format.bmp")
    found = json.loads(fewshot("evaluate", *words, "--json").stdout)
    assert found["duplicates"] == {"within_class": 4, "across_classes": 0}
    assert [one["path"] for one in found["duplicate_files"][0] if one["takes_part"]] == [str(first / "00.png")]
    told = ("duplicates", "duplicate_files")
    assert {key: value for key, value in found.items() if key not in told} == {
        key: value for key, value in expected.items() if key not in told
    }

    for number in range(1, 5):  # one picture of its own and four copies of it: with `copy *.png` still a single picture
        shutil.copy(first / "00.png", first / f"{number:02}.png")
    shutil.copy(second / "07.png", first / "07.png")
    found = json.loads(fewshot("evaluate", *words, "--json").stdout)
    name = str(first.relative_to(folder))
    assert found["classes"] == 5
    assert found["classes_too_small"] == [{"class_name": name, "images": 3, "lacks": 2, "domain_lacks": 0}]
    assert found["duplicates"] == {"within_class": 8, "across_classes": 2}
    shown = " ".join(fewshot("evaluate", *words).stdout.split())
    assert f"5 of 6 classes have the 5 images that an episode needs; 1 is in none: {name} lacks 2" in shown
    assert "8 files show a picture of another file of the class" in shown
    result = fewshot("evaluate", *words[:2], "--way", "6", *words[4:])
    assert (
        result.returncode == 2 and f"do not count): add classes or images ({name} lacks 2), or lower" in result.stderr
    )


def test_evaluate_with_more_ways_than_classes(fewshot, model, images):
    result = fewshot("evaluate", "--model", model, "--images", str(images / "test"), "--way", "50", "--query", "3")
    assert result.returncode == 2 and "need 50 classes" in result.stderr


def test_compile(fewshot, tmp_path):
    output = str(tmp_path / "job.json")
    result = fewshot("compile", "--output", output, "--json")
    assert result.returncode == 0 and json.loads(result.stdout)["output"] == output
    assert "copy the built-in images there first" in fewshot("compile", "--output", output).stdout


def test_adapt_in_batches_predicts_the_same(fewshot, model, images, monkeypatch):
    words = ["adapt", "--model", model, "--support", str(images / "test"), "--query", str(images / "test"), "--json"]
    together = json.loads(fewshot(*words).stdout)["predictions"]
    monkeypatch.setattr("pipeline.commands.adapt.BATCH", 7)
    apart = json.loads(fewshot(*words).stdout)["predictions"]
    assert [one["path"] for one in apart] == [one["path"] for one in together] and len(apart) == 48
    for one, other in zip(apart, together, strict=True):
        assert one["probability"] == pytest.approx(other["probability"], abs=1e-5)
