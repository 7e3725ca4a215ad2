"""Decodes images to pixels, stores them by class, and feeds them to training.

May import `episodes`.
"""
