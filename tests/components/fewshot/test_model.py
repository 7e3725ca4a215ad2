"""The notebook's view: plain arrays, the verbs of Keras."""

import keras
import numpy as np
import pytest

from components.fewshot.base_models.conv4 import conv4
from components.fewshot.base_models.mlp import mlp
from components.fewshot.model import MetaLearningModel
from components.fewshot.serving.served import ServedModel
from tests.components.fewshot import toys


def test_the_five_verbs(tmp_path):
    images, labels = toys.images(30, 10)
    model = MetaLearningModel(conv4((16, 16, 1), 8), num_classes=5, learner="protonet")
    model.compile(optimizer="adam", learning_rate=5e-3)
    history = model.fit(images, labels, epochs=3, steps_per_epoch=20, validation_split=0.2, verbose=False)
    assert [row["step"] for row in history["validation"]] == [20, 40, 60]
    new, new_labels = toys.images(4, 10, seed=9)  # classes that it has never seen
    first = np.isin(np.arange(40) % 10, [0, 1])
    model.adapt(new[first], new_labels[first])
    probabilities = model.predict(new[~first])
    assert probabilities.shape == (32, 4)
    assert np.mean(probabilities.argmax(1) == new_labels[~first]) > 0.7
    np.testing.assert_allclose(model.predict(new[~first] / 255.0), probabilities, atol=1e-5)
    model.export(str(tmp_path / "model"))
    assert (tmp_path / "model" / "saved_model.pb").exists()


def test_a_base_model_by_name_is_frozen_and_learns_on_its_features(tmp_path):
    """The trunk sees each image once; what is served takes encoded images all the same."""
    images, labels = toys.images(8, 6, side=32, noise=0.05)
    images = np.repeat(images, 3, axis=3)
    model = MetaLearningModel(
        "efficientnet_lite0", num_classes=2, image_shape=(32, 32, 3), distance="cosine", centre=0.5
    )
    before = model._given.base.trunk.digest()
    history = model.fit(images, labels, 1, 2, validation_split=0.5, validation_episodes=3, verbose=False)
    assert len(history["steps"]) == 2 and model._given.base.trunk.digest() == before
    first = np.isin(np.arange(48) % 6, [0, 1]) & (labels < 3)
    model.adapt(images[first], labels[first])
    expected = model.predict(images[labels < 3])
    assert (expected.argmax(1) == labels[labels < 3]).mean() > 0.9
    model.export(str(tmp_path / "model"))
    served = ServedModel(str(tmp_path / "model"))
    manifest = served.manifest
    assert (manifest.base_model, manifest.trainable, manifest.trunk) == ("efficientnet_lite0", "none", before)
    encoded = [toys.png(image) for image in images]
    state = served.adapt([encoded[i] for i in np.flatnonzero(first)], labels[first])
    probabilities = served.predict(state, [encoded[i] for i in np.flatnonzero(labels < 3)])
    np.testing.assert_allclose(probabilities, expected, atol=1e-3)


def test_only_a_network_with_weights_adapts_without_training():
    images, labels = toys.images(2, 2)
    with pytest.raises(RuntimeError, match="fit.* first"):
        MetaLearningModel("conv4", image_shape=(16, 16, 1)).adapt(images, labels)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"base_model": "efficientnet"}, "no 'efficientnet'; there are conv4"),
        ({"base_model": "conv4"}, r"image_shape: expected \(H, W, C\)"),
        ({"base_model": "conv4", "image_shape": (28, 28, 1), "trainable": "some"}, "expected all, none or `last N`"),
        ({"base_model": mlp((16, 16, 1), units=[8]), "trainable": "none"}, "are for a base model by name"),
    ],
)
def test_what_is_no_base_model(given, said):
    with pytest.raises(ValueError, match=said):
        MetaLearningModel(**given)


def test_images_of_another_size_are_refused():
    images, labels = toys.images(4, 4)
    model = MetaLearningModel(mlp((28, 28, 1), units=[8]), num_classes=2)
    with pytest.raises(ValueError, match=r"images: expected \[N, 28, 28, 1\].*got \(16, 16, 16, 1\)"):
        model.fit(images, labels, 1, 1, verbose=False)


def test_labels_of_any_kind():
    images, labels = toys.images(12, 8)
    model = MetaLearningModel(mlp((16, 16, 1), units=[8]), num_classes=2)
    model.fit(images, np.array([f"kind {n}" for n in labels]), 1, 2, validation_split=0.25, verbose=False)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"num_classes": 15}, "need 15 classes"),
        ({"validation_split": 0.1}, "only 1 of 1 have so many"),
        ({"validation_split": 1.5}, "validation_split: expected a share"),
        ({"query": 99}, "of at least 100 images each"),
        ({"scale": 1.0}, "expected uint8 in 0..255 or floats in 0..1, got float64 from 0 to 255"),
    ],
)
def test_what_cannot_be_fitted(change, said):
    images, labels = toys.images(12, 8)
    images[0, 0, 0] = 0
    images[1, 0, 0] = 255
    if "scale" in change:
        images = images * change.pop("scale")
    model = MetaLearningModel(mlp((16, 16, 1), units=[8]), num_classes=change.pop("num_classes", 2))
    with pytest.raises(ValueError, match=".*") as error:
        model.fit(images, labels, **{"validation_split": 0.25, "verbose": False} | change)
    assert said in str(error.value)


def test_the_order_of_calls():
    model = MetaLearningModel(mlp((16, 16, 1), units=[8]))
    with pytest.raises(RuntimeError, match="fit.* first"):
        model.adapt(np.zeros((2, 16, 16, 1)), [0, 1])
    with pytest.raises(RuntimeError, match="call adapt"):
        model.predict(np.zeros((2, 16, 16, 1)))


def test_support_labels_that_make_no_sense():
    model = toys.trained("maml")
    with pytest.raises(ValueError, match=r"without gaps, got \[0, 2\]"):
        model.adapt(toys.images(2, 1)[0], [0, 2])
    with pytest.raises(ValueError, match="expected exactly 3 classes, got 2"):
        model.adapt(toys.images(2, 1)[0], [0, 1])


def test_no_such_learner_or_setting():
    with pytest.raises(ValueError, match="there are protonet, matching, nca, ridge, maml, transfer"):
        MetaLearningModel(mlp((16, 16, 1)), learner="magic")
    with pytest.raises(ValueError, match="has batch_norm, inner_rate"):
        MetaLearningModel(mlp((16, 16, 1)), learner="maml", inner_rat=0.1)
    with pytest.raises(ValueError, match="learning_rat"):
        MetaLearningModel(mlp((16, 16, 1))).compile(learning_rat=0.1)


def test_a_second_fit_forgets_what_was_adapted_to():
    images, labels = toys.images(12, 8)
    model = MetaLearningModel(mlp((16, 16, 1), units=[8]), num_classes=2)
    model.fit(images, labels[:, None], 1, 2, validation_split=0.25, verbose=False)  # labels [N, 1], as Keras's own sets
    model.adapt(images[:16:8], [[0], [1]])
    assert model.predict(images[:300]).shape == (96, 2)
    assert model.predict(images[:0]).shape == (0, 2)
    model.fit(images, labels, 1, 2, validation_split=0.25, verbose=False)
    with pytest.raises(RuntimeError, match="call adapt"):
        model.predict(images[:2])


def test_more_queries_than_a_batch(monkeypatch):
    model = toys.trained("protonet")
    images, labels = toys.images(3, 8)
    model.adapt(images, labels)
    together = model.predict(images)
    monkeypatch.setattr("components.fewshot.doors.whole_images.QUERIES", 5)
    np.testing.assert_allclose(model.predict(images), together, atol=1e-6)


@pytest.mark.parametrize(
    ("labels", "said"),
    [(np.eye(3), r"one number for each of 3 images, got shape \(3, 3\)"), ([0, 1], "got shape"), ([], "got shape")],
)
def test_labels_that_are_not_one_each(labels, said):
    model = toys.trained("protonet")
    for verb in (model.adapt, model.fit):
        with pytest.raises(ValueError, match=said):
            verb(toys.images(3, 1)[0], labels)
    with pytest.raises(ValueError, match=r"without gaps, got \[\]"):
        model.adapt(toys.images(3, 1)[0][:0], [])


def test_base_models_that_do_not_say_what_they_see():
    class Subclassed(keras.Model):
        pass

    for model in (Subclassed(), keras.Sequential([keras.Input((None, None, 1)), keras.layers.Flatten()])):
        with pytest.raises(
            ValueError, match=r"expected images \[B, H, W, C\] of fixed size .*; start it with keras.Input"
        ):
            MetaLearningModel(model)


def test_sentences_for_what_else_goes_wrong():
    images, labels = toys.images(12, 8)
    with pytest.raises(TypeError, match="optimizer: expected a name"):
        MetaLearningModel(mlp((16, 16, 1))).compile(optimizer=keras.optimizers.Adam())
    with pytest.raises(ValueError, match="rotations need square images, got 8 x 16"):
        MetaLearningModel(mlp((8, 16, 1))).fit(images[:, :8], labels, rotations=True)
    with pytest.raises(ValueError, match="^validation classes: .* need 5 classes .* change validation_split, or add"):
        MetaLearningModel(mlp((16, 16, 1))).fit(images, labels, query=5)
