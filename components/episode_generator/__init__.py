"""EpisodeGenerator: it writes class-indexed image stores and frozen episodes."""
