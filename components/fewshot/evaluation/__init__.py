"""How a served model is judged: one episode, checks beside accuracy, metrics over many.

May import `episodes`, `images` and `serving`.
"""
