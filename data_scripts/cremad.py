"""CREMA-D: download, check and unpack it. `python data_scripts/cremad.py FOLDER`, safe to repeat."""

from fetch.prepare import main

if __name__ == "__main__":
    main("cremad")
