"""What the documents say is what the code does: links lead somewhere, commands parse, examples run."""

import json
import re
import shlex
from pathlib import Path

import click
import keras
import numpy as np
import pytest
import typer

from tests import pictures

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(path: Path, language: str = "") -> list[str]:
    """Code blocks of a language in a document."""
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """Every `fewshot ...` of every document, continued lines joined, comments off."""
    lines = [line for path in DOCUMENTS for block in blocks(path) for line in block.replace("\\\n", " ").splitlines()]
    return [line for line in lines if line.startswith("fewshot ")]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    prose = re.sub(r"^```.*?^```|`[^`\n]+`", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    targets = re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", prose)
    assert [target for target in targets if not (path.parent / target).exists()] == []


@pytest.fixture
def _mypackage(tmp_path, monkeypatch):
    """The base model that a document shows, where it says that it is looked for."""
    (program,) = (
        block for block in blocks(ROOT / "docs" / "learners.md", "python") if "# mypackage/networks.py" in block
    )
    (tmp_path / "mypackage").mkdir()
    (tmp_path / "mypackage" / "networks.py").write_text(program)
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.usefixtures("_mypackage")
@pytest.mark.parametrize("line", commands())
def test_commands_parse(line):
    from pipeline.cli import app, settings_of

    words = shlex.split(line, comments=True)[1:]
    command = typer.main.get_command(app)
    while isinstance(command, click.Group) or hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    if words == ["--help"]:
        return
    given = command.make_context(command.name, words).params
    if "overrides" in given:
        data = {key: given[key] for key in ("train_dir", "val_dir", "test_dir", "images", "splits")}
        settings_of(given["preset"], None, data, given["overrides"])


def test_the_readme_example_of_a_notebook(tmp_path, monkeypatch):
    from components.fewshot.serving.served import ServedModel

    monkeypatch.chdir(tmp_path)
    (program,) = (block for block in blocks(ROOT / "README.md", "python") if "MetaLearningModel(conv4" in block)
    assert "epochs=10" in program
    program = program.replace("epochs=10", "epochs=1, steps_per_epoch=2, validation_episodes=2, verbose=False")
    names = {
        "train_images": np.random.default_rng(0).random((600, 28, 28, 1), np.float32),
        "train_labels": np.repeat(np.arange(60), 10),
        "support_images": np.zeros((5, 28, 28, 1), np.float32),
        "support_labels": np.arange(5),
        "query_images": np.zeros((3, 28, 28, 1), np.float32),
    }
    exec(program, names)
    assert names["model"].predict(names["query_images"]).shape == (3, 5)
    assert ServedModel(str(tmp_path / "model_dir")).manifest.learner == "protonet"
    for image in ("a1.png", "b1.png", "new.png"):
        keras.utils.save_img(image, names["query_images"][0])
    (program,) = (block for block in blocks(ROOT / "README.md", "python") if "ServedState.load(" in block)
    exec(re.sub(r'"fewshot-runs/serving/[^"]*"', '"model_dir"', program), names)
    assert (tmp_path / "defects.state").exists()


def test_the_readme_example_of_a_folder_of_photographs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("ash", "oak"):
        pictures.write_class(tmp_path / "photos", name, 2)
    (program,) = (block for block in blocks(ROOT / "README.md", "python") if "read_folder(" in block)
    names: dict[str, object] = {}
    exec(program, names)
    assert names["model"].predict(names["images"]).argmax(1).tolist() == [0, 0, 1, 1]


def test_the_readme_example_of_scenes(tmp_path, monkeypatch):
    from components.fewshot.serving.opening import open_served

    monkeypatch.chdir(tmp_path)
    coco = {"images": [], "annotations": [], "categories": [{"id": n, "name": f"kind {n}"} for n in range(6)]}
    (tmp_path / "scenes").mkdir()
    for number in range(24):
        picture = np.full((48, 64, 3), 128, np.uint8)
        picture[8:24, 8 + number : 32 + number] = 40 * (number % 6)
        keras.utils.save_img(f"scenes/{number}.png", picture, scale=False)
        coco["images"].append({"id": number, "file_name": f"{number}.png", "width": 64, "height": 48})
        one = {"image_id": number, "category_id": number % 6, "bbox": [8 + number, 8, 24, 16]}
        coco["annotations"].append({"id": number, **one})
    (tmp_path / "scenes" / "boxes.json").write_text(json.dumps(coco))
    (program,) = (block for block in blocks(ROOT / "README.md", "python") if "read_scenes(" in block)
    assert "epochs=15, validation_split=0.2" in program and "num_classes=5" in program and "128, 128" in program
    short = "epochs=1, steps_per_epoch=2, validation_split=0.4, validation_episodes=2, verbose=False"
    program = program.replace("epochs=15, validation_split=0.2", short).replace("num_classes=5", "num_classes=2")
    names = {
        "support_images": [np.zeros((40, 60, 3), np.uint8)] * 2,
        "support_boxes": [[[0.1, 0.1, 0.5, 0.5], [0.2, 0.5, 0.9, 0.9]], []],
        "support_labels": [[0, 1], []],
        "query_images": np.zeros((3, 50, 50, 3)),
    }
    exec(program.replace("128, 128", "64, 64"), names)
    assert not names["set_aside"] and names["found"].boxes.shape == (3, 50, 4) and names["shown"].shape == (3, 50)
    assert open_served(str(tmp_path / "detector_dir")).manifest.kind == "detection"


def test_the_example_of_a_learner(monkeypatch):
    from components.fewshot import learners
    from components.fewshot.model import MetaLearningModel

    program = blocks(ROOT / "docs" / "learners.md", "python")[0]
    names: dict[str, object] = {}
    exec(program, names)
    monkeypatch.setitem(learners.LEARNERS, "cosine", names["Cosine"])
    keras.utils.set_random_seed(0)
    base = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(8)])
    means = np.random.default_rng(0).random((40, 1, 4, 4, 1))
    images = np.clip(means + np.random.default_rng(1).normal(0, 0.05, (40, 10, 4, 4, 1)), 0, 1).reshape(-1, 4, 4, 1)
    model = MetaLearningModel(base, num_classes=5, learner="cosine")
    model.compile(learning_rate=0.01)
    model.fit(
        images[:300], np.repeat(np.arange(30), 10), epochs=1, steps_per_epoch=30, validation_split=0, verbose=False
    )
    support, query = images[300:350:10], images[301:350:10]
    model.adapt(support, np.arange(5))
    assert model.predict(query).argmax(1).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("shape", [(28, 28, 1), (40, 30, 3)])
def test_the_example_of_a_base_model(shape):
    """At the size of the preset that the document names, and at another, it learns to tell new classes apart within 60 steps.

    A network whose running moments lag has the same features for all images after so few.
    """
    from components.fewshot.model import MetaLearningModel

    names: dict[str, object] = {}
    exec(blocks(ROOT / "docs" / "learners.md", "python")[-1], names)
    images, labels = stripes(24, 8, shape)
    known, new = labels < 18, np.arange(18 * 8, 24 * 8).reshape(6, 8)
    support, query = new[:, 0], new[:, 1:].ravel()
    right = []
    for learning_rate in (1e-9, 3e-3):  # not trained, and trained
        keras.utils.set_random_seed(0)
        base = names["separable"](shape)
        model = MetaLearningModel(base, num_classes=5)
        model.compile(learning_rate=learning_rate)
        model.fit(images[known], labels[known], 1, 60, validation_split=0, query=3, verbose=False)
        model.adapt(images[support], np.arange(6))
        right.append((model.predict(images[query]).argmax(1) == labels[query] - 18).mean())
    features = base.predict(images[query], verbose=0)
    assert features.std(axis=0).mean() > 0.01 * np.abs(features).mean(), "the features differ"
    assert right[0] < 0.8 and right[1] > 0.9, "and training made them tell"


def stripes(classes: int, each: int, shape: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """uint8 [classes * each, H, W, C] and labels: stripes of a direction and width for each class, in noise."""
    rng = np.random.default_rng(0)
    labels = np.arange(classes).repeat(each)
    rows, columns = np.indices(shape[:2])
    angles, periods = np.pi * (labels % 6) / 6, 3 + 2 * (labels // 6)
    along = np.cos(angles)[:, None, None] * rows + np.sin(angles)[:, None, None] * columns
    phases = 2 * np.pi * (along / periods[:, None, None] + rng.random((len(labels), 1, 1)))
    pictures = 128 + 40 * np.sin(phases) + rng.normal(0, 60, along.shape)
    return np.clip(pictures, 0, 255).astype(np.uint8)[..., None].repeat(shape[-1], axis=-1), labels


def test_every_base_model_is_documented():
    from components.fewshot.settings.base_models import BASE_MODELS, FILE, KERAS

    rows = [
        line
        for line in (ROOT / "docs" / "learners.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| `")
    ]
    for name in (*BASE_MODELS, f"{KERAS}NAME", f"{FILE}PATH.keras"):
        assert any(f"`{name}`" in row.split("|")[1] for row in rows), name


def test_every_learner_and_every_setting_is_documented():
    from components.fewshot.learners import LEARNERS

    text = (ROOT / "docs" / "learners.md").read_text(encoding="utf-8")
    for name, learner in LEARNERS.items():
        row = next(line for line in text.splitlines() if line.startswith(f"| `{name}` |"))
        for setting in set(learner.Settings.model_fields) - {"batch_norm"}:
            assert f"`{setting}`" in row, f"docs/learners.md: {name} has a setting {setting!r}"


def test_every_node_and_every_preset_is_documented():
    from pipeline.presets import PRESETS

    components = (ROOT / "docs" / "components.md").read_text(encoding="utf-8")
    for folder in (ROOT / "components").glob("*/component.py"):
        assert f"components/{folder.parent.name}`" in components
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in PRESETS if f"`{name}`" not in readme] == []
