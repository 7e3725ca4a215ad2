"""A learner as a SavedModel: signatures, manifest, the classes it has seen, and the model as its caller sees it.

May import `episodes`, `images`, `base_models` and `learners`.
"""
