"""Learners whose head is the exact solution of a regression: one file a paper.

May import `learners.head`, `learners.interface` and what these import.
"""
