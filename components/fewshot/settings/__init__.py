"""What a user chooses by name or by number: the learner, the base model, the optimizer, the form of images.

Imports no other room, and neither TensorFlow nor Keras, so that a mistake in the settings of a run is told at once.
"""
