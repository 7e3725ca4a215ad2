"""One episode as tensors: what a learner is given."""

from typing import Any, NamedTuple

from keras import ops


class Task(NamedTuple):
    """One episode as tensors; images are float32 in 0..1."""

    support: Any  # [S, H, W, C]
    support_labels: Any  # int32 [S], 0..way-1
    query: Any  # [Q, H, W, C]
    query_labels: Any  # int32 [Q], -1 for a distractor
    class_ids: Any  # int32 [way], of the whole training set

    @property
    def way(self) -> Any:
        """Number of classes, a scalar."""
        return ops.shape(self.class_ids)[0]
