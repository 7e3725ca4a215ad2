"""Whether a split holds enough classes and images for its episodes: asked before anything runs."""

from collections import Counter
from collections.abc import Mapping

from data.sources.folders import domain_of

MENDS = {
    "train": "add classes to train",
    "val": "name a validation set (val_dir), raise validation_split, or add classes to train",
    "test": "add classes to test",
}
TURNS = 4  # with rotations each class stands for four


def check_enough(
    counts: Mapping[str, int],
    *,
    split: str,
    way: int,
    images_per_class: int,
    rotations: bool = False,
    within_domain: bool = False,
) -> None:
    """Checks that one episode of `split` can be drawn.

    Args:
      counts: {class name: number of images} of the split.
      split: "train", "val" or "test".
      way: the largest number of classes of an episode, distractors included.
      images_per_class: shot + query, the largest an episode asks of a class.
      rotations: quarter turns count as classes of their own.
      within_domain: all classes of an episode come from one domain.

    Raises:
      ValueError: how many classes there are, how many are needed, which setting mends it.
    """
    usable = [name for name, images in counts.items() if images >= images_per_class]
    where = f"the {split} split"
    if within_domain and usable:
        domain = Counter(map(domain_of, usable)).most_common(1)[0][0]
        usable = [name for name in usable if domain_of(name) == domain]
        where = f"the largest domain ({domain!r}) of {where}"
    there = len(usable) * (TURNS if rotations else 1)
    if there >= way:
        return
    turned = f" ({there} with rotations)" if rotations else ""
    short = len(counts) - sum(images >= images_per_class for images in counts.values())
    small = f"; {short} more have fewer images, so a smaller shot or query would help" if short else ""
    inside = ", or turn within_domain off" if within_domain else ""
    raise ValueError(
        f"{where} has {len(usable)} {'class' if len(usable) == 1 else 'classes'}{turned} with at least {images_per_class}"
        f" images (shot + query), but its episodes need {way}{small}: {MENDS[split]}, or lower way{inside}"
    )
