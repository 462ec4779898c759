"""Thirteen public corpora as published on disk, tables, data sets and your own recordings, as one kind of table.

>>> from emolab.corpora import load_corpus
>>> corpus = load_corpus("ravdess:data/ravdess", labels="emolab-7")  # doctest: +SKIP
>>> corpus.report.summary()["skipped"]  # doctest: +SKIP
{'calm: no such label in the target': 192}
"""

from emolab.corpora.catalogue import CORPORA, info
from emolab.corpora.spec import LOADERS, corpus_folds, fold_names, load_corpus, load_published, relabel
from emolab.media.usable import CHECKS

load = load_published  # earlier name

__all__ = [
    "CHECKS",
    "CORPORA",
    "LOADERS",
    "corpus_folds",
    "fold_names",
    "info",
    "load",
    "load_corpus",
    "load_published",
    "relabel",
]
