"""LISTEN: what to do to get it, and check what is there. `python data_scripts/listen.py FOLDER`, safe to repeat."""

from fetch.prepare import main

if __name__ == "__main__":
    main("listen")
