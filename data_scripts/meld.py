"""MELD: download, check and unpack it. `python data_scripts/meld.py FOLDER`, safe to repeat."""

from fetch.prepare import main

if __name__ == "__main__":
    main("meld")
