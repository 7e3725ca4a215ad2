"""Exports a learner as a SavedModel with its signatures, manifest and list of seen classes; also the client's view of it.

May import `episodes`, `images`, `base_models` and `learners`.
"""
