"""FeatureExtractor: it computes once for each image what the frozen trunk of a base model makes of it."""
