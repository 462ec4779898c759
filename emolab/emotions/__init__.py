"""Emotions: label sets, the names of emotions in the wild, and how far emotions lie apart. Standard library only."""

from emolab.emotions.denial import label_in_sentence
from emolab.emotions.labels import EMOLAB_7, LABEL_SETS, LabelSet, label_set, label_set_of, normalise_label
from emolab.emotions.maps import LabelMap, label_map
from emolab.emotions.names import ALIASES, EMOTIONS, OTHERS, concept
from emolab.emotions.similarity import PLUTCHIK_DEGREES, VAD, Place, SimilarityTable, similarity

__all__ = [
    "ALIASES", "EMOLAB_7", "EMOTIONS", "LABEL_SETS", "OTHERS", "PLUTCHIK_DEGREES", "VAD", "LabelMap", "LabelSet",
    "Place", "SimilarityTable", "concept", "label_in_sentence", "label_map", "label_set", "label_set_of",
    "normalise_label", "similarity",
]  # fmt: skip
