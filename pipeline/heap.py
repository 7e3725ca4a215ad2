"""The heap of this process."""

import ctypes
from contextlib import suppress

MMAP_THRESHOLD, TRIM_THRESHOLD = -3, -1  # M_MMAP_THRESHOLD and M_TRIM_THRESHOLD of <malloc.h>
LARGE = 64 * 2**20  # bytes; feature maps of a batch are up to 50 MB


def keep_freed_memory() -> None:
    """Lets glibc keep the memory of a freed tensor for the next one.

    By default it gives a large one back to the system, so that every batch through a network has its pages cleared anew,
    which takes up to half of the time. The image for clusters does the same by variables of its environment.
    """
    with suppress(AttributeError, OSError):  # another C library
        libc = ctypes.CDLL(None)
        libc.mallopt(MMAP_THRESHOLD, LARGE)
        libc.mallopt(TRIM_THRESHOLD, 4 * LARGE)
