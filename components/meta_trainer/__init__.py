"""Episodes to a SavedModel that adapts."""
