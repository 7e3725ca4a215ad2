"""Whether images that came later are like those before, and whether a served model needs training for them.

Imports the rooms episodes, images, serving and evaluation.
"""
