"""Measurements: each module is one command, and prints a table of docs/benchmarks.md."""
