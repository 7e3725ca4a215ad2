"""ModelChooser: of several trained models it passes on the one that is best on validation classes."""
