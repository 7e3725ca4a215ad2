"""The built-in image set: characters of many scripts, drawn from fonts that come with matplotlib.

Imports nothing else of `data`.
"""

from data.glyphs.generate import generate_glyphs

__all__ = ["generate_glyphs"]
