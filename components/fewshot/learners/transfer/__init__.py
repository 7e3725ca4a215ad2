"""Transfer learning: an ordinary classifier's features and a new head, one file a head.

May import `learners.interface` and what that imports.
"""
