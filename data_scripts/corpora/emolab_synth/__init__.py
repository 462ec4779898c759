"""The embedded corpus: voices, faces and texts made from known parameters, so that the truth about every sample is on
record."""
