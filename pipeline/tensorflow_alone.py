"""TensorFlow without Keras: it imports all of Keras for a name of its own, which takes nearly as long as TensorFlow itself."""

import sys


def import_tensorflow_alone() -> None:
    """Imports TensorFlow, for commands that only call the signatures of a model. Keras can still be imported afterwards."""
    if "tensorflow" in sys.modules or "keras" in sys.modules:
        return
    sys.modules["keras"] = None  # type: ignore[assignment]  # as Python marks what cannot be imported
    try:
        import tensorflow  # noqa: F401
    finally:
        del sys.modules["keras"]
