import os
import re
import shutil
import time
import uuid

import pytest
import tensorflow as tf

from components.fewshot.episodes.episode import EpisodeSpec
from components.fewshot.images.decode import ImageSpec
from components.fewshot.integrity import Damaged
from components.fewshot.serving.manifest import Manifest
from components.fewshot.serving.versions import latest, list_versions
from components.pusher import destination as pusher
from components.pusher.destination import list_rolled_back, push_version, rollback, was_removed
from components.pusher.files import MODEL_FILE, digest

gfile = tf.io.gfile
BULK = os.path.join("variables", "variables.data-00000-of-00001")


def write_model(directory, content="weights"):
    """What a SavedModel looks like to a pusher."""
    for name in (MODEL_FILE, "fingerprint.pb", os.path.join("variables", "variables.index"), BULK):
        path = os.path.join(directory, name)
        gfile.makedirs(os.path.dirname(path))
        with gfile.GFile(path, "w") as file:
            file.write(f"{content} of {name}" * 50)
    manifest = Manifest(
        learner="protonet",
        base_model="conv4",
        image=ImageSpec(height=8, width=8, channels=1),
        episodes=EpisodeSpec(),
        batch_norm="running",
        inductive=True,
        seed=0,
        steps=3,
        data={"fingerprint_train": "abc"},
        lineage={"episodes": {"id": 4}},
    )
    manifest.write(directory)
    return directory


def push(source, directory, keep=3, blessing="first", **more):
    return push_version(source, directory, keep, {"model": source, "blessing": blessing}, **more)


@pytest.fixture
def model(tmp_path):
    return write_model(str(tmp_path / "model"))


@pytest.fixture(params=["disk", "store"])
def directory(request, tmp_path):
    """A destination on a disk, and one where files are moved one by one, as in an object store."""
    return str(tmp_path / "served") if request.param == "disk" else f"ram://{uuid.uuid4().hex}/served"


def test_push_publishes_every_file_under_a_number_that_tells_the_time(model, directory):
    before = int(time.time())
    path = push(model, directory)
    assert before <= int(os.path.basename(path)) <= int(time.time())
    assert path == latest(directory) == os.path.join(directory, os.path.basename(path))
    with gfile.GFile(os.path.join(path, BULK)) as published, gfile.GFile(os.path.join(model, BULK)) as own:
        assert published.read() == own.read()
    assert sorted(set(gfile.listdir(directory)) - {".lock"}) == [os.path.basename(path)]


def test_the_published_manifest_is_complete_and_the_models_own_is_untouched(model, directory):
    own = Manifest.read(model)
    path = push(model, directory, metrics={"accuracy": 0.9, "ci95": 0.01}, lineage={"evaluation": {"id": 7}})
    manifest = Manifest.read(path)
    assert manifest.metrics == {"accuracy": 0.9, "ci95": 0.01}
    assert manifest.data == own.data
    assert manifest.lineage["episodes"] == {"id": 4} and manifest.lineage["evaluation"] == {"id": 7}
    assert manifest.lineage["version"] == int(os.path.basename(path))
    assert manifest.lineage["push"] == {"model": model, "blessing": "first", "content": digest(model)}
    assert Manifest.read(model) == own


def test_versions_increase_within_one_second_and_above_a_number_from_the_future(model, directory):
    write_model(os.path.join(directory, "99999999999"))
    versions = [int(os.path.basename(push(model, directory, keep=9, blessing=str(i)))) for i in range(3)]
    assert versions == [100000000000, 100000000001, 100000000002]


def test_the_same_push_again_is_not_repeated(model, directory):
    path = push(model, directory)
    assert push(model, directory) == path
    assert len(list_versions(directory)) == 1


def test_another_blessing_or_other_weights_at_the_same_place_are_another_push(model, directory):
    push(model, directory)
    push(model, directory, blessing="second")
    write_model(model, content="other weights")
    push(model, directory, blessing="second")
    assert len(list_versions(directory)) == 3


def test_keeps_the_newest(model, directory):
    paths = [push(model, directory, keep=2, blessing=str(i)) for i in range(4)]
    assert list_versions(directory) == [int(os.path.basename(path)) for path in paths[2:]]
    assert latest(directory) == paths[3]


def test_keeping_one_keeps_the_one_in_force(model, directory):
    paths = [push(model, directory, keep=1, blessing=str(i)) for i in range(2)]
    assert list_versions(directory) == [int(os.path.basename(paths[1]))]


def test_pruning_spares_the_version_that_a_repeated_push_answers_with(model, directory):
    paths = [push(model, directory, keep=3, blessing=str(i)) for i in range(3)]
    assert push(model, directory, keep=1, blessing="0") == paths[0]
    assert list_versions(directory) == [int(os.path.basename(paths[0])), int(os.path.basename(paths[2]))]


def test_keeping_none_is_refused(model, directory):
    with pytest.raises(ValueError, match=r"push.keep: expected to keep at least 1 version, got 0"):
        push(model, directory, keep=0)


def test_what_is_not_a_model_is_refused_and_leaves_nothing(tmp_path, model, directory):
    with pytest.raises(FileNotFoundError, match="no few-shot model"):
        push(str(tmp_path), directory)
    os.remove(os.path.join(model, MODEL_FILE))
    with pytest.raises(FileNotFoundError, match=r"no model to push at .*saved_model.pb"):
        push(model, directory)
    assert not gfile.exists(directory)


def test_versions_of_other_tools_are_counted_but_not_read(model, directory):
    foreign = os.path.join(directory, "7")
    gfile.makedirs(foreign)
    with gfile.GFile(os.path.join(foreign, MODEL_FILE), "w") as file:
        file.write("not ours")
    path = push(model, directory)
    assert list_versions(directory) == [7, int(os.path.basename(path))]


def test_a_number_without_a_model_is_no_version_but_its_number_is_taken(model, directory):
    gfile.makedirs(os.path.join(directory, "99999999999", "variables"))
    gfile.makedirs(os.path.join(directory, "notes"))
    assert list_versions(directory) == []
    assert push(model, directory) == os.path.join(directory, "100000000000")


def test_a_destination_that_cannot_be_written_says_so(tmp_path, model):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ValueError, match=r"cannot write to the push destination .*set push.destination"):
        push(model, str(tmp_path / "file" / "served"))


def test_no_version_in_force(directory):
    assert list_versions(directory) == list_rolled_back(directory) == []
    with pytest.raises(FileNotFoundError, match="no pushed model at"):
        latest(directory)


@pytest.fixture
def three(model, directory):
    """Versions of a destination that holds three."""
    for i in range(3):
        push(model, directory, blessing=str(i))
    return list_versions(directory)


def test_rollback_puts_the_one_before_in_force_and_keeps_the_newer_aside(directory, three):
    assert rollback(directory) == latest(directory) == os.path.join(directory, str(three[1]))
    assert (list_versions(directory), list_rolled_back(directory)) == (three[:2], three[2:])


def test_rollback_to_a_version_and_back_restores_every_byte(directory, three):
    before = digest(os.path.join(directory, str(three[2])))
    assert rollback(directory, to=three[0]) == latest(directory) == os.path.join(directory, str(three[0]))
    assert list_rolled_back(directory) == three[1:]
    assert rollback(directory, to=three[2]) == latest(directory)
    assert digest(latest(directory)) == before
    assert (list_versions(directory), list_rolled_back(directory)) == ([three[0], three[2]], [three[1]])


def test_rollback_to_one_rolled_back_that_is_not_the_newest(model, directory, three):
    rollback(directory)
    rollback(directory)
    push(model, directory, blessing="newer")
    assert rollback(directory, to=three[1]) == latest(directory) == os.path.join(directory, str(three[1]))
    assert list_versions(directory) == three[:2]


def test_rollback_to_the_one_in_force_changes_nothing(directory, three):
    assert rollback(directory, to=three[2]) == latest(directory)
    assert list_versions(directory) == three


def test_a_push_after_a_rollback_is_above_everything_there_ever_was(model, directory, three):
    rollback(directory, to=three[0])
    version = int(os.path.basename(push(model, directory, blessing="newer")))
    assert version > three[2] and list_versions(directory) == [three[0], version]


def test_a_pipeline_that_runs_again_does_not_undo_a_rollback(model, directory, three):
    rollback(directory)
    assert push(model, directory, blessing="2") is None
    assert latest(directory) == os.path.join(directory, str(three[1]))


def test_versions_aside_are_pruned_too(model, directory, three):
    rollback(directory, to=three[0])
    push(model, directory, keep=1, blessing="newer")
    assert list_rolled_back(directory) == three[2:]


def test_rollback_says_what_exists(directory, three):
    with pytest.raises(ValueError, match=rf"no version 5 to roll back to; there are {', '.join(map(str, three))}"):
        rollback(directory, to=5)
    rollback(directory, to=three[0])
    with pytest.raises(ValueError, match=rf"expected an earlier version .* rolled back {three[1]}, {three[2]}"):
        rollback(directory)
    with pytest.raises(ValueError, match="no push destination at"):
        rollback(directory + "-elsewhere")


def test_a_pushed_model_loads_and_answers(tmp_path, model):
    class Doubler(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
        def double(self, x):
            return {"doubled": x * self.factor}

    module = Doubler()
    module.factor = tf.Variable(2.0)
    source = str(tmp_path / "saved")
    tf.saved_model.save(module, source, signatures=module.double)
    Manifest.read(model).write(source)
    loaded = tf.saved_model.load(push(source, str(tmp_path / "served")))
    answer = loaded.signatures["serving_default"](x=tf.constant([1.5, -2.0]))["doubled"]
    assert answer.numpy().tolist() == [3.0, -4.0]


def test_numbers_are_what_tf_serving_takes_for_versions(model, directory):
    assert re.fullmatch(r"[1-9][0-9]*", os.path.basename(push(model, directory)))
    assert pusher.ASIDE.startswith(".") and pusher.TEMPORARY.startswith(".")


def test_what_was_removed_by_hand(model, tmp_path):
    """A version that was pruned or rolled back, or that a later one follows, is not to come back."""
    directory = str(tmp_path / "served")
    one, two = (push(model, directory, blessing=name) for name in ("first", "second"))
    assert not was_removed(two) and not was_removed(one)
    shutil.rmtree(one)
    assert not was_removed(one), "a later one is served"
    rolled_back = push(model, directory, blessing="third")
    rollback(directory)
    assert not was_removed(rolled_back) and not was_removed(two)
    shutil.rmtree(os.path.join(directory, ".rolled-back"))
    shutil.rmtree(two)
    assert was_removed(two)
    shutil.rmtree(directory)
    assert was_removed(two)


def test_a_damaged_version_is_not_served_again(model, tmp_path):
    directory = str(tmp_path / "served")
    first, second = (push(model, directory, blessing=name) for name in ("first", "second"))
    with open(os.path.join(first, MODEL_FILE), "a") as file:
        file.write("!")
    with pytest.raises(Damaged, match=r"saved_model.pb has .* bytes instead of .*: choose another version \(--to\)"):
        rollback(directory)
    assert latest(directory) == second and len(list_versions(directory)) == 2
