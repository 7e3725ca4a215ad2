"""Checks that a split has enough classes and images for its episodes, before anything runs."""

from collections import Counter
from collections.abc import Mapping

from data.sources.folders import domain_of

MENDS = {
    "train": "add classes to train",
    "val": "name a validation set (val_dir), raise validation_split, or add classes to train",
    "test": "add classes to test",
}
TURNS = 4  # with rotations each class counts as four


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
      way: the largest number of classes in an episode, distractors included.
      images_per_class: the largest number of images that an episode needs of a class, shot + query.
      rotations: whether a class turned by 90, 180 and 270 degrees counts as new classes.
      within_domain: whether all classes of an episode come from one domain.

    Raises:
      ValueError: there are too few classes; the message says how many are needed, and which setting to change.
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
    inside = ", or switch within_domain off" if within_domain else ""
    raise ValueError(
        f"{where} has {len(usable)} {'class' if len(usable) == 1 else 'classes'}{turned} with at least {images_per_class}"
        f" images (shot + query), but its episodes need {way}{small}: {MENDS[split]}, or lower way{inside}"
    )
