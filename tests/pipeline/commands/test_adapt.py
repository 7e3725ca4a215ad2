"""`fewshot adapt` on folders as people bring them."""

import csv
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from components.fewshot.serving.manifest import Manifest
from components.fewshot.serving.served import ServedModel, ServedState
from pipeline.commands.page import groups_of
from tests import pictures
from tests.components.fewshot import toys

CLASSES = ("ash", "elm", "oak")


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    directory = str(tmp_path_factory.mktemp("model") / "exported")
    toys.trained("protonet").export(directory)
    return directory


@pytest.fixture(scope="module")
def served(model) -> ServedModel:
    return ServedModel(model)


@pytest.fixture
def place(tmp_path, monkeypatch, served) -> Path:
    """Here lie `support`, of three classes with three images each, and an empty folder `query`; the model is loaded once."""
    monkeypatch.setattr("pipeline.commands.adapt.ServedModel", lambda directory: served)
    for name in CLASSES:
        pictures.write_class(tmp_path / "support", name, 3)
    (tmp_path / "query").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ask(place: Path, *names: str | bytes, source: str = "support/oak/00.png") -> None:
    """Copies an image into `query`, by each of these names."""
    for name in names:
        path = os.path.join(os.fsencode(place / "query"), os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        shutil.copy(place / source, path)


@pytest.fixture
def adapted(fewshot, model, place):
    def run(*words: str, code: int = 0, query: str = "query") -> dict:
        result = fewshot("adapt", "--model", model, "--support", "support", "--query", query, "--json", *words)
        assert result.returncode == code, result.stderr
        return json.loads(result.stdout)

    return run


@pytest.fixture
def shown(fewshot, model, place):
    def run(*words: str, query: str = "query"):
        return fewshot("adapt", "--model", model, "--support", "support", "--query", query, *words)

    return run


def paths(found: dict) -> list[str]:
    return [one["path"] for one in found["predictions"]]


def test_every_probability_by_its_class(adapted, place):
    ask(place, "1.png")
    (one,) = adapted()["predictions"]
    keys = ["path", "label", "probability", "none_of_these", "familiarity", "probabilities"]
    assert list(one) == keys and list(one["probabilities"]) == list(CLASSES)
    assert one["label"] == max(one["probabilities"], key=one["probabilities"].__getitem__)
    assert one["probability"] == max(one["probabilities"].values())
    assert sum(one["probabilities"].values()) == pytest.approx(1, abs=1e-5)


def test_queries_are_found_as_training_images_are(adapted, place):
    """Links in a circle, names without a suffix, litter, at any depth."""
    ask(place, "1.png", "2", "below/3.jpg?w=500", "@eaDir/1.png/THUMB.jpg", "._1.png", "Thumbs.db")
    os.symlink("..", place / "query" / "below" / "up")
    found = adapted()
    assert paths(found) == ["query/1.png", "query/2", "query/below/3.jpg?w=500"]
    assert found["passed_over"] == {
        "query/._*": 1, "query/@eaDir": 1, "query/Thumbs.db": 1, "query/below/up": 0
    }  # fmt: skip
    assert found["set_aside"] == []


@pytest.mark.parametrize("name", ["1.png", "2", "3.jpg?w=500", ".4.png", "a/b/5.PNG"])
def test_one_file(adapted, place, name):
    ask(place, name, "beside.png")
    assert paths(adapted(query=f"query/{name}")) == [f"query/{name}"]


def test_bad_queries_are_listed_and_the_rest_is_predicted(adapted, shown, place):
    ask(place, "1.png", "2.png", b"arbre_\xe9.png")
    (place / "query" / "3.png").write_bytes((place / "support/oak/00.png").read_bytes()[:60])
    (place / "query" / "4.png").write_bytes(b"")
    (place / "query" / "notes.txt").write_text("some of these are no pictures")
    os.symlink("nowhere", place / "query" / "5.png")
    found = adapted(code=1)
    assert paths(found) == ["query/1.png", "query/2.png"]
    aside = {one["path"]: one["reason"] for one in found["set_aside"]}
    bad = ["3.png", "4.png", "5.png", "arbre_\\udce9.png", "notes.txt"]
    assert list(aside) == [f"query/{name}" for name in bad] and all(aside.values())
    assert aside["query/arbre_\\udce9.png"] == "the name is not UTF-8"
    result = shown()
    assert result.returncode == 1 and len(result.stdout.splitlines()) == 2
    assert [line.split(": ")[1] for line in result.stderr.splitlines() if line.startswith("set aside: ")] == list(aside)


def test_a_query_folder_that_cannot_be_read_is_listed_too(adapted, shown, place, monkeypatch):
    ask(place, "1.png", "closed/2.png", "open/3.png")
    scandir = os.scandir

    def refuse(path):  # permissions do not bind root, who runs tests in containers
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr("data.sources.tree.os.scandir", refuse)
    found = adapted(code=1)
    assert paths(found) == ["query/1.png", "query/open/3.png"]
    reason = "the folder cannot be read (Permission denied): make it readable or remove it"
    assert found["set_aside"] == [{"path": "query/closed", "reason": reason}]
    for name in ("query/1.png", "query/open/3.png"):
        os.remove(name)
    result = shown()
    assert result.returncode == 2 and f"no image can be read (query/closed: {reason})" in result.stderr


def test_only_without_any_query_it_fails(shown, place):
    (place / "query" / "1.png").write_bytes(b"")
    (place / "query" / "2.png").write_bytes(b"no image")
    result = shown()
    assert result.returncode == 2 and result.stdout == ""
    assert "--query query: no image can be read (query/1.png: " in result.stderr and "and 1 more" in result.stderr
    result = shown(query="nowhere")
    assert result.returncode == 2 and "'nowhere' does not exist" in result.stderr


def test_a_class_may_lose_some_of_its_images_but_not_all(adapted, shown, place):
    ask(place, "1.png", source="support/elm/00.png")
    (place / "support" / "oak" / "00.png").write_bytes(b"no image")
    (place / "support" / "stray.png").write_bytes(b"")
    found = adapted()
    assert [one["path"] for one in found["support_set_aside"]] == ["support/oak/00.png", "support/stray.png"]
    assert found["set_aside"] == [] and list(found["predictions"][0]["probabilities"]) == list(CLASSES)
    assert "set aside: support/oak/00.png: " in shown().stderr
    for number in (1, 2):
        (place / "support" / "oak" / f"{number:02}.png").write_bytes(b"no image")
    result = shown()
    assert result.returncode == 2 and result.stdout == ""
    assert "--support support: no image of class 'oak' can be read (support/oak/00.png: " in result.stderr


def test_a_class_whose_files_have_no_name_in_utf8_is_not_forgotten(shown, place):
    ask(place, "1.png")
    for path in (place / "support" / "oak").iterdir():
        os.rename(path, os.fsencode(path.parent) + b"/\xe9" + os.fsencode(path.name))
    result = shown()
    assert result.returncode == 2 and "no image of class 'oak' can be read (support/oak/\\udce900.png" in result.stderr


def test_litter_and_names_alike_in_the_support(adapted, place):
    ask(place, "1.png")
    pictures.write_class(place / "support", "Oak", 1)
    (place / "support" / "__MACOSX" / "oak").mkdir(parents=True)
    (place / "support" / "__MACOSX" / "oak" / "._00.png").write_bytes(b"\0\5\x16\7")
    found = adapted()
    assert list(found["predictions"][0]["probabilities"]) == ["Oak", *CLASSES]
    assert found["passed_over"] == {"support/__MACOSX": 1} and found["differ_by_case"] == [["Oak", "oak"]]


def test_the_most_probable_classes(adapted, shown, place):
    ask(place, "1.png")
    likely = sorted(adapted()["predictions"][0]["probabilities"].items(), key=lambda item: -item[1])
    for top in (1, 2, 3, 9):
        words = [word for name, value in likely[:top] for word in (f"{value:.3f}", name)]
        assert shown("--top", str(top)).stdout.split() == [*words, "query/1.png"]
    assert shown("--top", "0").returncode == 2


def test_what_is_none_of_these_is_named(adapted, shown, place, served, monkeypatch):
    """With a threshold between the familiarity of two images the less familiar one is none of these."""
    ask(place, "known.png")
    pictures.write_class(place / "query", "other", 1)
    scores = {one["path"]: one["familiarity"] for one in adapted()["predictions"]}
    told = {"threshold": sum(scores.values()) / 2, "false_alarms": 0.05, "caught": 0.7, "episodes": 9}
    monkeypatch.setattr(served, "manifest", served.manifest.model_copy(update={"none_of_these": told}))
    found = adapted("--html", "page.html", "--csv", "out.csv")
    assert {one["path"]: one["none_of_these"] for one in found["predictions"]} == {
        path: score < told["threshold"] for path, score in scores.items()
    }
    assert found["none_of_these"] == told and (place / "page.html").read_text().count("none of these?") == 1
    assert sorted(line.split(",")[3] for line in (place / "out.csv").read_text().splitlines()[1:]) == ["false", "true"]
    result = shown()
    assert result.stdout.count("none of these?") == 1
    assert "1 image may be of none of these classes: look at it (5.0 % of images" in " ".join(result.stderr.split())


def test_a_table_of_all_probabilities(adapted, shown, place):
    ask(place, "1, or 2.png", "3.png")
    (place / "query" / "4.png").write_bytes(b"")
    found = adapted("--csv", "out.csv", code=1)
    with open("out.csv", encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["path", "label", "probability", "none_of_these", *CLASSES]
    assert [row[:2] for row in rows] == [[one["path"], one["label"]] for one in found["predictions"]]
    values = [[one["probability"], *one["probabilities"].values()] for one in found["predictions"]]
    np.testing.assert_array_equal([[float(value) for value in (row[2], *row[4:])] for row in rows], values)
    result = shown("--csv", "nowhere/out.csv")
    assert result.returncode == 2 and "--csv nowhere/out.csv: no such folder" in result.stderr


def test_a_model_whose_path_reads_like_a_pattern(fewshot, model, place, monkeypatch):
    """TensorFlow looks for the weights by a pattern, so it would find none."""
    monkeypatch.undo()
    monkeypatch.chdir(place)
    ask(place, "1.png")
    shutil.copytree(model, place / "run [v2]" / "1")
    result = fewshot("adapt", "--model", "run [v2]", "--support", "support", "--query", "query", "--json")
    assert result.returncode == 0, result.stderr
    assert paths(json.loads(result.stdout)) == ["query/1.png"]


def test_the_help_says_what_the_exit_code_means(fewshot):
    assert "The exit code is then 1" in " ".join(fewshot("adapt", "--help").stdout.split())


def test_the_size_limit_is_that_of_the_model(fewshot, model, place):
    """It was trained under a limit of its own, and its graph holds that one."""
    own = str(place / "model")
    shutil.copytree(model, own)
    manifest = Manifest.read(own)
    manifest.max_pixels = 399
    manifest.write(own)
    ask(place, "1.png")  # 20 x 20 pixels
    result = fewshot("adapt", "--model", own, "--support", "support", "--query", "query")
    assert result.returncode == 2 and "20 x 20 pixels are more than max_pixels = 399" in result.stderr


def test_learnt_once_and_used_later(fewshot, model, adapted, place):
    ask(place, "1.png", "2.png")
    at_once = adapted("--save-state", "trees.npz")
    assert at_once["state"] == "trees.npz"
    shutil.rmtree(place / "support")
    later = fewshot("adapt", "--model", model, "--state", "trees.npz", "--query", "query", "--json")
    assert later.returncode == 0 and json.loads(later.stdout) == at_once | {"state": None}


def test_only_learnt(fewshot, model, place):
    done = fewshot("adapt", "--model", model, "--support", "support", "--save-state", "trees.npz")
    assert done.returncode == 0 and done.stdout == "" and done.stderr.endswith("\ntask state: trees.npz\n")
    assert ServedState.load("trees.npz").names == CLASSES


def test_a_state_without_names(fewshot, model, served, place):
    ask(place, "1.png")
    images = [(place / "support" / name / "00.png").read_bytes() for name in CLASSES]
    served.adapt(images, np.arange(3)).save("plain.npz")
    done = fewshot("adapt", "--model", model, "--state", "plain.npz", "--query", "query", "--json")
    assert list(json.loads(done.stdout)["predictions"][0]["probabilities"]) == ["0", "1", "2"]


def test_states_that_do_not_fit(fewshot, model, served, place):
    ask(place, "1.png")
    (place / "text.npz").write_text("no state")
    images = [(place / "support" / name / "00.png").read_bytes() for name in CLASSES]
    state = served.adapt(images, np.arange(3))
    state._replace(vector=state.vector + 1).save("other.npz")
    for file, said in (
        ("none.npz", "--state none.npz: no task state at none.npz: expected a file that"),
        ("text.npz", "--state text.npz: text.npz holds no task state"),
        ("other.npz", "the model refuses: "),
    ):
        done = fewshot("adapt", "--model", model, "--state", file, "--query", "query")
        assert done.returncode == 2 and said in " ".join(done.stderr.split()), done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("--query", "query"),
            "expected --support (a folder of one folder per class) or --state (a file), got neither",
        ),
        (("--support", "support", "--state", "s.npz", "--query", "query"), "or --state (a file), got both"),
        (
            ("--support", "support"),
            "expected --query (images to predict), --save-state (a file to write), or both; got neither",
        ),
        (
            ("--support", "support", "--save-state", "s.npz", "--csv", "a.csv"),
            "--csv shows predictions: say with --query",
        ),
        (
            ("--support", "support", "--query", "query", "--save-state", "none/s.npz"),
            "--save-state none/s.npz: no such folder",
        ),
        (
            ("--support", "support", "--query", "query", "--html", "query"),
            "--html query: expected the name of a file, got a folder",
        ),
    ],
)
def test_options_that_do_not_go_together(fewshot, model, place, words, said):
    done = fewshot("adapt", "--model", model, *words)
    assert done.returncode == 2 and said in " ".join(done.stderr.split()), done.stderr


def test_a_page_of_pictures(adapted, place):
    ask(place, "1.png", "2.png", "<b>.png")
    (place / "query" / "bad.png").write_bytes(b"")
    os.rename(place / "support" / "ash", place / "support" / "ash & <i>co")
    found = adapted("--html", "page.html", code=1)
    page = (place / "page.html").read_text()
    assert page.count("<img") == 3 * 3 + 3 and page.count('class="support"') == 9
    assert "ash &amp; &lt;i&gt;co" in page and "<i>" not in page and "&lt;b&gt;.png" in page
    assert "query/bad.png: the file is empty (0 bytes)" in page and "http" not in page
    sure = found["predictions"][0]
    assert f"<b>{100 * sure['probability']:.0f} %</b>" in page and "<h1>3 predictions</h1>" in page


def test_a_page_of_many_shows_the_surest_of_each_class():
    many = [
        {
            "path": f"{i}.png",
            "label": "ash" if i % 10 else "elm",
            "probability": i / 3000,
            "none_of_these": False,
            "familiarity": 1.0,
            "probabilities": {"ash": 0.5, "elm": 0.5},
        }
        for i in range(2000)
    ]
    ash, elm = groups_of(many, {"ash": ["a.png"]})
    assert (ash.name, len(ash.predictions), ash.examples) == ("ash", 450, ["a.png"])
    assert (len(elm.predictions), elm.predictions[0]["path"], elm.predictions[-1]["path"]) == (
        50,
        "1990.png",
        "1500.png",
    )
