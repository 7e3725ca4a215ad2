"""What an episode is, how it is drawn, and how it is frozen.

Imports no other room.
"""
