"""The outer loop: settings, optimizer, layouts of a meta-batch, step, validation and choice of weights, history, checkpoint.

May import `episodes`, `boxes`, `images`, `base_models` and `learners`, and of `evaluation` how detections are scored.
"""
