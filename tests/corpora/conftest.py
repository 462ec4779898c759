"""Fixture corpora, each made and loaded once for all tests of this room."""

from __future__ import annotations

import functools

import corpus_trees
import pytest

from emolab import corpora


@pytest.fixture(scope="session")
def fixture_corpus(tmp_path_factory):
    """`fixture_corpus(name)` → (root, planted, corpus, report)."""

    @functools.cache
    def load(name):
        root = tmp_path_factory.mktemp(name) / "corpus"
        planted = corpus_trees.make(name, root)
        return root, planted, *corpora.load_published(name, root)

    return load
