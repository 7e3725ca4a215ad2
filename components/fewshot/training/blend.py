"""WiSE-FT (Wortsman et al. 2022, https://arxiv.org/abs/2109.01903): trained weights, blended with those that training began with.

Fine-tuning gains on what it is trained on and forgets some of what the weights knew of other images; between the two lie
weights that are better than either on new classes.
"""

from collections.abc import Mapping

import keras
import numpy as np

from components.fewshot.learners.interface import Learner


def blendable(learner: Learner) -> dict[str, keras.Variable]:
    """The variables that are blended, by name: what was trained of the base model, and the moments of its normalisation.

    Moments belong to the weights before them; those of either end would normalise the blend wrongly. What a learner has of
    its own began at random, and stays as it was trained.
    """
    known = learner.base.weights
    return {
        name: variable
        for name, variable in learner.named_variables().items()
        if id(variable) in known and known[id(variable)].kind in ("trained", "moment")
    }


def blend(variables: Mapping[str, keras.Variable], start: Mapping[str, np.ndarray], share: float) -> None:
    """Gives each variable `share` of its value in `start`, and keeps the rest of its own."""
    for name, variable in variables.items():
        variable.assign(share * start[name] + (1.0 - share) * variable.numpy())
