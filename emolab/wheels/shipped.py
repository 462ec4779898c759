"""Our own five wheels and lexicon, written from the psychology literature and shipped as CSV.

The wheels follow Plutchik (1980, *Emotion: A Psychoevolutionary Synthesis*), Willcox (1982, Transactional Analysis
Journal 12), Parrott (2001, *Emotions in Social Psychology*), the Geneva emotion wheel (Scherer 2005, Social Science
Information 44) and the circumplex of Russell (1980, JPSP 39). They are adapted, not copied: each has a branch
"neutral" of ours, and words stand once a wheel. The lexicon sorts surface forms into families with a valence; a
family has a place on every wheel. Chinese forms (`lexicon_zh.csv`) are our own translations of the English base words;
they cover the labels of EmotionTalk, MER and MAFW and the common words of Chinese captions.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path

from emolab.errors import CorpusError
from emolab.extras import MissingExtra, advice
from emolab.registry import Registry
from emolab.wheels.model import Tree, WheelSet, cluster_maps

NAMES = ("plutchik", "willcox", "parrott", "geneva", "russell")


@dataclass(frozen=True)
class Word:
    """A base word of the lexicon: its family, the family's valence (-1, 0, 1), and its other surface forms."""

    word: str
    family: str
    valence: int
    forms: tuple[str, ...]


@lru_cache(maxsize=1)
def families() -> dict[str, dict[str, str]]:
    """Each family's valence and its word on each wheel."""
    return {row["family"]: row for row in _rows("families")}


@lru_cache(maxsize=1)
def lexicon() -> tuple[Word, ...]:
    """The base words, about seven hundred, with about 1,600 English surface forms and 560 Chinese ones."""
    valence = {name: int(row["valence"]) for name, row in families().items()}
    chinese = {row["word"]: row["forms"] for row in _rows("lexicon_zh")}
    return tuple(
        Word(row["word"], row["family"], valence[row["family"]], _listed(row["forms"], chinese.get(row["word"], "")))
        for row in _rows("lexicon")
    )


def _listed(*cells: str) -> tuple[str, ...]:
    return tuple(form.strip() for cell in cells for form in cell.split("|") if form.strip())


@lru_cache(maxsize=1)
def forms() -> dict[str, Word]:
    """Every surface form to its base word."""
    return {form: word for word in lexicon() for form in (word.word, *word.forms)}


def valence_of(name: str) -> int | None:
    """Valence (-1, 0, 1) of a surface form, or None for an unknown one."""
    word = forms().get(name)
    return None if word is None else word.valence


@lru_cache(maxsize=1)
def cluster_valence() -> dict[str, dict[str, int]]:
    """Valence of each level-1 cluster, by wheel, as the wheel's file states it."""
    return {name: {row["level1"]: int(row["valence"]) for row in _rows(name)} for name in NAMES}


@lru_cache(maxsize=1)
def voice_words() -> frozenset[str]:
    """Forms that describe a voice, a face or a situation as often as a feeling ("low", "steady", "content").

    An answer may use them; a scan of prose for emotion words skips them.
    """
    return frozenset(_text("voice_words.txt").split())


@lru_cache(maxsize=1)
def embedded() -> WheelSet:
    """The five wheels and the lexicon that this package ships.

    A form goes to its base word; on a wheel, to the cluster of that base (or of one of its forms) if it stands there
    at level 2 or 3, else to the place of its family. So every form lands on every wheel, and on one cluster of it.
    """
    trees: dict[str, Tree] = {name: _tree(name) for name in NAMES}
    bases = {form: word.word for form, word in forms().items()}
    level1, level2 = [], []
    for name, tree in trees.items():
        first, second = cluster_maps(tree)
        standing = {word for branch in tree.values() for level2, leaves in branch.items() for word in (level2, *leaves)}
        place = {
            word.word: next((f for f in (word.word, *word.forms) if f in standing), families()[word.family][name])
            for word in lexicon()
        }
        level1.append({form: first[place[base]] for form, base in bases.items()})
        level2.append({form: second[place[base]] for form, base in bases.items()})
    return WheelSet(
        "embedded",
        trees,
        {
            "form": (bases,),
            "synonym": ({form: word.family for form, word in forms().items()},),
            "level1": tuple(level1),
            "level2": tuple(level2),
        },
    )


READERS: Registry[Callable[[Path], WheelSet]] = Registry("wheels", {}, CorpusError)
"""What reads wheels from a folder: "official" is the package `emolab-corpora`'s."""


@lru_cache(maxsize=8)
def load_wheels(name: str = "embedded") -> WheelSet:
    """Our wheels ("embedded"), or the official files in the folder of that name.

    Raises CorpusError for a folder that does not hold them.
    """
    if name == "embedded":
        return embedded()
    if "official" not in READERS:
        raise MissingExtra(advice("emolab_corpora"))
    return READERS["official"](Path(name))


def _tree(name: str) -> Tree:
    tree: dict[str, dict[str, list[str]]] = {}
    for row in _rows(name):
        tree.setdefault(row["level1"], {}).setdefault(row["level2"], []).append(row["level3"])
    return tree


def _rows(name: str) -> Iterator[dict[str, str]]:
    yield from csv.DictReader(_text(f"{name}.csv").splitlines())


def _text(name: str) -> str:
    return (resources.files("emolab.wheels") / "data" / name).read_text(encoding="utf-8")
