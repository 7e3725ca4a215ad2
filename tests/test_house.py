"""The house rules that no other test would notice: who imports whom, what is shipped, what starts fast."""

import ast
import importlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOP = ("pipeline", "components", "data")
MODULES = sorted(path for top in TOP for path in (ROOT / top).rglob("*.py"))
SCIENCE_NEVER = {"tfx", "apache_beam", "ml_metadata", "tensorflow_transform", "tensorflow_data_validation", "kfp"}
SHARED = {"components.fewshot", "components.fingerprint"}  # what any component may import
TRANSFORMS = {"components.transform_graph", "components.store_index"}  # those too; they use Beam


def name_of(path: Path) -> str:
    """`components.fewshot.images.store` for its file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path) -> set[str]:
    """Full names of everything that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def package_of(name: str) -> str:
    """`components.fewshot` for anything in it; the top-level name elsewhere."""
    parts = name.split(".")
    return ".".join(parts[:2]) if parts[0] == "components" else parts[0]


def may_import(package: str) -> set[str]:
    """Packages of ours, beside itself, that a package may import."""
    everything = {package_of(name_of(path)) for path in MODULES}
    if package == "pipeline":
        return everything
    if package in ("data", *SHARED):
        return set()
    if package in TRANSFORMS:
        return {"data", *SHARED}
    return {"data", *TRANSFORMS, *SHARED} if package.startswith("components.") else {"components"}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_one_way(path):
    package = package_of(name_of(path))
    ours = {name for name in imported(path) if name.split(".")[0] in TOP}
    wrong = {name for name in ours if package_of(name) not in may_import(package) | {package}}
    assert not wrong, f"{name_of(path)} imports {', '.join(sorted(wrong))}"


# What a room may import, beside itself; its `__init__.py` says the same in words.
LEARNING = {
    f"components.fewshot.{r}"
    for r in (
        "episodes",
        "base_models",
        "learners.interface",
        "learners.head",
        "learners.feature_map",
        "learners.gradients",
        "learners.maths",
    )
}
ROOMS = {  # of two that hold a module, the first counts
    "components.fewshot.learners.detection": {*LEARNING, "components.fewshot.boxes"},
    **{f"components.fewshot.learners.{group}": LEARNING for group in ("metric", "gradient.", "heads", "transfer")},
    "components.fewshot.settings": set(),
    "components.fewshot.episodes": set(),
    "components.fewshot.boxes": set(),
    "components.fewshot.base_models": {"components.fewshot.boxes"},
    "components.fewshot.images": {"components.fewshot.episodes"},
    "components.fewshot.learners": {f"components.fewshot.{r}" for r in ("episodes", "base_models", "boxes")},
    "components.fewshot.training": {
        f"components.fewshot.{r}"
        for r in (
            "episodes",
            "boxes",
            "images",
            "base_models",
            "learners",
            "evaluation.detections",
            "evaluation.matching",
        )
    },
    "components.fewshot.serving": {
        f"components.fewshot.{r}" for r in ("episodes", "images", "base_models", "learners")
    },
    "components.fewshot.doors": {
        f"components.fewshot.{r}"
        for r in ("episodes", "images", "base_models", "learners", "serving", "training.settings")
    },
    "components.fewshot.evaluation": {f"components.fewshot.{r}" for r in ("episodes", "images", "serving")},
    "components.fewshot.drift": {f"components.fewshot.{r}" for r in ("episodes", "images", "serving", "evaluation")},
    "data.glyphs": set(),
    "data.glyph_scenes": {"data.glyphs"},
    "data.sources": {"data.settings", "data.spans", "data.keys"},
    "data.annotations": {"data.sources", "data.settings", "data.keys"},
    "pipeline.history": set(),
    "pipeline.terminal": set(),
    "pipeline.platforms": {
        "pipeline.graph",
        "pipeline.config",
        "pipeline.image_sets",
        "pipeline.locks",
        "pipeline.platform_settings",
    },
}
# What travels between rooms, whether it is whole, what a user chooses, and numbers in sentences.
EVERYWHERE = tuple(
    f"components.fewshot.{name}" for name in ("tensors", "integrity", "settings", "words", "parallel", "pieces")
)
IN_ROOMS = [path for path in MODULES if name_of(path).startswith(tuple(ROOMS))]


@pytest.mark.parametrize("path", IN_ROOMS, ids=name_of)
def test_rooms_open_one_way(path):
    """Within a package too: a room imports only those that its table names."""
    room = next(room for room in ROOMS if name_of(path).startswith(room))
    package = package_of(room)
    ours = {name for name in imported(path) if name.startswith(f"{package}.")}
    wrong = {name for name in ours if not name.startswith((room, *EVERYWHERE, *ROOMS[room]))}
    assert not wrong, f"{name_of(path)} imports {', '.join(sorted(wrong))}"


def test_every_folder_says_what_lives_there():
    silent = []
    for top in TOP:
        for init in (ROOT / top).rglob("__init__.py"):
            if not ast.get_docstring(ast.parse(init.read_text(encoding="utf-8"))):
                silent.append(init)
    assert not silent


@pytest.mark.parametrize("path", [p for p in MODULES if package_of(name_of(p)) in ("data", *SHARED)], ids=name_of)
def test_science_and_data_know_nothing_of_pipelines(path):
    assert not {name.split(".")[0] for name in imported(path)} & SCIENCE_NEVER


@pytest.mark.parametrize("path", [*MODULES, *sorted((ROOT / "tests").rglob("*.py"))], ids=lambda path: path.name)
def test_one_keras(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    used = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not used & {"tf.keras", "tensorflow.keras"}
    assert not {name for name in imported(path) if name.startswith(("tensorflow.keras", "tf_keras"))}


@pytest.mark.parametrize("name", TOP)
def test_names_resolve_here(name):
    assert Path(str(importlib.import_module(name).__file__)).parent == ROOT / name


def test_tests_are_no_package():
    """A tests/components/__init__.py would shadow our own `components`."""
    assert not list((ROOT / "tests").rglob("__init__.py"))


def test_beam_runs_where_nothing_is_lost():
    """Beam 2.77's in-process gRPC streams lose elements under load; `in_memory` has none."""
    said = [path for path in MODULES if "multi_threading" in path.read_text(encoding="utf-8")]
    assert not said
    assert "--direct_running_mode=in_memory" in (ROOT / "pipeline" / "platform_settings.py").read_text(encoding="utf-8")


def run(*command: str | Path, **options) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.mark.parametrize(
    ("statement", "never"),
    [
        ("import components.fewshot.model, components.fewshot.evaluation.judging", SCIENCE_NEVER),
        ("import data.listing, data.settings", {*SCIENCE_NEVER, "tensorflow"}),
        ("import data.annotations.listing, data.annotations.placing", {*SCIENCE_NEVER, "tensorflow"}),
        ("import pipeline.cli", {*SCIENCE_NEVER, "tensorflow", "keras", "numpy", "yaml", "pydantic"}),
        ("import pipeline.history.runs", {"tfx", "tensorflow", "keras"}),
        ("import pipeline.commands.run", {"kfp"}),  # only jobs need it, and it takes seconds
        (
            "from pipeline.tensorflow_alone import import_tensorflow_alone; import_tensorflow_alone();"
            "import pipeline.commands.adapt, pipeline.commands.evaluate",
            {*SCIENCE_NEVER, "keras"},
        ),
        (
            "from pipeline.layers import settings_of; settings_of('glyphs-maml', None, {}, ['training.steps=3'])",
            {*SCIENCE_NEVER, "tensorflow", "keras"},
        ),
    ],
)
def test_starts_without(statement, never):
    program = f"{statement}\nimport sys\nprint(*(name for name in {sorted(never)!r} if name in sys.modules))"
    assert run(sys.executable, "-c", program, cwd=ROOT).stdout.split() == []


def test_lock_file_is_current():
    uv = find_uv()
    run(uv, "lock", "--check", "--offline", cwd=ROOT)


def find_uv() -> str:
    """The uv that set this environment up."""
    own = ROOT / ".uv" / "bin" / "uv"
    found = str(own) if own.exists() else shutil.which("uv")
    assert found, "expected uv on PATH or in .uv/, where `make setup` puts it"
    return found


@pytest.fixture(scope="session")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built from a copy so that nothing lands here."""
    copy, out = tmp_path_factory.mktemp("source") / "copy", tmp_path_factory.mktemp("wheel")
    copy.mkdir()
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, copy)
    for top in TOP:
        shutil.copytree(ROOT / top, copy / top, ignore=shutil.ignore_patterns("__pycache__"))
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", out, cwd=copy)
    return next(out.glob("*.whl"))


def test_wheel_holds_every_file(wheel):
    with zipfile.ZipFile(wheel) as archive:
        shipped = set(archive.namelist())
    ours = {path.relative_to(ROOT).as_posix() for top in TOP for path in (ROOT / top).rglob("*") if path.is_file()}
    ours = {name for name in ours if "__pycache__" not in name}
    assert {Path(name).suffix for name in ours} > {".py", ".pbtxt"}
    assert not ours - shipped
    assert not {name for name in shipped - ours if ".dist-info/" not in name}


def test_wheel_works_from_elsewhere(wheel, tmp_path):
    """Installed beside this environment's libraries, away from the repository and from folders of the same names."""
    target, elsewhere = tmp_path / "installed", tmp_path / "elsewhere"
    run(find_uv(), "pip", "install", "--no-deps", "--offline", "--target", target, wheel)
    (elsewhere / "data").mkdir(parents=True)
    script = f"import site, sys; site.addsitedir({str(target)!r}); sys.path.insert(0, {str(target)!r}); "
    script += "import data, pipeline.cli; print(data.__file__); sys.argv = ['fewshot', '--help']; pipeline.cli.main()"
    said = run(sys.executable, "-P", "-c", script, cwd=elsewhere, env=os.environ | {"COLUMNS": "80"}).stdout
    assert said.startswith(str(target))
    assert "adapt" in said


def files_of(names: set[str]) -> set[Path]:
    """Files of dotted names of modules, of packages as a whole, or of something in a module."""
    found = set()
    for name in names:
        path = ROOT.joinpath(*name.split("."))
        if path.is_dir():
            found |= set(path.rglob("*.py"))
        found |= {one for one in (path.with_suffix(".py"), path.parent.with_suffix(".py")) if one.is_file()}
    return found


def needed_by(executor: Path) -> set[Path]:
    """Our own files that a file imports, at however many removes."""
    found, waiting = set(), [executor]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            ours = {name for name in imported(path) if name.split(".")[0] in TOP}
            waiting += [one for name in ours for one in files_of({name}) if one.name != "__init__.py"]
    return found


@pytest.mark.parametrize("component", sorted(path.parent.name for path in (ROOT / "components").glob("*/executor.py")))
def test_a_fingerprint_covers_all_that_an_executor_runs(component):
    """Else a changed line would be answered from the cache."""
    code = importlib.import_module(f"components.{component}.component").CODE
    assert needed_by(ROOT / "components" / component / "executor.py") <= files_of(set(code))
