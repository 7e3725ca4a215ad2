"""What ML Metadata knows: runs, lineage, and the earlier models that a run looks back at.

Imports nothing else of `pipeline`.
"""
