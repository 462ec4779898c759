"""What a run is made on: a corpus, its folds, its three disjoint parts, and what each sample can teach.

A cold start's rationale says of a sample what the fields of its row say, and nothing else. A row may state what the
voice, the face and the words are like (`EmotionSample.parts`). Where it has a caption alone, the caption is the
rationale. No file of truth is read.
"""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from emolab.corpora import corpus_folds, fold_names
from emolab.corpora.protocols import get_protocol, protocols_of
from emolab.corpora.spec import DRAWN, choose_fold, in_labels
from emolab.errors import CorpusError, TrainingError
from emolab.evaluate.asking import with_room
from emolab.evaluate.inputs import named_corpus, read_corpus
from emolab.lalm import LALM
from emolab.media import usable
from emolab.prompts import Prompt
from emolab.prosody import with_voices
from emolab.samples import MODALITIES, Corpus, EmotionSample
from emolab.samples import NEEDS_LISTENING as MARK
from emolab.training.runs import corpus_identity

Source = Corpus | str | Path | None
"""A corpus, or what `emolab.corpora.load_corpus` reads one from."""
OTHERS = 12
"""Clips of a speaker, beside the cold start's, with whose voices these are compared where nobody described them."""


@dataclass(frozen=True)
class Splits:
    """The three disjoint parts of a run: `cold` has rationales, `train` only labels, `test` only measures."""

    cold: Corpus
    train: Corpus
    test: Corpus


def corpus_of(
    source: Source, size: str = "course", labels: Any = None, protocol: str | None = None, fold: Any = None
) -> Corpus:
    """A corpus from its specification, or a corpus at hand in other labels or in a fold of a protocol.

    Without a specification it is what EMOLAB_CORPUS names, else the embedded corpus of `size`.
    """
    if not isinstance(source, Corpus):
        return read_corpus(source, size, labels, protocol, fold)
    found = source if labels is None else in_labels(source, labels)
    return found if protocol is None and fold is None else _fold_of(found, protocol, fold)


def folds_of(source: Source, size: str = "course", labels: Any = None, protocol: str | None = None) -> list[Corpus]:
    """The corpus once for each fold of its protocol. Raises CorpusError where there is only one."""
    if isinstance(source, Corpus):
        whole = corpus_of(source, size, labels)
        names = fold_names(whole, protocol or whole.protocol)
        found = [_fold_of(whole, protocol, name) for name in names]
    else:
        found = corpus_folds(named_corpus(source, size), labels=labels, protocol=protocol)
    if len(found) < 2:
        raise CorpusError(
            f"{found[0].name or source}: its protocol ({found[0].protocol or 'the stated splits'}) has one fold; leave "
            "--fold out, or name a protocol of several folds with --protocol"
        )
    return found


def _fold_of(corpus: Corpus, protocol: str | None, fold: Any) -> Corpus:
    """A fold of a corpus that is at hand."""
    name = protocol or corpus.protocol or next(iter(protocols_of(corpus.name)), None)
    if name is None:
        raise CorpusError(f"{corpus.name or corpus.root}: has no protocol with folds; name one with --protocol")
    chosen = choose_fold(get_protocol(name).folds(corpus), fold)
    return replace(chosen.as_corpus(), labels=corpus.labels, report=corpus.report, protocol=name, fold=chosen.name)


def default_folder(recipe: str, corpus: Corpus) -> Path:
    """Where a run is kept when nobody says: build/RECIPE, and for another corpus than the embedded one
    build/RECIPE-CORPUS, with the fold where it is one of several."""
    name = recipe if corpus.name in ("", "synthetic") else f"{recipe}-{corpus.name}"
    fold = "" if corpus.fold in (None, DRAWN, "stated") else f"-{corpus.fold}"
    return Path("build") / re.sub(r"[^\w.-]+", "-", f"{name}{fold}")


def kept_of(
    recipe: str, modalities: Sequence[str], corpus: Corpus, keep: Callable[[EmotionSample], bool], needed: str
) -> Corpus:
    """The samples that `keep` accepts and that have something to show of the modalities of the recipe of that name.

    Raises CorpusError with one sentence on what is missing where there are none.
    """
    shown = corpus.where(lambda s: any(s.has(modality) for modality in modalities))
    if len(corpus) and not len(shown):
        have = [m for m in MODALITIES if any(s.has(m) for s in corpus)]
        raise CorpusError(
            f"{corpus.name or corpus.root}: {recipe} shows the model {' and '.join(modalities)}, and no "
            f"sample has any of them; the corpus has {', '.join(have) or 'no media'}"
        )
    kept = shown.where(keep)
    if not len(kept):
        raise CorpusError(f"{corpus.name or corpus.root}: {recipe} needs {needed}, and no sample has any")
    return kept


def readable(corpus: Corpus, shown: Sequence[str], say: Callable[[str], None]) -> Corpus:
    """The samples whose media can be read. `say` is told how many cannot, why, and which.

    Raises CorpusError where none is left.
    """
    kept, report = usable(corpus, shown)
    if report.n_skipped:
        say(f"{corpus.name or corpus.root}: left out {report.sentence()}")
    if not len(kept):
        raise CorpusError(f"{corpus.name or corpus.root}: no sample can be used; {report.sentence()}")
    return kept


def fitting(
    corpus: Corpus, lalm: LALM, prompt: Prompt, answer: int, long_clips: str, say: Callable[[str], None]
) -> Corpus:
    """Training samples as the model takes them: clips that are too long cut or left out, prompts that leave no
    room for an `answer` of so many tokens left out, and `say` told."""
    kept, report = usable(corpus, prompt.modalities, lalm.max_seconds, long_clips)
    kept = with_room(kept, lalm, prompt, answer, report)
    for sentence in (report.sentence(), *report.notes[:1]):
        if sentence:
            say(sentence)
    if not len(kept):
        raise CorpusError(f"{corpus.name or corpus.root}: no sample fits {lalm.name}; {report.sentence()}")
    return kept


def to_listen_to(corpus: Corpus, split: str, say: Callable[[str], None]) -> Corpus:
    """The corpus without training samples that a model answers right unheard, as a table marks them; samples of the
    measured `split` stay. `say` is told how many go.

    Raises CorpusError where no sample is marked, or none is left to train on.
    """
    if not any(MARK in s.extra for s in corpus):
        raise CorpusError(
            f"{corpus.name or corpus.root}: no sample is marked; run `emolab corpus listen-filter TABLE --mark --out "
            "marked.jsonl`, and train on marked.jsonl"
        )
    kept = corpus.where(lambda s: s.split == split or bool(s.extra.get(MARK, True)))
    if all(s.split == split for s in kept):
        raise CorpusError(f"{corpus.name or corpus.root}: every training sample is answered without its voice")
    say(f"{len(corpus) - len(kept)} training samples need no listening and are left out")
    return kept


def take_per_label(corpus: Corpus, n: int, seed: int, at_most: float = 1.0) -> Corpus:
    """`n` samples of each label, drawn with `seed`; the order is drawn too.

    A label that has fewer gives all of them, or at most the share `at_most`. Samples without a label are left out.
    """
    groups: defaultdict[str, list[EmotionSample]] = defaultdict(list)
    for sample in corpus:
        if sample.emotion is not None:
            groups[sample.emotion].append(sample)
    rng, chosen = random.Random(seed), []
    for label in sorted(groups):
        most = int(len(groups[label]) * at_most)
        chosen += rng.sample(sorted(groups[label], key=lambda s: s.id), min(n, most))
    rng.shuffle(chosen)
    return corpus.replace(chosen)


def cold_part(train: Corpus, n: int, seed: int) -> Corpus:
    """The cold start's samples: `n` of each label, but no more than half of a label's.

    Where every label has only one sample, these are half of all samples.
    """
    found = take_per_label(train, n, seed, at_most=0.5)
    if len(found) or not n:
        return found
    rest = take_per_label(train, n, seed)
    return rest[: len(rest) // 2]


def in_domain(corpus: Corpus, domain: str | None) -> Corpus:
    """The samples of a domain; all where no domain is wanted or the corpus has none. Raises CorpusError for a domain
    that the corpus does not have."""
    known = sorted({str(s.extra["domain"]) for s in corpus if s.extra.get("domain")})
    if not domain or not known:
        return corpus
    if domain not in known:
        raise CorpusError(f"{corpus.root}: no sample of domain {domain!r}; it has {', '.join(known)}")
    return corpus.where(domain=domain)


def with_voice_clauses(cold: Corpus, train: Corpus) -> Corpus:
    """The cold start with a clause on each voice of which the row says nothing, measured against others of the speaker.

    Rows that state parts or a caption stay as they are.
    """
    silent = [s for s in cold if not s.parts and not s.caption]
    if not silent:
        return cold
    wanted, taken = {s.speaker for s in silent}, Counter[str | None]()
    own = {s.id for s in cold}
    others = []
    for sample in train:
        if sample.speaker in wanted and sample.id not in own and taken[sample.speaker] < OTHERS:
            taken[sample.speaker] += 1
            others.append(sample)
    measured = {s.id: s for s in with_voices(cold.replace([*silent, *others]))}
    return cold.replace(measured[s.id] if not s.parts and not s.caption else s for s in cold)


def reward_columns(samples: Sequence[EmotionSample]) -> dict[str, list[Any]]:
    """What a reward may read of each sample, beside the trainer's own columns (`solution`, `words`, `caption`, `text`,
    `id`): `audio` and `video` (paths), `speaker`, `language`, `valence`, `arousal`, `dominance`, `parts`."""
    names = ("audio", "video", "speaker", "language", "valence", "arousal", "dominance")
    found = {name: [getattr(s, name) for s in samples] for name in names}
    return found | {"parts": [dict(s.parts) for s in samples]}


def scores_key(prompt: Prompt, test: Corpus, other: Corpus | None, checks: Sequence[str], *more: Any) -> dict[str, Any]:
    """What must be equal for measured scores to be used again."""
    parts = [corpus_identity(part, part.root, part.name) for part in (test, other) if part is not None]
    asked = {"prompt": prompt.id, "modalities": list(prompt.modalities), "labels": list(prompt.labels or ())}
    return asked | {"samples": parts, "controls": list(checks), "options": list(more)}


def label_of(sample: EmotionSample) -> str:
    """The label of a sample. Raises TrainingError where it has none."""
    if sample.emotion is None:
        raise TrainingError(f"{sample.id}: has no label to write a rationale for")
    return sample.emotion


def voice_of(sample: EmotionSample) -> str:
    """What the voice is like, as the row states it; else the caption. Raises TrainingError where there is neither."""
    return sample.parts.get("voice") or _caption(sample)


def words_of(sample: EmotionSample) -> str:
    """What the words are like: whether they carry a feeling, where the row says so; else as it describes them, or the
    words themselves.

    >>> words_of(EmotionSample("x", text="It is late.", extra={"carriers": ["audio"]}))
    'neutral words'
    >>> words_of(EmotionSample("x", text="It is late."))
    'It is late.'
    """
    if (carriers := sample.extra.get("carriers")) is not None:
        shown = [*carriers, *sample.extra.get("distractors", ())]
        return "words with feeling" if "text" in shown else "neutral words"
    return sample.parts.get("words") or sample.text or "the words are not known"


def reasons_of(sample: EmotionSample) -> str:
    """All that the row says of voice, face and words; else the caption. Raises TrainingError where there is neither."""
    found = [sample.parts[part] for part in ("voice", "face", "words") if sample.parts.get(part)]
    return "; ".join(found) or _caption(sample)


def brief(sample: EmotionSample) -> str:
    """The first clause on the voice, the face and the words, and a feeling; else the caption.

    Raises TrainingError where there is neither.
    """
    parts = sample.parts
    clauses = [parts.get("tone") or _first(parts.get("voice")), _first(parts.get("face"))]
    if parts.get("words"):
        clauses.append(words_of(sample) if "carriers" in sample.extra else _first(parts["words"]))
    if not any(clauses):
        return _caption(sample)
    return "; ".join([clause for clause in clauses if clause] + list(sample.words[:1]))


def _first(clause: str | None) -> str | None:
    return clause.split(",")[0].split("\uff0c")[0] if clause else None


def _caption(sample: EmotionSample) -> str:
    if not sample.caption:
        raise TrainingError(
            f"{sample.id}: has neither parts nor a caption to write a rationale from; choose samples that have, or "
            "answers without reasons (reasoning=direct, thinking=false)"
        )
    return sample.caption.strip()
