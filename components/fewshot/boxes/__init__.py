"""Geometry of boxes in `keras.ops`: overlap, encoding, anchors, what a map holds within a box, matching, suppression.

A box is float32 [4], ymin, xmin, ymax, xmax, in 0..1 of its image. All is pure and deterministic, on a GPU too: no gradient is
gathered or scattered. Imports no other room.
"""
