"""Blessed models to where TF Serving finds them."""
