"""Weights by name and kind, so that no code depends on a position in a list or on a dtype.

Keras numbers all layers of a process (`conv2d_7`), so a second model of the same kind has other paths. Here the numbers
start anew within each model: the first is `conv2d/kernel`, whatever was built before.
"""

import re
from collections.abc import Iterable
from typing import Literal, NamedTuple

import keras

Kind = Literal["trained", "frozen", "moment", "seed"]
MOMENTUM = 0.9  # of moments whose layer has no momentum


class Weight(NamedTuple):
    """One weight: `trained` by the outer loop, `frozen`, a `moment` of normalisation, or the `seed` of a random layer."""

    name: str
    kind: Kind
    variable: keras.Variable
    momentum: float = MOMENTUM  # of a moment: the share of the stored value that one update keeps


def weights_of(model: keras.Model) -> dict[int, Weight]:
    """The weights of a model, by the identity of their variables.

    Names follow the order of the layers, so that freezing one renames none.
    """
    trained = {id(variable) for variable in model.trainable_variables}
    momenta = {
        id(variable): float(getattr(layer, "momentum", MOMENTUM))
        for layer in model._flatten_layers()
        if layer.trainable  # the moments of a frozen layer do not move: they are frozen with it
        for variable in layer._non_trainable_variables
        if "float" in variable.dtype  # a count of steps is no moment
    }

    def kind(variable: keras.Variable) -> Kind:
        if id(variable) in trained:
            return "trained"
        if variable.path.split("/")[-1] == "seed_generator_state":
            return "seed"
        return "moment" if id(variable) in momenta else "frozen"

    names = names_of(variable.path for variable in model.variables)
    return {
        id(variable): Weight(name, kind(variable), variable, momenta.get(id(variable), MOMENTUM))
        for variable, name in zip(model.variables, names, strict=True)
    }


def names_of(paths: Iterable[str]) -> list[str]:
    """Unique names from paths of variables, with the layers numbered anew: `conv2d_7/kernel` becomes `conv2d/kernel` if it is
    the first of its kind."""
    numbered: dict[tuple[str, str], str] = {}
    count: dict[tuple[str, str], int] = {}
    taken: set[str] = set()
    names = []
    for path in paths:
        *folders, last = path.split("/")
        before = ""
        for folder in folders:
            if (before, folder) not in numbered:
                stem = re.sub(r"_\d+$", "", folder)
                number = count.get((before, stem), 0)
                count[before, stem] = number + 1
                numbered[before, folder] = f"{stem}_{number}" if number else stem
            before = f"{before}/{numbered[before, folder]}".lstrip("/")
        name = stem = f"{before}/{last}".lstrip("/")
        again = 1
        while name in taken:
            name, again = f"{stem}@{again}", again + 1
        taken.add(name)
        names.append(name)
    return names
