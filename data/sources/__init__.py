"""Readers of image sets (folders, class lists, TFRecords), and checks of what they hold.

May import `data.settings` and `data.spans`.
"""
