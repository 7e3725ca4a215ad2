"""Learners that compare features: one file a paper.

May import `learners.head`, `learners.interface` and what these import.
"""
