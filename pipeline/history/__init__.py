"""What ML Metadata knows: runs, lineage, and the earlier models that a run needs.

Imports nothing else of `pipeline`.
"""
