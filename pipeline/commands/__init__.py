"""The work of the commands, one file per command. `pipeline/cli.py` only declares them.

May import all of `pipeline`, `components` and `data`.
"""
