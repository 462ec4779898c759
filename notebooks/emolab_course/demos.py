"""What notebooks show in small: clips to listen to, answers to a few questions, what a lazy guess scores."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from emolab.emotions import LabelSet
    from emolab.lalm.base import LALM
    from emolab.samples import Corpus, EmotionSample
    from emolab_course.recordings import Recordings
    from emolab_course.start import Lab

LEAP, SHORTEST_PIECE = 0.35, 5
"""Octaves from one frame of a pitch track to the next, and frames, that `steady_pitch` keeps."""
QUESTIONS = {"voice": "Describe the voice.", "transcribe": "What is said?", "direct": "Which emotion?"}


def one_of_each(corpus: Corpus, at_most: int = 7, seed: int = 0) -> list[EmotionSample]:
    """One sample of each of up to `at_most` labels, drawn with `seed`, with absolute paths."""
    from emolab.samples import resolve

    rng = random.Random(seed)
    labels = [label for label in corpus.labels if any(s.emotion == label for s in corpus)]
    rng.shuffle(labels)
    return [resolve(rng.choice(list(corpus.where(emotion=label))), corpus.root) for label in labels[:at_most]]


def blind_clips(corpus: Corpus, n: int = 8, seed: int = 0) -> list[EmotionSample]:
    """`n` samples drawn without looking at their labels (fewer where there are fewer), with absolute paths."""
    from emolab.samples import resolve

    samples = list(corpus)
    return [resolve(s, corpus.root) for s in random.Random(seed).sample(samples, min(n, len(samples)))]


def ask(
    lalm: LALM, samples: Sequence[EmotionSample], questions: Sequence[str], labels: LabelSet, max_new_tokens: int = 40
) -> dict[str, list[str]]:
    """A model's greedy answers to named prompts, one for each sample, by the question in words."""
    from emolab.prompts import get_prompt

    answers = {}
    for name in questions:
        batch = lalm.encode(list(samples), get_prompt(name, labels).using("audio"))
        texts = lalm.generate(batch, greedy=True, max_new_tokens=max_new_tokens).texts
        answers[QUESTIONS.get(name, name)] = [text for (text,) in texts]
    return answers


def lazy_scores(labels: LabelSet, n: int = 2000) -> pd.DataFrame:
    """Weighted and unweighted accuracy of giving the first label to every clip, as that label becomes more frequent."""
    import numpy as np
    import pandas as pd

    from emolab.metrics import unweighted_accuracy, weighted_accuracy

    rng = np.random.default_rng(0)
    rows = {}
    for share in (1 / len(labels), 0.5, 0.9):
        rest = [(1 - share) / (len(labels) - 1)] * (len(labels) - 1)
        gold = rng.choice(list(labels), n, p=[share, *rest]).tolist()
        lazy = [labels[0]] * n
        rows[f"{share:.0%} {labels[0]}"] = {
            "weighted accuracy (share of right answers)": weighted_accuracy(gold, lazy),
            "unweighted accuracy (mean recall)": unweighted_accuracy(gold, lazy),
        }
    return pd.DataFrame(rows).T.round(3)


def credit_table(reward: Any) -> pd.DataFrame:
    """What a similarity reward such as ESWR pays: a row a gold label, a column an answer."""
    import pandas as pd

    labels = list(reward.labels)
    return pd.DataFrame([[reward.credit(answer, gold) for answer in labels] for gold in labels], labels, labels)


def verdict(what: str, before: Mapping[str, Any], after: Mapping[str, Any], key: str = "ua") -> str:
    """One sentence on whether a figure rose or fell, with both 95% intervals; apart only where these do not overlap.

    >>> verdict("UA", {"ua": 0.2, "ua_ci": (0.1, 0.3)}, {"ua": 0.5, "ua_ci": (0.4, 0.6)})
    'UA rose from 0.20 [0.10, 0.30] to 0.50 [0.40, 0.60]: the intervals do not overlap.'
    """
    (low, high), (low_after, high_after) = before[f"{key}_ci"], after[f"{key}_ci"]
    told = f"from {before[key]:.2f} [{low:.2f}, {high:.2f}] to {after[key]:.2f} [{low_after:.2f}, {high_after:.2f}]"
    same = f"{before[key]:.2f}" == f"{after[key]:.2f}"
    moved = "stayed the same," if same else "rose" if after[key] > before[key] else "fell"
    apart = low_after > high or high_after < low
    return f"{what} {moved} {told}: the intervals {'do not overlap' if apart else 'overlap, so this run cannot tell'}."


def spoiled_captions(corpus: Corpus) -> tuple[dict[str, list[str]], list[str]]:
    """Captions spoiled in several ways, by name, and the references they belong to, for samples with a caption.

    Where the samples state their parts, one keeps the voice and takes the feeling of another emotion, and one says the
    feeling in other words. The last is the caption of another sample of another emotion.
    """
    from emolab_synth.text_words import EMOTION_WORDS, synonyms

    samples = [s for s in corpus if s.caption and s.emotion]
    others = [
        next((o for o in samples[i + 1 :] + samples[:i] if o.emotion != s.emotion), s) for i, s in enumerate(samples)
    ]
    spoiled = {"the reference itself": [str(s.caption) for s in samples]}
    if all({"voice", "feeling"} <= set(s.parts) for s in samples):
        known = {w.word for w in EMOTION_WORDS}
        voices = [s.describe(("tone",)) or s.describe(("voice",)) for s in samples]
        words = [[(synonyms(w) or (w,))[0] for w in s.words if w in known] or [str(s.emotion)] for s in samples]
        spoiled["wrong feeling"] = [f"{v} {o.describe(('feeling',))}" for v, o in zip(voices, others, strict=True)]
        spoiled["other words"] = [
            f"{v} There is somebody {' and '.join(w)}." for v, w in zip(voices, words, strict=True)
        ]
    spoiled["another clip"] = [str(o.caption) for o in others]
    return spoiled, [str(s.caption) for s in samples]


def shared_between_splits(corpus: Corpus) -> pd.DataFrame:
    """How many speakers, voices and sentences occur in the training split, in the test split, and in both."""
    import pandas as pd

    table = corpus.to_pandas()
    train, test = (table[table["split"] == split] for split in ("train", "test"))
    known = [what for what in ("speaker", "voice", "sentence", "text") if what in table and table[what].notna().any()]
    known = [what for what in known if what != "text" or "sentence" not in known]
    rows = {
        what: {
            "in train": train[what].nunique(),
            "in test": test[what].nunique(),
            "in both": len(set(train[what].dropna()) & set(test[what].dropna())),
        }
        for what in known
    }
    return pd.DataFrame(rows)


def between_share(values: Sequence[float], groups: Sequence[str]) -> float:
    """The share of the variance of `values` that lies between `groups` (η²): 0 where group means agree, at most 1."""
    import numpy as np

    held, names = np.asarray(values, float), np.asarray(groups)
    means = {name: held[names == name].mean() for name in np.unique(names)}
    between = np.array([means[name] for name in names])
    total = held.var()
    return float(between.var() / total) if total > 0 else 0.0


def reward_trend(history: Sequence[Mapping[str, Any]]) -> str:
    """A sentence on the mean reward of training answers: the first fifth of the steps beside the last, 95% intervals.

    `history` is what a run of GRPO logs. A rise says that training does what it is paid for, on training clips.
    """
    from emolab.metrics.bootstrap import mean_interval
    from emolab.plots.training import column

    _, rewards = column(history, "reward")
    each = max(1, len(rewards) // 5)
    if not len(rewards):
        return "The run logged no reward."
    ends = [{"reward": float(v.mean()), "reward_ci": mean_interval(v)} for v in (rewards[:each], rewards[-each:])]
    return verdict(f"The reward of training answers, mean of {each} steps,", ends[0], ends[1], key="reward")


def split_scores(features: pd.DataFrame) -> dict[str, float]:
    """Accuracy of the nearest neighbour on the features of `feature_frame`, with one clip or one speaker left out."""
    from emolab.prosody import FEATURES
    from emolab_course.exercises.data import in_turn, nearest_neighbour

    values = features[list(FEATURES)].to_numpy(float)
    evaluate = nearest_neighbour((values - values.mean(0)) / (values.std(0) + 1e-9), features["emotion"].to_numpy())
    clips, speakers = in_turn(evaluate, range(len(values))), in_turn(evaluate, features["speaker"].astype(str).tolist())
    return {"one clip left out": clips, "one speaker left out": speakers, "the lie": clips - speakers}


EXPERT_WORDS = frozenset({"jitter", "shimmer", "formant", "timbre", "prosody", "cadence", "intonation", "tremor"})


def expert_words(completions: Sequence[Any], **columns: Any) -> list[float | None]:
    """A reward that looks harmless: a tenth for each expert word in the reasons of an answer that can be read."""
    from emolab.parsing import parse, parse_label

    return [
        0.1 * len(EXPERT_WORDS & set((parse(text).think or "").lower().split())) if parse_label(text) else 0.0
        for text in completions
    ]


def without_octave_errors(f0: np.ndarray) -> np.ndarray:
    """A pitch track (n,) in Hz, 0 where unvoiced, in which frames that lie an octave off are halved or doubled.

    A voiced frame counts as an octave off where it is 1.5 times the median of the voiced frames, or less than that
    median over 1.5.
    """
    import numpy as np

    out = np.array(f0, float)
    voiced = out[out > 0]
    if not len(voiced):
        return out
    middle = np.median(voiced)
    high, low = out > 1.5 * middle, (out > 0) & (out < middle / 1.5)
    out[high] /= 2
    out[low] *= 2
    return out


def steady_pitch(f0: np.ndarray) -> np.ndarray:
    """A pitch track (n,) in Hz, 0 where unvoiced, in which each frame lies at the multiple or the fraction of what was
    measured that fits its neighbours and the voice's middle best; single leaps that are left become unvoiced.

    A tracker that takes two or three periods for one, or a half or a third of one, errs by that factor. The factors
    are chosen together, by a shortest path over the voiced frames.
    """
    import numpy as np

    out = np.array(f0, float)
    at = np.flatnonzero(out > 0)
    if not len(at):
        return out
    shifts = np.log2([1 / 4, 1 / 3, 1 / 2, 1, 2, 3, 4])
    tried = np.log2(out[at])[:, None] + shifts
    cost = 0.25 * np.abs(tried - np.median(np.log2(out[at]))) + 0.05 * np.abs(shifts)
    best, back = cost[0], []
    for i in range(1, len(at)):
        leap = np.abs(tried[i][None] - tried[i - 1][:, None]) * np.exp(-(at[i] - at[i - 1] - 1) / 10)
        back.append((best[:, None] + leap).argmin(0))
        best = (best[:, None] + leap).min(0) + cost[i]
    chosen = [int(best.argmin())]
    for step in reversed(back):
        chosen.append(int(step[chosen[-1]]))
    pitch = tried[np.arange(len(at)), chosen[::-1]]
    out[at] = 2**pitch
    breaks = np.flatnonzero((np.diff(at) > 1) | (np.abs(np.diff(pitch)) > LEAP)) + 1
    for piece in np.split(at, breaks):
        if len(piece) < SHORTEST_PIECE:
            out[piece] = 0.0
    return out


def own_clips(lab: Lab, recordings: Recordings) -> Corpus:
    """The learner's recordings as a corpus with the lab's labels; without any, clips of one test speaker instead.

    A sentence says which of the two it is. All clips are in the split "train": there are too few to hold any back.
    """
    from dataclasses import replace

    from emolab.corpora import load_corpus

    labels = lab.corpus.labels
    if len(recordings):
        print(f"your own recordings in {recordings.folder}")  # noqa: T201
        corpus = load_corpus(f"manifest:{recordings.table}", labels=list(labels))
    else:
        voices = lab.voices("test")
        speaker = max(sorted({str(s.speaker) for s in voices}), key=lambda name: len(voices.where(speaker=name)))
        print(f"no recordings of your own yet: these are clips of speaker {speaker} of the test split")  # noqa: T201
        corpus = voices.where(speaker=speaker)
        corpus = corpus.replace([s for label in labels for s in corpus.where(emotion=label)[:2]])
    return corpus.replace([replace(s, split="train") for s in corpus])


def example_lists(folder: str | Path) -> Path:
    """Write a few rows of ours in the format of the official files, and return the folder.

    The rows have two habits of the official lists: "fear" is a form of "fearless", and no wheel has a neutral branch.
    """
    import pandas as pd

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tree = [("happy", "proud", "fearless"), ("sad", "down", "gloomy"), ("fear", "scared", "scared")]
    pd.DataFrame(tree, columns=["level1", "level2", "level3"]).to_excel(folder / "wheel1.xlsx", index=False)
    synonyms = {"fearless": "brave", "scared": "afraid", "gloomy": "sad"}
    sides = (("word", list(synonyms)), ("synonym", list(synonyms.values())))
    runs = {f"{side}_run{i}": values for i in range(1, 9) for side, values in sides}
    pd.DataFrame(runs).to_excel(folder / "synonym.xlsx", index=False)
    forms = {
        "fearless": "fearlessly, fear", "scared": "fear, scaredly", "afraid": "", "sad": "sadly", "gloomy": "",
        "brave": "",
    }  # fmt: skip
    pd.DataFrame(forms.items(), columns=["name", "format"]).to_csv(folder / "format.csv", index=False)
    return folder


def guessing_pays(clusters: int, gold: int) -> dict[str, list[float]]:
    """For each of PENALTIES, what naming m = 1 … `clusters` words pays on average for a model that knows nothing.

    Of `clusters` equally likely clusters one is right: m guesses have it with probability m / clusters, and then
    F = 2 / (m + 1), times the penalty against `gold` words.

    >>> [round(score, 3) for score in guessing_pays(8, 2)["none"][:2]]
    [0.125, 0.167]
    """
    from emolab.rewards.wheel import PENALTIES, length_penalty

    return {
        kind: [m / clusters * 2 / (m + 1) * length_penalty(m, gold, kind) for m in range(1, clusters + 1)]
        for kind in PENALTIES
    }
