"""Learners that compare features: one file a paper.

May import `learners.interface` and what that imports.
"""
