from components.few_shot_evaluator import baselines as evaluator
from pipeline.baselines import BASELINES, baselines_of
from pipeline.config import load_settings
from pipeline.presets import find_preset


def baselines(**layer):
    run = load_settings(layer)
    return {name: baseline.settings(run) for name, baseline in baselines_of(run).items()}


def test_the_evaluator_knows_the_same_ones():
    assert tuple(BASELINES) == tuple(evaluator.BASELINES)


def test_node_ids_are_those_of_earlier_runs():
    """ML Metadata and its cache know nodes by these ids."""
    ids = {name: baseline.node_id for name, baseline in BASELINES.items()}
    known = {"transfer": "Baseline", "untrained": "Untrained", "pixels": "Pixels"}
    assert known.items() <= ids.items() and len(set(ids.values())) == len(ids)


def test_they_have_the_same_budget_and_start_cold():
    layer = {"training": {"steps": 70}, "warm_start": "served/1", "learner": {"name": "maml"}}
    settings, found = load_settings(layer), baselines(**layer)
    transfer, untrained, pixels = (found[name] for name in ("transfer", "untrained", "pixels"))
    assert transfer.training == settings.training and transfer.learner.name == "transfer"
    assert untrained.training.steps == 0 and untrained.learner.name == "maml"
    assert (pixels.base_model.name, pixels.learner.name, pixels.training.steps) == ("pixels", "protonet", 0)
    assert settings.trainer().warm_start and not any(baseline.warm_start for baseline in found.values())
    assert baselines(training={"steps": 70}, baseline_steps=9)["transfer"].training.steps == 9


def test_transfer_sees_as_many_images_as_all_stages():
    """Two stages of 100 and 50 steps of 30 images (5-way, 1 + 5 queries), the first with batches of 60: 6,000 + 1,500."""
    layer = {"training": {"steps": 50, "before": [{"steps": 100, "batch_size": 60}]}, "train_episodes": {"query": 5}}
    transfer = baselines(**layer)["transfer"]
    assert transfer.training.steps == 250 and transfer.training.before == ()
    assert baselines(**layer)["untrained"].training.all_steps == 0


def test_a_frozen_base_model_leaves_transfer_nothing_to_train():
    assert baselines(base_model={"trainable": "none"})["transfer"].training.steps == 0


def test_where_there_are_candidates_only_the_floor_is_a_baseline():
    candidates = [{"name": "one"}, {"name": "two", "learner": {"name": "transfer"}}]
    assert list(baselines_of(load_settings({"candidates": candidates}))) == ["pixels"]
    assert list(baselines_of(load_settings({}))) == ["transfer", "untrained", "pixels"]


def test_a_detector_has_baselines_of_its_own():
    run = load_settings(find_preset("detect"))
    found = {name: one.settings(run).learner for name, one in baselines_of(run).items()}
    assert list(found) == ["transfer", "untrained", "head_steps"]
    assert found["transfer"].settings == {} and found["head_steps"].settings == {"head_steps": 100}


def test_a_baseline_looks_at_as_many_regions_as_the_model():
    layer = {"learner": {"settings": {"proposals": 64, "alike": 0.5}}}
    run = load_settings(find_preset("detect"), layer)
    found = {name: one.settings(run).learner.settings for name, one in baselines_of(run).items()}
    assert found["transfer"] == {"proposals": 64, "alike": 0.5}
    assert found["head_steps"] == {"proposals": 64, "alike": 0.5, "head_steps": 100}
    assert found["untrained"] == run.learner.settings


def test_a_baseline_without_anything_to_train_on_does_not_end_the_run():
    """As where the model starts from an earlier one, and all classes are test classes."""
    settings = load_settings({"warm_start": "served/7"})
    assert settings.trainer().needs_training and not any(one.needs_training for one in baselines().values())
    assert all(one.warm_start is None for one in baselines(warm_start="served/7").values())
