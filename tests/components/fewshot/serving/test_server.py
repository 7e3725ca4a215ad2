"""The SavedModel: signatures that agree with the learner and with one another, and refuse what they cannot serve."""

import gc

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework.func_graph import FuncGraph

from components.fewshot.images.feed import to_unit_range
from components.fewshot.learners import LEARNERS
from components.fewshot.learners.interface import Aux, Learner, Part
from components.fewshot.learners.maths import cross_entropy
from components.fewshot.learners.metric.protonet import squared_distances
from components.fewshot.serving.manifest import Manifest
from components.fewshot.serving.served import ServedModel, ServedState
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


def test_familiarity_is_the_highest_logit(served):
    """Logits are the learner's own, before calibration; and they are the same however a query comes."""
    model = served[0]
    learner, weights = model._learner, model._learner.values()
    state = learner.adapt(weights, to_unit_range(tf.constant(IMAGES[SUPPORT])), tf.constant(SUPPORT_LABELS), 3)
    logits = learner.predict(weights, state, to_unit_range(tf.constant(IMAGES[QUERY])))
    loaded = ServedModel(served[2])
    support, query = [ENCODED[i] for i in SUPPORT], [ENCODED[i] for i in QUERY]
    answers = loaded.episode_answers(support, SUPPORT_LABELS, query)
    assert answers.familiarity.shape == (4,) and answers.familiarity.dtype == np.float32
    np.testing.assert_allclose(answers.familiarity, np.asarray(logits).max(1), rtol=1e-3, atol=1e-3)
    adapted = loaded.adapt(support, SUPPORT_LABELS)
    np.testing.assert_allclose(loaded.answers(adapted, query).familiarity, answers.familiarity, rtol=1e-4, atol=1e-4)
    if loaded.takes_features:
        by_features = loaded.answers_by_features(adapted, loaded.embed(query))
        np.testing.assert_allclose(by_features.familiarity, answers.familiarity, rtol=1e-3, atol=1e-3)
    assert loaded.answers(adapted, []).familiarity.shape == (0,)


def test_what_is_below_the_threshold_is_none_of_these(served):
    loaded = ServedModel(served[2])
    familiarity = np.array([0.5, 1.5], np.float32)
    for told, strange in (({}, [False, False]), ({"threshold": 1.0}, [True, False])):
        loaded.manifest = loaded.manifest.model_copy(update={"none_of_these": told})
        assert loaded.is_none_of_these(familiarity).tolist() == strange


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


def test_the_halves_of_embed(served):
    """What the network sees, and what it makes of that: to the bit what `embed` returns."""
    whole = call(served, "embed", images=strings(QUERY))["embeddings"]
    seen = served[1].see(encoded=strings(QUERY))
    np.testing.assert_array_equal(served[1].embed_seen(seen=seen)["embeddings"], whole)


def by_features(served) -> bool:
    return served[0]._learner.has_fixed_features


def features(served, rows):
    return tf.constant(call(served, "embed", images=strings(rows))["embeddings"])


def adapted_by_features(served, labels=SUPPORT_LABELS, support=SUPPORT):
    given = {"support_features": features(served, support), "support_labels": tf.constant(labels, tf.int32)}
    return {key: tf.constant(value) for key, value in call(served, "adapt_features", **given).items()}


def test_signatures(served):
    images = {"serving_default", "adapt", "predict", "embed"}
    more = {"adapt_features", "predict_features"} if by_features(served) else set()
    assert served[1].signatures.keys() == images | more
    assert ServedModel(served[2]).takes_features is bool(more)
    manifest = Manifest.read(served[2])
    assert bool(more) is (manifest.learner != "maml" and manifest.batch_norm == "running")


def test_features_are_as_good_as_their_images(served):
    """Each kind of task state serves each kind of query, within rounding."""
    if not by_features(served):
        with pytest.raises(ValueError, match="no signature 'adapt_features'; it has adapt, embed, predict, serving"):
            ServedModel(served[2]).adapt_features(np.zeros((5, 8)), SUPPORT_LABELS)
        return
    of_images = call(served, "adapt", support_images=strings(SUPPORT), support_labels=tf.constant(SUPPORT_LABELS))
    of_images = {key: tf.constant(value) for key, value in of_images.items()}
    of_features = adapted_by_features(served)
    np.testing.assert_allclose(of_features["task_state"], of_images["task_state"], atol=1e-5)
    queries = {
        "predict": {"query_images": strings(QUERY)},
        "predict_features": {"query_features": features(served, QUERY)},
    }
    for state in (of_images, of_features):
        for signature, query in queries.items():
            np.testing.assert_allclose(
                call(served, signature, **state, **query)["probabilities"], episode(served), atol=1e-5
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
        with pytest.raises(tf.errors.InvalidArgumentError, match="takes exactly 3 classes"):
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
    if by_features(served):
        with pytest.raises(tf.errors.InvalidArgumentError, match=said.replace("images", "features")):
            adapted_by_features(served, labels, support)


def test_features_of_another_length(served):
    """In one sentence each, and nothing else beside it."""
    if not by_features(served):
        return
    model, vectors = ServedModel(served[2]), features(served, SUPPORT).numpy()
    size = vectors.shape[1]
    said = rf"^the model refuses: {{}}_features: expected {size} numbers an image, as `embed` of this model .*$"
    with pytest.raises(ValueError, match=said.format("support")):
        model.adapt_features(vectors[:, 1:], SUPPORT_LABELS)
    with pytest.raises(ValueError, match=said.format("query")):
        model.predict_features(model.adapt_features(vectors, SUPPORT_LABELS), np.zeros((3, size + 1)))
    with pytest.raises(ValueError, match=r"^features: expected \[B, D\] as `embed` returns them, got shape \(\d+,\)$"):
        model.adapt_features(vectors[0], SUPPORT_LABELS)


def test_a_vector_that_is_no_task_state(served):
    with pytest.raises(tf.errors.InvalidArgumentError, match="task_state has another format"):
        call(served, "predict", task_state=tf.zeros(7), num_classes=tf.constant(3), query_images=strings(QUERY))
    if by_features(served):
        given = {"task_state": tf.zeros(7), "num_classes": tf.constant(3), "query_features": features(served, QUERY)}
        with pytest.raises(tf.errors.InvalidArgumentError, match="task_state has another format"):
            call(served, "predict_features", **given)


@pytest.mark.parametrize("way", [0, -1, 2])
def test_a_state_under_a_wrong_number_of_classes(served, way):
    state = call(served, "adapt", support_images=strings(SUPPORT), support_labels=tf.constant(SUPPORT_LABELS))
    fixed = Manifest.read(served[2]).fixed_way
    said = "num_classes: expected at least 1" if way < 1 else "takes exactly 3" if fixed else "task_state does not"
    given = {"task_state": tf.constant(state["task_state"]), "num_classes": tf.constant(way)}
    with pytest.raises(tf.errors.InvalidArgumentError, match=said):
        call(served, "predict", **given, query_images=strings(QUERY))
    if by_features(served):
        with pytest.raises(tf.errors.InvalidArgumentError, match=said):
            call(served, "predict_features", **given, query_features=features(served, QUERY))


def test_a_task_state_of_another_model(served, tmp_path):
    """The same network and learner, other weights: the vector fits in length, and the sentence says what is wrong."""
    other = toys.trained.__wrapped__("protonet", seed=1)
    other.export(str(tmp_path))
    theirs = ServedModel(str(tmp_path)).adapt([ENCODED[row] for row in SUPPORT], SUPPORT_LABELS)
    with pytest.raises(ValueError, match="the model refuses: task_state was made by another model: adapt again"):
        ServedModel(served[2]).predict(theirs, [ENCODED[row] for row in QUERY])
    if by_features(served):
        with pytest.raises(ValueError, match="the model refuses: task_state was made by another model: adapt again"):
            ServedModel(served[2]).predict_features(theirs, features(served, QUERY).numpy())


def test_a_task_state_in_a_file(served, tmp_path):
    model, path = ServedModel(served[2]), str(tmp_path / "defects.state")
    state = model.adapt([ENCODED[row] for row in SUPPORT], SUPPORT_LABELS)
    state.save(path)
    loaded = ServedState.load(path)
    assert loaded.num_classes == 3 and loaded.vector.tobytes() == state.vector.tobytes()
    query = [ENCODED[row] for row in QUERY]
    np.testing.assert_array_equal(ServedModel(served[2]).predict(loaded, query), model.predict(state, query))


@pytest.mark.parametrize("content", [b"", b"no state", b"PK\x03\x04"])
def test_a_file_that_holds_no_task_state(tmp_path, content):
    path = tmp_path / "file"
    with pytest.raises(FileNotFoundError, match="no task state at .*expected a file that `ServedState.save` wrote"):
        ServedState.load(str(path))
    path.write_bytes(content)
    with pytest.raises(ValueError, match="holds no task state: expected a file that `ServedState.save` wrote"):
        ServedState.load(str(path))


class Counting(Learner):
    """Keeps every support image: its state grows with the support set, and it counts its own steps."""

    def build_state(self):
        return [keras.Variable(0, dtype="int32", trainable=False, name="steps")]

    def adapt(self, weights, support, labels, way):
        features, _ = self.support_features(weights.base, weights.state, support, training=False)
        hit = keras.ops.cast(labels[:, None] == keras.ops.arange(way, dtype="int32"), "float32")
        seen = -70_000 - keras.ops.shape(labels)[0] * keras.ops.ones((), "int32")
        return {"seen": seen, "support": features.vector, "hit": keras.ops.cast(hit, "bool")}

    def predict(self, weights, task_state, query):
        features, _ = self.query_features(weights.base, weights.state, query, training=False)
        near = keras.ops.softmax(-squared_distances(features.vector, task_state["support"]))
        hit = keras.ops.cast(task_state["hit"], "float32")
        count = keras.ops.cast(-70_000 - task_state["seen"], "float32")
        return keras.ops.log(keras.ops.matmul(near, hit) + 1e-6) * count

    def loss(self, weights, task):
        state = self.adapt(weights, task.support, task.support_labels, task.way)
        logits = self.predict(weights, state, task.query)
        return cross_entropy(logits, task.query_labels), Aux(
            logits, task.query_labels, weights.state, [weights.own_state[0] + 1]
        )

    def task_state_parts(self, way):
        size = self.base.feature_size
        return {"seen": Part((), "int32"), "support": Part((None, size)), "hit": Part((None, way), "bool")}


def test_a_state_that_grows_with_the_support_set_and_one_of_the_learner(tmp_path, monkeypatch):
    monkeypatch.setitem(LEARNERS, "counting", Counting)
    model = toys.trained.__wrapped__("counting")
    assert int(model._learner.own_state[0].numpy()) == 5, "counted in the outer loop"
    model.export(str(tmp_path))
    served = (model, tf.saved_model.load(str(tmp_path)), str(tmp_path))
    state = call(served, "adapt", support_images=strings(SUPPORT), support_labels=tf.constant(SUPPORT_LABELS))
    given = {key: tf.constant(value) for key, value in state.items()} | {"query_images": strings(QUERY)}
    np.testing.assert_allclose(call(served, "predict", **given)["probabilities"], episode(served), atol=1e-6)
    with pytest.raises(tf.errors.InvalidArgumentError, match="task_state does not fit"):
        call(served, "predict", **given | {"task_state": given["task_state"][:-1]})


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


def test_a_model_that_was_loaded_can_be_forgotten(served):
    def graphs() -> int:
        gc.collect()
        return sum(isinstance(one, FuncGraph) for one in gc.get_objects())

    before = graphs()
    model = ServedModel(served[2])
    model.episode([ENCODED[row] for row in SUPPORT], SUPPORT_LABELS, [ENCODED[row] for row in QUERY])
    assert graphs() > before
    del model
    assert graphs() == before
