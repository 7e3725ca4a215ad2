"""Node that compares images that came with those that the model in production knows, and decides whether to train."""
