"""The outer loop: settings, optimizer, layouts of a meta-batch, step, selection of weights, checkpoint.

May import `episodes`, `images`, `base_models` and `learners`.
"""
