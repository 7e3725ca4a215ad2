"""Transfer learning: an ordinary classifier's features and a new head, one file a head.

May import `learners.interface` and what that imports.
"""

from components.fewshot.learners.interface import unit
from components.fewshot.learners.transfer.softmax_head import Transfer

__all__ = ["Transfer", "unit"]
