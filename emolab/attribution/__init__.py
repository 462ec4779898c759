"""Which modality, word, moment or face region carried the answer; and how far each method can be believed."""
