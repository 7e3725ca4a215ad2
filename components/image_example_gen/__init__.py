"""ImageExampleGen: it reads image sets and writes tf.Examples, with the splits train, val and test."""
