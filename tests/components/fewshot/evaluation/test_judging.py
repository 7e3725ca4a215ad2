"""Judging a served model: by its signatures alone, the same figures in any order, and no query helps another."""

from types import SimpleNamespace

import numpy as np
import pytest

from components.fewshot.episodes.episode import Draw, EpisodeSpec
from components.fewshot.episodes.sampler import EpisodeSampler
from components.fewshot.evaluation.checks import check_features, check_independence, label_spread, latency
from components.fewshot.evaluation.judging import encode_episode, judge
from components.fewshot.evaluation.kinds import evaluate
from components.fewshot.images.store import ImageStore
from components.fewshot.serving.served import Answers, ServedModel
from tests.components.fewshot import toys

IMAGES, LABELS = toys.images(6, 8, seed=5)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    root = tmp_path_factory.mktemp("images")
    files: dict[str, list] = {}
    for number, (image, label) in enumerate(zip(IMAGES, LABELS, strict=True)):
        path = root / f"{number:02}.png"
        path.write_bytes(toys.png(image))
        files.setdefault(f"{'ab'[label % 2]}/{label}", []).append((path.name, str(path)))
    return ImageStore.from_files(files)


@pytest.fixture(scope="module")
def model_of(tmp_path_factory):
    def load(learner: str = "protonet", **settings) -> ServedModel:
        directory = str(tmp_path_factory.mktemp("model"))
        toys.trained(learner, **settings).export(directory)
        return ServedModel(directory)

    return load


@pytest.fixture(scope="module")
def model(model_of):
    return model_of()


SPEC = EpisodeSpec(way=3, shot=2, query=4)


def test_a_judged_episode(model, store):
    episode = EpisodeSampler(store.index, SPEC, 0)(3)
    result, probabilities = judge(model, encode_episode(store, episode))
    assert probabilities.shape == (12, 3)
    assert (result.index, result.way, result.shot, result.queries) == (3, 3, 2, 12)
    assert result.correct == (probabilities.argmax(1) == episode.query.labels).sum()
    assert result.names == {store.index.names[place] for place in episode.class_ids}


def test_the_order_of_episodes_does_not_matter(model, store):
    draw = EpisodeSampler(store.index, SPEC, 0)
    seen: list[int] = []
    forwards = evaluate(model, store, [draw(i) for i in range(6)], seen.append)
    assert seen == [1, 2, 3, 4, 5, 6] and forwards["episodes"] == 6
    assert evaluate(model, store, [draw(i) for i in reversed(range(6))]) == forwards


def test_other_labels_same_classes(model, store):
    """Numbers are names: which class is called 0 changes nothing (a learner without a fixed head)."""
    encoded = encode_episode(store, EpisodeSampler(store.index, SPEC, 0)(0))
    labels = encoded.episode.support.labels
    renamed = model.episode(encoded.support, (labels + 1) % 3, encoded.query)
    plain = model.episode(encoded.support, labels, encoded.query)
    np.testing.assert_allclose(renamed, np.roll(plain, 1, axis=1), atol=1e-5)


@pytest.mark.parametrize(("mode", "holds"), [("running", True), ("support", True), ("transductive", False)])
def test_independence(model_of, store, mode, holds):
    draw = EpisodeSampler(store.index, SPEC, 0)
    found = check_independence(model_of(batch_norm=mode), store, [draw(i) for i in range(3)])
    assert found["holds"] is holds and found["checked"] == 3
    by_features = found["by_features"]
    assert (by_features is not None) is (mode == "running")
    assert by_features is None or (by_features["holds"] and by_features["checked"] == 3)
    assert (found["max_difference"] <= found["tolerance"]) is holds
    if not holds:
        assert found["max_difference"] > 0.01, "far beyond rounding"


def test_latency(model, store):
    draw = EpisodeSampler(store.index, SPEC, 0)
    found = latency(model, [encode_episode(store, draw(i)) for i in range(2)])
    assert found.keys() == {"adapt_ms", "predict_ms", "predict_one_ms"} and min(found.values()) > 0


@pytest.mark.parametrize("learner", ["protonet", "matching", "nca", "transfer"])
def test_by_features_as_by_images(model_of, store, learner):
    """The same answers, so the same accuracies; probabilities within rounding."""
    draw, model = EpisodeSampler(store.index, SPEC, 0), model_of(learner)
    drawn = [draw(i) for i in range(6)]
    by_images, by_features = (evaluate(model, store, drawn, by_features=which) for which in (False, True))
    assert by_features["accuracy"] == by_images["accuracy"] and by_features["by_domain"] == by_images["by_domain"]
    assert by_features["log_loss"] == pytest.approx(by_images["log_loss"], abs=1e-5)


class Forgetful(SimpleNamespace):
    """Looks at the features of a support set as if they were twice as long."""

    def adapt_features(self, support, labels):
        return self.model.adapt_features(2 * support, labels)


def test_features_that_are_others_are_noticed(model, store):
    episode = EpisodeSampler(store.index, SPEC, 0)(0)
    by_images = judge(model, encode_episode(store, episode))[1]
    same = ("manifest", "see", "embed_seen", "answers_by_features")
    given = {"model": model, **{name: getattr(model, name) for name in same}}
    found = check_features(Forgetful(**given), store, [episode], [by_images])
    assert found["holds"] is False and found["max_difference"] > 0.01


class Cheat:
    """Sees no image: answers by a query's place, for an unshuffled episode holds its queries class by class."""

    takes_features = False

    def episode(self, support, labels, query):
        way = labels.max() + 1
        return np.eye(way, dtype=np.float32)[np.arange(len(query)) * way // len(query)]

    def episode_answers(self, support, labels, query):
        return Answers(self.episode(support, labels, query), np.ones(len(query), np.float32))


@pytest.fixture(scope="module")
def untrained(tmp_path_factory):
    import keras

    from components.fewshot.base_models.conv4 import conv4
    from components.fewshot.model import MetaLearningModel

    keras.utils.set_random_seed(0)
    model = MetaLearningModel(conv4((16, 16, 1), 4), num_classes=3)
    model.compile(steps=0)
    model.fit(*toys.images(20, 8), validation_split=0, verbose=False)
    directory = str(tmp_path_factory.mktemp("untrained"))
    model.export(directory)
    return ServedModel(directory)


def accuracies_without_classes(model, store) -> list[float]:
    """On episodes whose images are dealt out to the classes at random, labels staying where they are."""
    rng, draw = np.random.default_rng(0), EpisodeSampler(store.index, SPEC, 0)
    found = []
    for i in range(100):
        encoded = encode_episode(store, draw(i))
        dealt = rng.permutation(np.array([*encoded.support, *encoded.query], object)).tolist()
        shuffled = encoded._replace(support=dealt[: len(encoded.support)], query=dealt[len(encoded.support) :])
        found.append(judge(model, shuffled)[0].accuracy)
    return found


def test_an_untrained_model_without_classes_is_at_chance(untrained, store):
    """A model that scores above chance here has seen the answers, as one that knows where a query stands has."""
    accuracies = accuracies_without_classes(untrained, store)
    assert abs(np.mean(accuracies) - 1 / 3) < 4 * np.std(accuracies, ddof=1) / 10
    assert np.mean(accuracies_without_classes(Cheat(), store)) == 1.0, "so a cheat would be caught"


class Renaming:
    """Tells all images by their content, but class 0 never."""

    def episode(self, support, labels, query):
        by_image = dict(zip(support, labels, strict=True))
        truth = np.array([by_image[image] for image in query])
        return np.eye(3, dtype=np.float32)[np.where(truth == 0, 1, truth)]


def test_how_much_the_names_of_classes_matter(model, store):
    draw = EpisodeSampler(store.index, EpisodeSpec(way=3, shot=1, query=2), 0)
    found = label_spread(model, [encode_episode(store, draw(i)) for i in range(3)])
    assert found == {"episodes": 3, "namings": 3, "std": 0.0}, "a learner without a fixed head does not know them"
    episode = draw(0)
    query = Draw(np.repeat(episode.support.rows, [1, 2, 3]), np.zeros(6, np.int32), np.repeat([0, 1, 2], [1, 2, 3]))
    # One, two or three of six queries are called 0, and missed: accuracies 5/6, 4/6, 3/6 with a deviation of 1/6.
    uneven = encode_episode(store, episode._replace(query=query))
    assert label_spread(Renaming(), [uneven])["std"] == pytest.approx(1 / 6)


def test_a_probability_that_is_none_is_not_passed_over(store):
    class Broken(Cheat):
        def episode(self, support, labels, query):
            return super().episode(support, labels, query) * (np.nan if len(query) < 12 else 1)

    found = check_independence(Broken(), store, [EpisodeSampler(store.index, SPEC, 0)(0)])
    assert found["holds"] is False and np.isnan(found["max_difference"])


class TestServedModel:
    def test_one_call_and_two(self, model, store):
        encoded = encode_episode(store, EpisodeSampler(store.index, SPEC, 0)(1))
        state = model.adapt(encoded.support, encoded.episode.support.labels)
        assert state.vector.dtype == np.float32 and state.num_classes == 3
        once = model.episode(encoded.support, encoded.episode.support.labels, encoded.query)
        np.testing.assert_allclose(model.predict(state, encoded.query), once, atol=1e-6)
        assert model.embed(encoded.query[:2]).shape[0] == 2

    def test_it_refuses_in_one_sentence(self, model, store):
        encoded = encode_episode(store, EpisodeSampler(store.index, SPEC, 0)(1))
        with pytest.raises(ValueError, match=r"^the model refuses: .*without gaps[^\n]*$"):
            model.episode(encoded.support, encoded.episode.support.labels + 1, encoded.query)
        with pytest.raises(ValueError, match="support_labels: expected .* in 0..W-1, got"):
            model.episode(encoded.support, np.full(6, 2**40), encoded.query)

    @pytest.mark.parametrize(
        ("bad", "said"),
        [(b"", "the file is empty"), (b"no image", "a text file"), (toys.png(IMAGES[0])[:150], "a part of this PNG")],
        ids=["zero bytes", "text", "truncated"],
    )
    def test_it_says_what_is_wrong_with_an_image(self, model, bad, said):
        with pytest.raises(ValueError, match=rf"^the model refuses: [^\n]*{said}[^\n]*$"):
            model.embed([bad])

    def test_no_model(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="no few-shot model at"):
            ServedModel(str(tmp_path))
