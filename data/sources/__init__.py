"""Readers of image sets: folders, class lists, TFRecords, and what they must hold.

May import `data.settings`.
"""
