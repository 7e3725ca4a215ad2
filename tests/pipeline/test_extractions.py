"""Which features a run computes, and the nodes that do it."""

from pipeline.config import load_settings
from pipeline.extractions import extractions, features_of


def trainer(**base_model):
    return load_settings({"seed": 4, "base_model": base_model}).trainer()


def test_whose_features_a_training_reads():
    frozen = trainer(trainable="last 2")
    features = features_of(frozen)
    assert (features.base_model, features.image, features.seed) == (frozen.base_model, frozen.image, 4)
    assert features_of(trainer()) is None


def test_trainings_behind_the_same_trunk_share_a_node():
    found = extractions([trainer(trainable="none"), trainer(), trainer(trainable="last 2"), trainer(trainable="none")])
    assert [one.node_id for one in found] == ["Features-none", "Features-last-2"]


def test_other_features_of_the_same_name_have_a_number():
    trainers = [trainer(trainable="none"), trainer(trainable="none", views=2), trainer(trainable="none", name="mlp")]
    assert [one.node_id for one in extractions(trainers)] == ["Features-none", "Features-none-2", "Features-none-3"]
