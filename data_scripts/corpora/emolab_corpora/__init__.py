"""The published corpora, a loader each: the sixteen of the catalogue, EmotionCoT and MMEVerse. `emolab` finds them by
their entry points."""
