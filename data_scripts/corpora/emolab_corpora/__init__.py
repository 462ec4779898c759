"""The sixteen published corpora, a loader each; `emolab` finds them by their entry points."""
