"""Which earlier model is looked back at, on made-up histories."""

from tfx.types import standard_artifacts

from pipeline.history.resolvers import EPISODES_ID, BlessedBefore, BlessedOnOtherData


def model(number: int, episodes: int = 0):
    artifact = standard_artifacts.Model()
    artifact.id = number
    artifact.set_int_custom_property(EPISODES_ID, episodes)
    return artifact


def blessing(number: int, of: int, blessed: int = 1):
    artifact = standard_artifacts.ModelBlessing()
    artifact.id = number
    artifact.set_int_custom_property("current_model_id", of)
    artifact.set_int_custom_property("blessed", blessed)
    return artifact


def examples(number: int):
    artifact = standard_artifacts.Examples()
    artifact.id = number
    return artifact


def found(strategy, **inputs):
    resolved = strategy().resolve_artifacts(None, inputs)
    return [m.id for m in resolved["model"]], [b.id for b in resolved["model_blessing"]]


MODELS = [model(5, episodes=1), model(9, episodes=2), model(12, episodes=2)]
BLESSINGS = [blessing(6, 5), blessing(10, 9), blessing(13, 12, blessed=0)]


def test_blessed_before_the_current_model():
    def before(current):
        return found(BlessedBefore, model=MODELS[:], model_blessing=BLESSINGS[:], current=[model(current)])

    assert before(12) == ([9], [10])
    assert before(9) == ([5], [6])  # itself does not count: a second run looks back as the first did
    assert before(5) == ([], [])


def test_blessed_on_other_data():
    def other(episodes):
        return found(BlessedOnOtherData, model=MODELS[:], model_blessing=BLESSINGS[:], episodes=[examples(episodes)])

    assert other(2) == ([5], [6])
    assert other(1) == ([9], [10])
    assert other(77) == ([9], [10])


def test_nothing_yet():
    assert found(BlessedBefore, model=[], model_blessing=[], current=[model(3)]) == ([], [])
    assert found(BlessedOnOtherData, model=[model(3)], model_blessing=[], episodes=[examples(1)]) == ([], [])
