"""Readers of image sets, the built-in `glyphs` set and the schema of examples; imports nothing of TFX or Beam."""
