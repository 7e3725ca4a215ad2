"""Whatever is wrong with a file, a folder or a value of any option: one sentence of ours that names it, and exit code 2."""

import ctypes
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests import pictures
from tests.components.fewshot import toys


@pytest.fixture(scope="module")
def wrong(tmp_path_factory) -> dict[str, str]:
    """Paths by what is wrong with them, and a few that are right."""
    root = tmp_path_factory.mktemp("wrong")
    (root / "file").write_text("no image, no model, no database")
    (root / "empty").mkdir()
    (root / "root").mkdir()
    (root / "loop").symlink_to(root / "loop")
    (root / "dangling").symlink_to(root / "nowhere")
    for name, content in {
        "broken.json": b'{"train": [', "list.json": b"[]", "odd.json": b'{"train": 5, "test": ["a"]}',
        "latin.json": '{"train": ["größe"]}'.encode("latin-1"), "broken.yaml": b"a: [", "latin.yaml": b"\xff\xfe",
        "zero.yaml": b"a: \0", "list.yaml": b"- 1", "odd.yaml": b"training: 5",
    }.items():  # fmt: skip
        (root / name).write_bytes(content)
    (root / "database" / "metadata.sqlite").mkdir(parents=True)
    (root / "damaged").mkdir()
    (root / "damaged" / "metadata.sqlite").write_bytes(b"no database" * 100)
    (root / "bare").mkdir()
    (root / "bare" / "saved_model.pb").write_bytes(b"no model")
    pictures.write_set(root / "photos")
    toys.trained("protonet").export(str(root / "model"))
    names = ("file", "empty", "loop", "dangling", "nowhere", "database", "damaged", "bare", "model", "photos", "root")
    names += tuple(path.name for path in root.iterdir() if path.suffix)
    right = {f"{side}_dir": str(root / "photos" / side) for side in ("train", "test")}
    return right | {"below": str(root / "file" / "below"), "nothing": ""} | {name: str(root / name) for name in names}


FOLDERS = ("file", "below", "loop", "dangling", "nowhere", "nothing", "empty")
RUN = ("run", "--root", "@root")
EVALUATE = ("evaluate", "--model", "@model", "--images", "@test_dir", "--episodes", "2")
ADAPT = ("adapt", "--model", "@model")
COMPILE = ("compile", "--root", "gs://b/r")
CALLS: list[tuple[str, ...]] = [
    *(("run", "--root", f"@{one}") for one in ("file", "below", "loop", "dangling", "nothing")),
    *((*RUN, "--config", f"@{one}") for one in ("below", "loop", "nowhere", "nothing", "empty")),
    *((*RUN, "--config", f"@{one}") for one in ("broken.yaml", "latin.yaml", "zero.yaml", "list.yaml", "odd.yaml")),
    *((*RUN, "--train-dir", f"@{one}", "--test-dir", "@test_dir") for one in FOLDERS),
    *((*RUN, "--train-dir", "@train_dir", "--test-dir", f"@{one}") for one in FOLDERS),
    *((*RUN, "--train-dir", "@train_dir", "--test-dir", "@test_dir", "--val-dir", f"@{one}") for one in FOLDERS),
    *((*RUN, "--images", f"@{one}") for one in FOLDERS),
    *(
        (*RUN, "--images", "@train_dir", "--splits", f"@{one}")
        for one in (
            "below",
            "loop",
            "nowhere",
            "nothing",
            "empty",
            "broken.json",
            "list.json",
            "odd.json",
            "latin.json",
            "file",
        )
    ),
    *((*RUN, f"warm_start=@{one}") for one in ("file", "below", "loop", "nowhere", "empty", "bare")),
    *((*RUN, f"schema_file=@{one}") for one in ("file", "below", "loop", "nowhere", "empty")),
    (*RUN, "data.train_tfrecord=@nowhere", "data.test_tfrecord=@nowhere"),
    (*RUN, "data.train_tfrecord=@file", "data.test_tfrecord=@file"),
    (*RUN, "push.destination=@file"),
    *(("evaluate", "--model", f"@{one}", "--images", "@test_dir") for one in (*FOLDERS, "bare")),
    *((*EVALUATE, "--images", f"@{one}") for one in FOLDERS),
    *(
        (*EVALUATE, "--splits", f"@{one}")
        for one in ("below", "nowhere", "empty", "broken.json", "list.json", "odd.json")
    ),
    *(
        (*EVALUATE, *words)
        for words in (("--split", "x"), ("--seed", "-1"), ("--way", "1"), ("--way", "2..x"), ("--way", "3..2"))
    ),
    *((*EVALUATE, *words) for words in (("--way", "1..2..3"), ("--shot", "0"), ("--query", "-1"), ("--episodes", "0"))),
    *(("adapt", "--model", f"@{one}", "--support", "@test_dir", "--query", "@test_dir") for one in (*FOLDERS, "bare")),
    *((*ADAPT, "--support", f"@{one}", "--query", "@test_dir") for one in FOLDERS),
    *((*ADAPT, "--support", "@test_dir", "--query", f"@{one}") for one in FOLDERS),
    *((*ADAPT, "--support", "@test_dir", "--query", "@test_dir", "--csv", f"@{one}") for one in ("below", "empty")),
    (*EVALUATE, "--splits", "@nothing"),
    *((*COMPILE, "--output", f"@{one}") for one in ("below", "empty", "nothing")),
    (*COMPILE, "--output", "@nowhere/job.json"),
    (*COMPILE, "--output", "@empty/job.json", "--config", "@broken.yaml"),
    *(("rollback", "--destination", f"@{one}") for one in FOLDERS),
    ("rollback", "--destination", "@empty", "--to", "7"),
    *(("runs", "list", "--root", f"@{one}") for one in (*FOLDERS, "database", "damaged")),
    *(("runs", "show", "latest", "--root", f"@{one}") for one in (*FOLDERS, "database", "damaged")),
    *(("runs", "lineage", "@model", "--root", f"@{one}") for one in (*FOLDERS, "database", "damaged")),
    ("settings", "@nothing"),
]
# What libraries say, and what no user should read.
RAW = re.compile(
    r"Errno|Traceback|Input should|Value error|\b[A-Za-z]+Error\b|\bcodec\b|Expecting|pydantic|tensorflow/|NoneType"
)


@pytest.fixture
def _no_pipeline(monkeypatch):
    """What is wrong with an option is known before a pipeline runs."""

    def never(*args, **options):
        raise AssertionError("the pipeline was about to run")

    monkeypatch.setattr("pipeline.commands.run.run_locally", never)


def filled(words: Iterable[str], paths: dict[str, str]) -> list[str]:
    """The words of a call with `@name` replaced by the path of that name."""
    return [re.sub("@([a-z_.]+)", lambda name: paths[name[1]], word) for word in words]


@pytest.mark.usefixtures("_no_pipeline")
@pytest.mark.parametrize("call", CALLS, ids=" ".join)
def test_one_sentence_of_ours(fewshot, wrong, call):
    result = fewshot(*filled(call, wrong))
    beginning = ("running", "evaluating", "adapting", "compiling")
    lines = [line for line in result.stderr.splitlines() if not line.startswith(beginning)]
    code = 1 if "@damaged" in call else 2  # the call is right
    assert result.returncode == code and len(lines) == 1 and lines[0].startswith("fewshot: "), result.stderr
    assert not RAW.search(lines[0]), lines[0]
    names = [word.strip("-").partition("=")[0] for word in call] + [Path(word).name for word in filled(call, wrong)]
    assert any(name and name in lines[0] for name in (*names[1:], "''")), lines[0]


@contextmanager
def as_anybody() -> Iterator[None]:
    """Takes from this thread the power of root to read everything; see capabilities(7)."""
    libc = ctypes.CDLL(None, use_errno=True)
    who, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    assert libc.capget(who, sets) == 0
    mine = sets[0]
    sets[0] &= ~0b110  # of the effective ones: CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH
    assert libc.capset(who, sets) == 0
    try:
        yield
    finally:
        sets[0] = mine
        assert libc.capset(who, sets) == 0


@pytest.mark.usefixtures("_no_pipeline")
def test_without_permission(fewshot, wrong, tmp_path):
    """A folder that this user may not enter."""
    closed = tmp_path / "closed"
    pictures.write_set(closed)
    closed.chmod(0)
    with ExitStack() as ended, as_anybody():
        ended.callback(closed.chmod, stat.S_IRWXU)
        assert not os.access(closed, os.R_OK, effective_ids=True)
        for words in (
            ("run", "--root", f"{closed}"),
            ("run", "--root", f"{closed}/below"),
            (*RUN, "--config", f"{closed}/run.yaml"),
            (*RUN, "--train-dir", f"{closed}/train", "--test-dir", "@test_dir"),
            (*ADAPT, "--support", f"{closed}", "--query", "@test_dir"),
            ("runs", "list", "--root", f"{closed}"),
        ):
            result = fewshot(*filled(words, wrong))
            assert "does not exist" not in result.stderr
            assert result.returncode == 2 and not RAW.search(result.stderr) and str(closed) in result.stderr, (
                result.stderr
            )
