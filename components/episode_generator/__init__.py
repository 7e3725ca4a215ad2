"""Examples to a class-indexed image store and frozen episodes."""
