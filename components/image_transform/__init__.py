"""ImageTransform: stock TFX Transform with our preprocessing function."""
