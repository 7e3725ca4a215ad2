"""ImageExampleGen: image sets to tf.Examples, one split per class set."""
