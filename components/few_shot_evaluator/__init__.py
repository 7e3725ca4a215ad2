"""A model on frozen episodes: metrics, blessing, report."""
