"""Thirteen public corpora as published on disk, tables, data sets and your own recordings, as one kind of table.

>>> from emolab.corpora import load_corpus
>>> corpus = load_corpus("ravdess:data/ravdess", labels="emolab-7")  # doctest: +SKIP
>>> corpus.report.summary()["skipped"]  # doctest: +SKIP
{'calm: no such label in the target': 192}
"""

from emolab.corpora.catalogue import CORPORA, CorpusInfo, info
from emolab.corpora.spec import LOADERS, corpus_folds, fold_names, load, load_corpus, relabel, respell
from emolab.emotions import label_set
from emolab.media.usable import CHECKS, Check

__all__ = [
    "CHECKS",
    "CORPORA",
    "LOADERS",
    "Check",
    "CorpusInfo",
    "corpus_folds",
    "fold_names",
    "info",
    "label_set",
    "load",
    "load_corpus",
    "relabel",
    "respell",
]
