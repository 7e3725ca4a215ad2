"""ImageTransform: TFX's own Transform with our preprocessing function."""
