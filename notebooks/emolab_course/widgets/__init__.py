"""Notebook widgets: thin views over functions that work without them. Each needs ipywidgets (`pip install
emolab[course]`)."""
