"""The pipeline: what is chained, with which settings, where it runs. May import `components` and `data`."""
