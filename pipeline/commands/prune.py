"""`fewshot runs prune`: removes what old runs have left in a root."""

from components.fewshot.serving.versions import version_paths
from pipeline.commands.root_checks import destinations, live_artifacts
from pipeline.history.database import tell
from pipeline.history.homes import home_of
from pipeline.history.pruning import Pruned, prune
from pipeline.plain_path import plain_path
from pipeline.platforms.local import locked


def prune_runs(root: str, keep: int, dry: bool = False) -> Pruned:
    """Removes what neither the newest runs nor the models in production need.

    Args:
      root: local directory of runs.
      keep: how many runs stay whole.
      dry: whether nothing is removed.

    Raises:
      ValueError: a run is going on in this root, or there are no runs.
    """
    root = plain_path(root)
    home_of(root).expect()
    with locked(root):
        return pruned(root, keep, dry)


def pruned(root: str, keep: int, dry: bool = False) -> Pruned:
    """Does the same for whoever has locked the root."""
    places = destinations(root, live_artifacts(root))
    served = [versions[-1] for place in places if (versions := version_paths(place))]
    found = prune(root, keep, served, dry)
    if found.directories and not dry:
        home_of(root).save(tell)
    return found


def told(found: Pruned, dry: bool = False) -> str:
    """Returns a sentence about what was removed."""
    if not found.directories:
        return "nothing to remove"
    what = f"{len(found.directories):,} directories of earlier runs, {found.bytes / 1e6:,.0f} MB"
    return f"would remove {what}" if dry else f"removed {what}"
