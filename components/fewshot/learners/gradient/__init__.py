"""Learners that adapt by gradient descent: one file a paper.

May import `learners.interface` and what that imports.
"""
