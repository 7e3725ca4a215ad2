"""The pipeline: its graph, its settings, its commands and its platforms. May import `components` and `data`."""
