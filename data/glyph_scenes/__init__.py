"""The built-in set with boxes: scenes with characters of many scripts, drawn from fonts that come with matplotlib.

May import `data.glyphs`.
"""

from data.glyph_scenes.generate import generate_glyph_scenes

__all__ = ["generate_glyph_scenes"]
