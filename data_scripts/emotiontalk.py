"""EmotionTalk: how to get it, and check what is there. `python data_scripts/emotiontalk.py FOLDER`, safe to repeat."""

from fetch.prepare import main

if __name__ == "__main__":
    main("emotiontalk")
