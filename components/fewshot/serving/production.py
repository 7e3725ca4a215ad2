"""Earlier models that a candidate is compared with: the one in production, and the best one that was judged on its test set."""

from collections.abc import Sequence

from components.fewshot.serving.manifest import Manifest

SAME_EPISODES = ("way", "shot", "query")


def best_on_same_test(paths: Sequence[str], manifest: Manifest) -> str | None:
    """The path, among those of pushed versions, with the highest accuracy on the test images and the kind of episodes of
    `manifest`; the newest of equals. None if none was judged on them."""
    found = [(accuracy, path) for path in paths if (accuracy := _accuracy(path, manifest)) is not None]
    return max(found, key=lambda pair: (pair[0], paths.index(pair[1])))[1] if found else None


def _accuracy(path: str, manifest: Manifest) -> float | None:
    """The accuracy that the version in `path` was pushed with, if it was measured on the same test set."""
    try:
        other = Manifest.read(path)
    except (FileNotFoundError, ValueError):
        return None  # pushed by another tool, or by another version of this package
    test = other.data.get("fingerprint_test")
    if not test or test != manifest.data.get("fingerprint_test"):
        return None
    if any(other.metrics.get(key) != manifest.metrics.get(key) for key in SAME_EPISODES if key in manifest.metrics):
        return None
    accuracy = other.metrics.get("accuracy")
    return float(accuracy) if isinstance(accuracy, int | float) else None
