"""Evaluates a served model: on one episode, by checks beside accuracy, and by metrics over many episodes.

May import `episodes`, `images` and `serving`.
"""
