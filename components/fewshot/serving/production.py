"""Earlier models that a candidate is compared with: the one in production, and the best one that was judged on its test set."""

from collections.abc import Sequence

from components.fewshot.serving.manifest import Manifest
from components.fewshot.settings.metrics import METRICS

SAME_EPISODES = ("way", "shot", "query")


def best_on_same_test(paths: Sequence[str], manifest: Manifest) -> str | None:
    """The path, among those of pushed versions, with the highest figure of their kind of task on the test images and the
    episodes of `manifest`; the newest of equals. None if none was judged on them."""
    found = [(figure, path) for path in paths if (figure := _figure(path, manifest)) is not None]
    return max(found, key=lambda pair: (pair[0], paths.index(pair[1])))[1] if found else None


def _figure(path: str, manifest: Manifest) -> float | None:
    """The figure that the version in `path` was pushed with, if it was measured on the same test set."""
    try:
        other = Manifest.read(path)
    except (FileNotFoundError, ValueError):
        return None  # pushed by another tool, or by another version of this package
    test = other.data.get("fingerprint_test")
    if other.kind != manifest.kind or not test or test != manifest.data.get("fingerprint_test"):
        return None
    if any(other.metrics.get(key) != manifest.metrics.get(key) for key in SAME_EPISODES if key in manifest.metrics):
        return None
    figure = other.metrics.get(METRICS[other.kind].key)
    return float(figure) if isinstance(figure, int | float) else None
