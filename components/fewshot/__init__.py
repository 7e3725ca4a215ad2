"""The science: episodes, base models, learners, training loop, serving signatures, metrics; nothing of TFX or Beam."""
