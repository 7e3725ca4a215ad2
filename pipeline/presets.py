"""Settings by name. The comment of a preset gives its command, its time on two cores and its result."""

GLYPHS: dict[str, object] = {
    "name": "glyphs",
    "image": {"height": 28, "width": 28, "channels": 1, "invert": True},
    "train_episodes": {"way": 20, "shot": 1, "query": 5},
    "episodes": {"way": 5, "shot": 1, "query": 15},
    "validation_episodes": 150,
    "test_episodes": 600,
    "also": [
        {"spec": {"way": 5, "shot": 5, "query": 15}, "episodes": 100},
        {"spec": {"way": 20, "shot": 1, "query": 15}, "episodes": 50},
    ],
    "learner": {"name": "nca"},
    "training": {"steps": 1200, "learning_rate": 2e-3, "validate_every": 200},
}

OMNIGLOT: dict[str, object] = {
    "name": "omniglot",
    "image": {"height": 28, "width": 28, "channels": 1, "invert": True},
    "train_episodes": {"way": 60, "shot": 1, "query": 5, "rotations": True},
    "episodes": {"way": 5, "shot": 1, "query": 15, "rotations": True},
    "validation_episodes": 200,
    "test_episodes": 1000,
    "also": [{"spec": {"way": 20, "shot": 1, "query": 15, "rotations": True}, "episodes": 1000}],
    "learner": {"name": "nca"},
    "training": {"steps": 3800, "learning_rate": 2e-3, "validate_every": 950},
}

FITTED: dict[str, object] = {"way": None, "shot": None, "query": None}

CHARACTERISTIC: dict[str, object] = {"distance": "cosine", "centre": 0.5}  # of features of a pretrained network

PHOTOS: dict[str, object] = {
    "name": "photos",
    "image": {"height": 224, "width": 224, "channels": 3},
    "train_episodes": FITTED,
    "episodes": FITTED,
    "validation_episodes": 300,
    "test_episodes": 1000,
    "also": [{"spec": FITTED | {"shot": shot}, "episodes": 1000} for shot in (2, 5, 10)],
    "base_model": {"name": "efficientnet_lite0", "trainable": "none"},
    "learner": {"name": "protonet", "settings": CHARACTERISTIC},
    "training": {"steps": 0, "learning_rate": 1e-3, "validate_every": 200},
}

BY_BOXES: dict[str, object] = {"learning_rate": 2e-3, "gradient_clip": 5.0}  # how detectors are trained

DETECT: dict[str, object] = {
    "name": "detect",
    "glyphs": "scenes",
    "image": {"height": 128, "width": 128, "channels": 1, "fit": "pad"},
    "train_episodes": {"way": 5, "shot": 2, "query": 1, "negatives": 1},
    "episodes": {"way": 5, "shot": 1, "query": 2, "negatives": 2},
    "validation_episodes": 40,
    "test_episodes": 250,
    "also": [{"spec": {"way": 5, "shot": 5, "query": 2, "negatives": 2}, "episodes": 100}],
    "base_model": {"name": "faster_rcnn", "settings": {"sizes": [0.12, 0.18, 0.27, 0.4], "ratios": [1.0]}},
    "learner": {"name": "protonet", "settings": {"auxiliary": 0.5, "cohort": 0.5}},
    "training": BY_BOXES | {"steps": 1600, "validate_every": 1600},
}

# Candidates for photographs. The comment of each says what it is.
FROZEN = {"name": "frozen"}  # class means of the features as they are
WHITENED = {"name": "whitened", "learner": {"settings": {"whiten": 10}}}
RESIDUAL = {"name": "residual", "learner": {"settings": {"residual": 0.01}}, "training": {"steps": 800}}
TRANSFER = {"name": "transfer", "learner": {"name": "transfer"}}  # a new head by softmax regression
TUNED = {  # the last five blocks tuned as an ordinary classifier, then class means of whitened features
    "name": "tuned",
    "base_model": {"trainable": "last 16", "views": 2},
    "learner": {"settings": {"whiten": 10}},
    "training": {
        "before": [
            {
                "learner": {"name": "transfer", "settings": {"classifier": "cosine", "centre": 0.5}},
                "steps": 200,  # more fit the train classes ever better, and the validation classes no better
                "batch_size": 64,
                "learning_rate": 3e-4,
                "warm_up": 50,
                "head_rate": 10.0,
                "label_smoothing": 0.1,
                "blend": 0.3,
            }
        ]
    },
}

PRESETS: dict[str, dict[str, object]] = {
    # fewshot run --preset glyphs: the built-in characters of many scripts, 5-way 1-shot. 6 minutes, 97.2 %.
    "glyphs": GLYPHS,
    # fewshot run --preset glyphs-colour: the same characters in colour. 6 minutes.
    "glyphs-colour": GLYPHS
    | {"name": "glyphs-colour", "glyphs": "colour", "image": {"height": 28, "width": 28, "channels": 3}},
    # fewshot run --preset glyphs-tiny: a short run that shows whether everything works. 1 minute, about 55 %.
    "glyphs-tiny": GLYPHS
    | {
        "name": "glyphs-tiny",
        "validation_episodes": 10,
        "test_episodes": 20,
        "also": [{"spec": {"way": 5, "shot": 5, "query": 15}, "episodes": 5}],
        "base_model": {"name": "conv4", "settings": {"filters": 16}},
        "training": {"steps": 40, "learning_rate": 5e-3, "validate_every": 20},
    },
    # fewshot run --preset glyphs-maml: second-order MAML on the built-in characters. 10 minutes.
    "glyphs-maml": GLYPHS
    | {
        "name": "glyphs-maml",
        "train_episodes": {"way": 5, "shot": 1, "query": 5},
        "also": [{"spec": {"way": 5, "shot": 5, "query": 15}, "episodes": 100}],
        "learner": {"name": "maml"},
        "training": {"steps": 1200, "meta_batch": 4, "learning_rate": 1e-3, "validate_every": 200},
    },
    # fewshot run --preset omniglot --images background --images evaluation --splits splits.json#vinyals: 14 minutes to train the
    # model, as long for the baseline, 5 for the rest. 98.7 % for 5-way 1-shot, 96.2 % for 20-way 1-shot.
    "omniglot": OMNIGLOT,
    # fewshot run --preset omniglot-maml, with images and splits as above: 30 minutes, 90.7 %.
    "omniglot-maml": OMNIGLOT
    | {
        "name": "omniglot-maml",
        "train_episodes": {"way": 5, "shot": 1, "query": 5, "rotations": True},
        "validation_episodes": 300,
        "also": [],
        "learner": {"name": "maml"},
        "training": {"steps": 2000, "meta_batch": 8, "learning_rate": 1e-3, "validate_every": 250},
    },
    # fewshot run --images D: your own photographs. A network that was trained on ImageNet, with the best of five heads. On
    # Caltech-101 6 minutes, 94.1 %.
    "photos": PHOTOS | {"candidates": [FROZEN, WHITENED, RESIDUAL, TRANSFER, TUNED]},
    # fewshot run --preset photos-fast --images D: the same without anything that is trained step by step, and with 20 images of
    # each training class. 3 minutes; its whitened features have 91.7 % there.
    "photos-fast": PHOTOS
    | {
        "name": "photos-fast",
        "base_model": {"name": "efficientnet_lite0", "trainable": "none", "images_per_class": 20},
        "candidates": [FROZEN, WHITENED, TRANSFER],
    },
    # fewshot run --preset photos-scratch --images D: the same without weights from outside. There 8 minutes, 55 %.
    "photos-scratch": PHOTOS
    | {
        "name": "photos-scratch",
        "image": {"height": 64, "width": 64, "channels": 3},
        "base_model": {"name": "conv4"},
        "learner": {"name": "nca"},
        "training": {
            "steps": 800,
            "learning_rate": 2e-3,
            "validate_every": 200,
            "augmentation": {"crop": 0.6, "flip": True, "colour": 0.3},
        },
    },
    # fewshot run --preset detect: finds characters of unseen scripts in scenes, from one object of each. 26 minutes, AP50
    # of 79.5 %, with five objects 88.5 %.
    "detect": DETECT,
    # fewshot run --preset detect-photos --images D: the same for your own photographs, which boxes are annotated in, on a network
    # that was trained on ImageNet. 40 minutes with 1,700 images.
    "detect-photos": DETECT
    | {
        "name": "detect-photos",
        "image": {"height": 256, "width": 256, "channels": 3, "fit": "pad"},
        # Images drawn by class are mostly of the set with the most classes; those without any of the classes are drawn from all,
        # and boxes need them.
        "train_episodes": {"way": None, "shot": 1, "query": None, "negatives": 6},
        "episodes": {"way": None, "shot": None, "query": None, "negatives": 2},
        "test_episodes": 100,
        "also": [
            {"spec": {"way": None, "shot": shot, "query": None, "negatives": 2}, "episodes": 50} for shot in (5, 10)
        ],
        "training": BY_BOXES
        | {
            "steps": 600,
            "validate_every": 600,
            "augmentation": {"flip": True, "zoom": 0.4, "translation": 0.1},
        },
        "learner": {"name": "protonet", "settings": {"auxiliary": 0.5, "cohort": 0.25, "alike": 0.5}},
        "base_model": {
            "name": "faster_rcnn",
            "settings": {
                "trunk": "efficientnet_lite0",
                "stride": 8,
                "frozen": True,
                "plain": 96,
                "sizes": [0.07, 0.13, 0.25, 0.5],
                "ratios": [0.5, 1.0, 2.0],
            },
        },
    },
    # fewshot run --preset images --images D: settings to start from for characters and drawings, from random weights.
    "images": {
        "name": "images",
        "image": {"height": 64, "width": 64, "channels": 3},
        "train_episodes": FITTED,
        "episodes": FITTED,
        "validation_episodes": 200,
        "test_episodes": 600,
        "training": {"steps": 1200, "validate_every": 200},
    },
}


def find_preset(name: str) -> dict[str, object]:
    """Returns the settings of a preset.

    Raises:
      ValueError: there is no such preset; the message lists those that exist.
    """
    if name not in PRESETS:
        raise ValueError(f"--preset: no {name!r}; there are {', '.join(PRESETS)}")
    return PRESETS[name]
