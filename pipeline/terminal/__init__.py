"""What people see: results at 80 columns, progress, errors as sentences, a quiet terminal.

Imports nothing else of `pipeline`.
"""
