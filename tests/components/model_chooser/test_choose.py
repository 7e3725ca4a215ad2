"""The choice by validation classes."""

from components.model_chooser.choose import choose


def candidate(name, accuracy):
    validation = None if accuracy is None else {"step": 1, "accuracy": accuracy, "ci95": 0.1, "loss": 1.0}
    facts = {"learner": "protonet", "base_model": "conv4", "trainable": "all", "steps": 1, "seconds": 2.0}
    return {"name": name, "validation": validation, **facts}


def test_the_highest_accuracy_is_chosen():
    candidates = [candidate("a", 0.5), candidate("b", 0.7), candidate("c", 0.6)]
    assert choose(candidates) == {"chosen": "b", "candidates": candidates}


def test_of_two_that_are_equal_the_first():
    assert choose([candidate("a", 0.5), candidate("b", 0.7), candidate("c", 0.7)])["chosen"] == "b"


def test_without_validation_the_first():
    assert choose([candidate("a", None), candidate("b", None)])["chosen"] == "a"
