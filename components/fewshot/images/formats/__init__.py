"""What the header of each kind of file says, read inside a graph. May import only `components.fewshot.images.reading`."""
