"""The SavedModel: four signatures that agree with the learner and with one another, and refuse what they cannot serve."""

import numpy as np
import pytest
import tensorflow as tf

from components.fewshot.learners import LEARNERS
from components.fewshot.manifest import Manifest
from tests.components.fewshot import toys

IMAGES, LABELS = toys.images(20, 8)
ENCODED = [toys.png(image) for image in IMAGES[:24]]
SUPPORT, QUERY = [0, 1, 8, 16, 17], [2, 10, 18, 19]  # classes 0, 1, 2
SUPPORT_LABELS = np.array([0, 0, 1, 2, 2], np.int32)


def strings(rows):
    return tf.constant([ENCODED[row] for row in rows], tf.string)


@pytest.fixture(scope="module", params=[*sorted(LEARNERS), "protonet by support"])
def served(request, tmp_path_factory):
    name, _, mode = request.param.partition(" by ")
    model = toys.trained(name, **({"batch_norm": mode} if mode else {}))
    directory = str(tmp_path_factory.mktemp("model"))
    model.export(directory)
    return model, tf.saved_model.load(directory), directory


def call(served, signature, **inputs):
    return {key: value.numpy() for key, value in served[1].signatures[signature](**inputs).items()}


def episode(served, labels=SUPPORT_LABELS, support=SUPPORT, query=QUERY):
    labels = tf.constant(labels, tf.int32)
    given = {"support_images": strings(support), "support_labels": labels, "query_images": strings(query)}
    return call(served, "serving_default", **given)["probabilities"]


def test_it_predicts_what_the_learner_predicts(served):
    model = served[0]
    model.adapt(IMAGES[SUPPORT], SUPPORT_LABELS)
    np.testing.assert_allclose(episode(served), model.predict(IMAGES[QUERY]), atol=1e-4)


def test_probabilities(served):
    probabilities = episode(served)
    assert probabilities.dtype == np.float32 and probabilities.shape == (4, 3)
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)
    assert episode(served, query=[]).shape == (0, 3)


def test_adapt_then_predict_is_the_one_call(served):
    state = call(served, "adapt", support_images=strings(SUPPORT), support_labels=tf.constant(SUPPORT_LABELS))
    assert state["task_state"].ndim == 1 and state["task_state"].dtype == np.float32 and state["num_classes"] == 3
    state = {key: tf.constant(value) for key, value in state.items()}
    np.testing.assert_allclose(
        call(served, "predict", **state, query_images=strings(QUERY))["probabilities"], episode(served)
    )


def test_embed(served):
    embeddings = call(served, "embed", images=strings(QUERY))["embeddings"]
    assert embeddings.dtype == np.float32 and embeddings.shape[0] == 4
    np.testing.assert_allclose(
        call(served, "embed", images=strings(QUERY[:1]))["embeddings"], embeddings[:1], atol=1e-5
    )


def test_a_query_does_not_depend_on_its_batch_mates(served):
    together = episode(served)
    np.testing.assert_allclose(np.concatenate([episode(served, query=[q]) for q in QUERY]), together, atol=1e-5)
    np.testing.assert_allclose(episode(served, query=QUERY[::-1]), together[::-1], atol=1e-5)


def test_another_way_than_in_training(served):
    labels, support = np.array([0, 1], np.int32), [0, 8]
    if Manifest.read(served[2]).fixed_way is None:
        assert episode(served, labels, support).shape == (4, 2)
    else:
        with pytest.raises(tf.errors.InvalidArgumentError, match="tells apart exactly 3 classes"):
            episode(served, labels, support)


@pytest.mark.parametrize(
    ("labels", "support", "said"),
    [
        ([0, 0, 1, 1, 3], SUPPORT, "without gaps"),
        ([1, 1, 2, 3, 3], SUPPORT, "without gaps"),
        ([-1, 0, 1, 2, 2], SUPPORT, "without gaps"),
        ([0, 1, 2], SUPPORT, "differ in length"),
        ([], [], "support_images is empty"),
    ],
)
def test_labels_that_make_no_sense(served, labels, support, said):
    with pytest.raises(tf.errors.InvalidArgumentError, match=said):
        episode(served, labels, support)


def test_a_task_state_of_another_way(served):
    with pytest.raises(tf.errors.InvalidArgumentError, match="task_state does not fit"):
        call(served, "predict", task_state=tf.zeros(7), num_classes=tf.constant(3), query_images=strings(QUERY))


def test_no_image(served):
    with pytest.raises(tf.errors.InvalidArgumentError):
        call(served, "embed", images=tf.constant([b"no image"]))


def test_manifest(served):
    manifest = Manifest.read(served[2])
    assert manifest.learner in LEARNERS and manifest.base_model == "conv4"
    assert manifest.image.shape == (16, 16, 1) and manifest.episodes.way == 3 and manifest.steps == 5
    assert manifest.fixed_way == (3 if manifest.learner == "maml" else None)
    assert manifest.inductive and manifest.batch_norm in ("running", "support")
    assert set(manifest.validation) == {"step", "accuracy", "ci95", "loss"}
    assert manifest.versions["tensorflow"] == tf.__version__


def test_no_manifest(tmp_path):
    with pytest.raises(FileNotFoundError, match="no few-shot model at"):
        Manifest.read(str(tmp_path))
    (tmp_path / "assets.extra").mkdir()
    (tmp_path / "assets.extra" / "fewshot.json").write_text('{"learner": 3}')
    with pytest.raises(ValueError, match="is not a manifest of format 1"):
        Manifest.read(str(tmp_path))
