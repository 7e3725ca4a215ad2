"""How the arrays of a notebook come to learners, and what comes back: a door for each kind of task.

May import `episodes`, `images`, `base_models`, `learners` and `serving`, and of `training` the settings.
"""
