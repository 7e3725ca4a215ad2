"""From encoded images to pixels, from pixels to a store indexed by class, from a store to training.

May import `episodes`.
"""
