"""Settings of runs that take seconds, over the preset `images`; the tiny one learns next to nothing."""

SMALL = {
    "name": "small",
    "image": {"height": 16, "width": 16, "channels": 1},
    "train_episodes": {"way": 4, "shot": [1, 2], "query": 3},
    "episodes": {"way": [3, 5], "shot": [1, 2], "query": 4},
    "validation_episodes": 6,
    "test_episodes": 12,
    "also": [{"spec": {"way": 3, "shot": 3, "query": 4}, "episodes": 4}],
    "base_model": {"settings": {"filters": 8}},
    "training": {"steps": 30, "validate_every": 10, "checkpoint_every": 5, "learning_rate": 0.005},
    "gate": {"require_baselines": False, "margin": 0.5},
}
TINY = {
    "image": {"height": 16, "width": 16, "channels": 1},
    "base_model": {"settings": {"filters": 4}},
    "validation_episodes": 4,
    "test_episodes": 6,
    "training": {"steps": 4, "validate_every": 2},
    "baseline_steps": 2,
    "gate": {"require_baselines": False},
}
