"""A kill at every single step of a push, a prune and a rollback, and readers who look at every moment."""

import os
import signal
import threading
from itertools import count

import pytest
import tensorflow as tf

from components.fewshot.episodes.episode import EpisodeSpec
from components.fewshot.images.decode import ImageSpec
from components.fewshot.integrity import LIST
from components.fewshot.serving.manifest import FILE, Manifest
from components.fewshot.serving.versions import MODEL_FILE, list_versions
from components.pusher import destination as pusher
from components.pusher import files
from components.pusher.destination import list_rolled_back, push_version, rollback
from components.pusher.files import digest, files_in

gfile = tf.io.gfile
CHANGES = ("copy", "makedirs", "rename", "rmtree")
BULK = os.path.join("variables", "variables.data-00000-of-00001")
NAMES = sorted([MODEL_FILE, BULK, FILE, LIST])


class Watched:
    """`tf.io.gfile` that calls `at_step(number)` before each change, and between the halves of each copy."""

    def __init__(self, at_step):
        self.at_step, self.steps = at_step, 0

    def __getattr__(self, name):
        original = getattr(gfile, name)
        return (lambda *args, **kwargs: self._change(original, *args, **kwargs)) if name in CHANGES else original

    def _change(self, original, *args, **kwargs):
        self._step()
        if original is gfile.copy:
            with gfile.GFile(args[0], "rb") as source, gfile.GFile(args[1], "wb") as target:
                content = source.read()
                target.write(content[: len(content) // 2])
            self._step()
            kwargs["overwrite"] = True
        elif original is gfile.rmtree:  # file by file, for a real one is not one act either
            for name in files.files_in(args[0]):
                gfile.remove(os.path.join(args[0], name))
                self._step()
        return original(*args, **kwargs)

    def _step(self):
        self.steps += 1
        self.at_step(self.steps)


def watch(monkeypatch, at_step):
    watched = Watched(at_step)
    monkeypatch.setattr(files, "gfile", watched)
    monkeypatch.setattr(pusher, "gfile", watched)
    return watched


def killed_at(monkeypatch, step, work):
    """Whether a process of its own that does `work` was killed (SIGKILL) at a step, or got through before."""
    child = os.fork()
    if child == 0:
        watch(monkeypatch, lambda number: os.kill(os.getpid(), signal.SIGKILL) if number == step else None)
        try:
            work()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


@pytest.fixture(params=["disk", "store"])
def kind(request, monkeypatch):
    """A disk, which renames folders; or files that are moved one by one, as in an object store."""
    if request.param == "store":
        monkeypatch.setattr(files, "is_local", lambda path: False)
    return request.param


@pytest.fixture
def model(tmp_path):
    directory = tmp_path / "model"
    for name in (MODEL_FILE, BULK):
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(f"content of {name}" * 100)
    Manifest(
        learner="protonet",
        base_model="conv4",
        image=ImageSpec(height=8, width=8, channels=1),
        episodes=EpisodeSpec(),
        batch_norm="running",
        inductive=True,
        seed=0,
        steps=3,
    ).write(str(directory))
    return str(directory)


def push(model, directory, blessing, keep=2):
    return push_version(model, directory, keep, {"blessing": blessing})


def is_whole(path, model):
    """Whether a version holds every byte of the model, and the manifest of a push."""
    if sorted(files_in(path)) != NAMES or Manifest.read(path).lineage["version"] != int(os.path.basename(path)):
        return False
    return all(read(os.path.join(path, name)) == read(os.path.join(model, name)) for name in (MODEL_FILE, BULK))


def read(path):
    with open(path, "rb") as file:
        return file.read()


def visible(directory, kind):
    """What TF Serving can load at this moment: on a disk every numbered folder, in a store those with a model file."""
    numbered = [name for name in os.listdir(directory) if name.isdigit()]
    return sorted(int(n) for n in numbered if kind == "disk" or os.path.exists(os.path.join(directory, n, MODEL_FILE)))


def test_a_push_killed_at_any_step_shows_only_whole_versions_and_goes_on(tmp_path, model, kind, monkeypatch):
    for step in count(1):
        directory = str(tmp_path / f"served-{step}")
        before = [int(os.path.basename(push(model, directory, name))) for name in ("first", "second")]
        killed = killed_at(monkeypatch, step, lambda: push(model, directory, "third"))  # noqa: B023  done before the next
        seen = visible(directory, kind)
        assert seen == list_versions(directory)
        assert all(is_whole(os.path.join(directory, str(version)), model) for version in seen), step
        assert seen[:2] == before or seen[0] == before[1]  # pruned, if at all, from the oldest

        again = push(model, directory, "third")
        assert list_versions(directory) == [before[1], int(os.path.basename(again))], step
        assert is_whole(again, model)
        assert sorted(name for name in os.listdir(directory) if name != ".lock") == [
            str(before[1]),
            os.path.basename(again),
        ]
        if len(seen) == 3 or seen[0] == before[1]:  # it had been published: not a second time
            assert int(os.path.basename(again)) == seen[-1]
        if not killed:
            break
    assert step > 15


@pytest.mark.parametrize("undo", [False, True])
def test_a_rollback_killed_at_any_step_changes_the_version_in_force_once(tmp_path, model, kind, undo, monkeypatch):
    for step in count(1):
        directory = str(tmp_path / f"served-{step}")
        first, _, third = [int(os.path.basename(push(model, directory, str(i), keep=3))) for i in range(3)]
        contents = {v: digest(os.path.join(directory, str(v))) for v in list_versions(directory)}
        if undo:
            rollback(directory, to=first)
        target = third if undo else first
        killed = killed_at(monkeypatch, step, lambda: rollback(directory, to=target))  # noqa: B023  done before the next
        seen = visible(directory, kind)
        assert seen[-1] in (first, third)
        assert all(digest(os.path.join(directory, str(version))) == contents[version] for version in seen), step

        rollback(directory, to=target)
        assert list_versions(directory)[-1] == target
        everywhere = [(directory, list_versions(directory))]
        everywhere += [(os.path.join(directory, pusher.ASIDE), list_rolled_back(directory))]
        assert {v: digest(os.path.join(at, str(v))) for at, found in everywhere for v in found} == contents, step
        if not killed:
            break
    assert step > 2


def test_a_push_after_a_rollback_killed_at_any_step_leaves_no_version_in_pieces(tmp_path, model, kind, monkeypatch):
    for step in count(1):
        directory = str(tmp_path / f"served-{step}")
        for i in range(3):
            push(model, directory, str(i), keep=9)
        killed = killed_at(monkeypatch, step, lambda: rollback(directory))  # noqa: B023  done before the next
        path = push(model, directory, "newer", keep=9)
        shown = sorted(name for name in os.listdir(directory) if name.isdigit())
        assert shown == [str(version) for version in list_versions(directory)] and shown[-1] == os.path.basename(path)
        aside = os.path.join(directory, pusher.ASIDE)
        places = [os.path.join(directory, name) for name in shown]
        places += [os.path.join(aside, str(version)) for version in list_rolled_back(directory)]
        assert len(places) == 4 and all(is_whole(place, model) for place in places), step
        if not killed:
            break
    assert step > 1


def test_every_file_is_on_disk_before_its_version_appears(tmp_path, model, monkeypatch):
    directory, synced = str(tmp_path / "served"), []
    sync, reveal = files.sync, files.reveal

    def appear(hidden, shown):
        assert {os.path.join(hidden, name) for name in NAMES} <= set(synced)
        synced.clear()
        reveal(hidden, shown)

    monkeypatch.setattr(files, "sync", lambda path: (synced.append(path), sync(path)))
    monkeypatch.setattr(files, "reveal", appear)
    push(model, directory, "first")
    assert directory in synced  # and the rename itself, after it


def test_a_push_after_a_killed_push_of_another_model_clears_what_it_left(tmp_path, model, kind, monkeypatch):
    directory = str(tmp_path / "served")
    assert killed_at(monkeypatch, 4, lambda: push(model, directory, "first"))
    assert any(name.startswith(pusher.TEMPORARY) for name in os.listdir(directory))
    path = push(model, directory, "second")
    assert sorted(set(os.listdir(directory)) - {".lock"}) == [os.path.basename(path)]


def test_an_error_in_the_middle_of_copying_is_raised_and_publishes_nothing(tmp_path, model, kind, monkeypatch):
    directory = str(tmp_path / "served")

    def full(number):
        if number == 4:
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        watch(patched, full)
        with pytest.raises(OSError, match="No space left"):
            push(model, directory, "first")
    assert visible(directory, kind) == []
    path = push(model, directory, "first")
    assert list_versions(directory) == [int(os.path.basename(path))]


def test_a_reader_sees_whole_versions_only_while_others_push_and_roll_back(tmp_path, model):
    directory = str(tmp_path / "served")
    push(model, directory, "begin")
    done, torn, looks = threading.Event(), [], []

    def look():
        while not done.is_set():
            for version in visible(directory, "disk"):
                path = os.path.join(directory, str(version))
                try:
                    whole = is_whole(path, model)
                except (FileNotFoundError, tf.errors.NotFoundError):
                    whole = False
                if not whole and os.path.exists(path):
                    torn.append(path)
                looks.append(version)

    reader = threading.Thread(target=look)
    reader.start()
    try:
        for i in count():
            push(model, directory, str(i))
            if i % 3 == 0:
                rollback(directory)
            if i >= 12 and len(set(looks)) >= 5:
                break
    finally:
        done.set()
        reader.join()
    assert torn == []


def test_pushers_at_the_same_time_wait_for_one_another(tmp_path, model):
    directory = str(tmp_path / "served")
    pushed = []
    threads = [threading.Thread(target=lambda i=i: pushed.append(push(model, directory, i, keep=9))) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(int(os.path.basename(path)) for path in pushed) == list_versions(directory)
    assert len(list_versions(directory)) == 6 and all(is_whole(path, model) for path in pushed)
