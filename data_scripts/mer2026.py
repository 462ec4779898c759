"""MER2026: what to do to get it, and check what is there. `python data_scripts/mer2026.py FOLDER`, safe to repeat."""

from fetch.prepare import main

if __name__ == "__main__":
    main("mer2026")
