"""What is known of each image once it has been read."""

from typing import NamedTuple


class Fact(NamedTuple):
    """What happened to one image: it was set aside if there is a `reason`, and written otherwise."""

    split: str
    class_name: str
    source_id: str
    path: str
    reason: str = ""
    domain: str = ""
    format: str = ""
    height: int = 0
    width: int = 0
    flags: tuple[str, ...] = ()
    digest: str = ""  # of the decoded pixels: equal for the same picture in two encodings
