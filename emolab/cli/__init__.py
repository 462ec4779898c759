"""The command line: one file per verb, each with `register(app)`; `main.py` puts them together."""
