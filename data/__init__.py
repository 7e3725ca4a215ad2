"""Readers of image sets, the built-in `glyphs` set and the schema of examples. It does not import TFX or Beam."""
