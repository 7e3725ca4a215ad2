"""Transfer learning: an ordinary classifier's features and a new head, one file a head.

May import `learners.head`, `learners.interface` and what these import.
"""
