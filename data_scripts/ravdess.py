"""RAVDESS: download, check and unpack it. `python data_scripts/ravdess.py FOLDER [--video]`, safe to repeat."""

from fetch.prepare import main

if __name__ == "__main__":
    main("ravdess")
