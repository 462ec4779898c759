"""The model card of the tiny model, written from the report, so that no figure in it is typed by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

INTRODUCTION = """# tiny-omni

A tiny audio-visual language model of the real `Qwen2_5OmniThinkerForConditionalGeneration` classes,
{parameters:.1f} million parameters, made for learning and for tests. `data_scripts/pretrain_tiny.py` made it;
its logs are in `data_scripts/pretraining/log`. Licence: Apache-2.0, like the package.

## What it was taught, and what it was not

Only synthetic material: speech that espeak-ng spoke neutrally and that our vocoder then gave a prosody; drawn faces;
texts of a small grammar of about 460 words. It was taught in two generations.

1. It learned to transcribe, to describe a voice (pitch, range, pace, loudness, timbre, quality, ending), to describe a
   face (brows, eyes, nose, mouth), what emotion words and emotional texts mean, and the tags of the course's
   completions. Prosody and faces were drawn without regard to emotion.
2. It then met **emotional speech in a world of its own**: voices, sentences and channels that no domain of the corpus
   has, with labels, reasons and captions by listeners who are often wrong. Large audio-language models meet emotional
   speech before anybody trains them for emotion, too. For 1,400 steps of 48 examples a quarter of the labels was wrong.
   For the last 270 steps listeners confused emotions as `world.HEARD` in `data_scripts/pretraining` says: sad,
   disgusted, fearful and surprised voices were taken for a neighbour more often than for themselves. The stage and the
   confusions were chosen on validation voices.

It never met a voice, a sentence or a face of the corpus's test splits, and no recording of a person.

## What it can do

Held out: four base voices (sixteen talkers), their sentences, and the people behind the faces. "Reference" is a
logistic regression on prosodic features (voices) or on principal components of pixels (faces), trained on 1,600
and 2,000 clips.
"""
LIMITS = """
## What it cannot do

- Real recordings: it has only heard espeak-ng's voices through one vocoder. Its answers on your own voice are
  for trying out the interface, not for use. `emolab_course.personal.adapt` learns one voice from about twenty
  labelled recordings of it.
- Transcripts: it hears new sentences of its own grammar well, and turns other sentences into sentences of its grammar.
  The words that it is asked about are given to it as text.
- Other languages, words outside its vocabulary, several speakers, music, clips of more than about six seconds.
- Real faces, or anything but 64-pixel drawings in the style of the corpus.
- Conversation. It knows the prompts of `emolab.prompts` and little else.

## Where it must not be used

- In the European Union, Article 5(1)(f) of the AI Act (Regulation 2024/1689) forbids AI systems that infer emotions of
  people at work or in education, except for medical or safety reasons. Other systems of emotion recognition are
  high-risk (Annex III, point 1(c)), and people must be told that one is used (Article 50(3)).
- To judge a person anywhere. It guesses a label that somebody gave to a recording; it does not measure a feeling.
- On recordings of people who did not consent.

## Adapters

- `emo-rl`: what `emolab predict` and `emolab attribute` use, from `emolab train emo-rl --reasoning structured`.
- `r1-omni/cold_start` and `r1-omni/grpo`: the recipe `r1-omni` before and after reinforcement learning (`emolab train
  r1-omni`, seed 0), rounded to 16 bits. It was told the emotions of voices, faces and words, and where they lie. The
  notebooks on attribution read them, so that they need not train first.
"""


JUDGED = """
## What it says before any training, and of people

Written answers on {n} test clips of each domain (chance 0.143): unweighted accuracy (UA), share of answers that parse,
and UA when the voices are swapped. Left without an adapter, right with `emo-rl`, which gives reasons first.

| domain | UA | parses | swapped | UA, emo-rl | parses | swapped |
|---|---:|---:|---:|---:|---:|---:|
{rows}

Summaries of structured reasons that are English, name a feeling and agree in valence with the answer: {written:.3f}
without an adapter, {written_cold:.3f} after the cold start of `emo-rl`, {written_taught:.3f} with `emo-rl`. Perplexity
a token of reasons that a cold start would teach for 140 test clips: {perplexity:.2f} without an adapter,
{perplexity_taught:.2f} with `emo-rl`. The reasons that `emo-rl` wrote itself have {perplexity_own:.2f} for the model
without an adapter. Word error rate on freshly drawn sentences of the grammar by two voices that it never heard:
{grammar:.3f}; on the bank's test sentences by four such voices: {bank:.3f}.

People: {n_neutral} neutral telephone prompts and {n_acted} acted calls of held-back voices, fetched by
`data_scripts/people.py`, with labels from file names. The columns are the recall of neutral, the commonest answer to
neutral prompts with its share, UA over the five acted emotions (chance 0.200), the mean confidence on neutral prompts,
the expected calibration error, and this error at the temperature that fits the development voices best.

| people | neutral | commonest | acted | confidence | calibration error | fitted |
|---|---:|---|---:|---:|---:|---:|
{calm}

`emolab predict` withholds the answer where a clip is unlike the training clips: for {withheld_on_neutral:.3f} of the
neutral prompts and {withheld_on_acted:.3f} of the acted calls. Among the answers that it gives, the commonest label
goes to {commonest_given_on_neutral:.3f} of all neutral prompts.

One voice learned from {taught} of its acted calls (`emolab_course.personal`), asked about its others: unweighted
accuracy {mean_test:.3f} of five, the mean over {voices} held-back voices ({lowest:.3f} to {highest:.3f}) and {repeats}
draws each; {mean_dev:.3f} over the development voices, on which its regularisation was chosen. It was chosen anew after
the held-back voices had been measured once, with a tenfold weaker one (0.392); they took no part in the choice.

Share of clips that lie farther out, in the space of the audio tower, than 95% of domain a's training clips. The
distance of a training clip is measured from the clips of other voices.

| clips | n | beyond |
|---|---:|---:|
{far}
"""


def judged(base: dict[str, Any], taught: dict[str, Any], strangers: dict[str, Any]) -> str:
    """The part of the card on what `judge.py` and `strangers.py` measured.

    Args: `base` and `taught` of `judge.py`, without an adapter and with `emo-rl`; `strangers` of `strangers.py`.
    """
    rows = []
    for name, at in (("home (a)", "a"), ("other (b)", "b")):
        cells = []
        for table in (base["domains"], taught["domains"]):
            right, swapped = table[f"zero_shot_{at}"], table[f"swapped_{at}"]
            cells += [f"{right['ua']:.3f}", f"{right['parses']:.3f}", f"{swapped['ua']:.3f}"]
        rows.append(f"| {name} | " + " | ".join(cells) + " |")
    words, people = base["word_error_rate"], {"the model": base["people"], "with `emo-rl`": taught["people"]}
    calm = [
        f"| {name} | {p['neutral_recall']:.3f} | {p['commonest_on_neutral'][0]}, {p['commonest_on_neutral'][1]:.3f} | "
        f"{p['acted_ua_of_five']:.3f} | {p['confidence_on_neutral']:.3f} | {p['ece']:.3f} | "
        f"{p['ece_for_strangers']:.3f} |"
        for name, p in people.items()
    ]
    far = [f"| {k} | {v['n']} | {v['beyond']:.3f} |" for k, v in strangers.items() if isinstance(v, dict)]
    told = {
        "rows": "\n".join(rows),
        "n": base["domains"]["zero_shot_a"]["n"],
        "written": base["domains"]["summaries_well_formed"],
        "written_cold": base["cold_start"]["summaries_well_formed"],
        "written_taught": taught["domains"]["summaries_well_formed"],
        "perplexity": base["perplexity"]["reference"],
        "perplexity_taught": taught["perplexity"]["reference"],
        "perplexity_own": taught["perplexity"]["own_under_base"],
        "calm": "\n".join(calm),
        "far": "\n".join(far),
    }
    found = [row["ua"] for row in base["personal"]["test"].values()]
    own = {**base["personal"], "voices": len(found), "lowest": min(found), "highest": max(found)}
    return JUDGED.format(**told, **words, **base["people"], **own)


def _table(rows: dict[str, dict[str, float]], title: str) -> str:
    lines = [f"| {title} | model | reference | always the most frequent |", "|---|---:|---:|---:|"]
    lines += [f"| {k} | {v['model']:.3f} | {v['reference']:.3f} | {v['majority']:.3f} |" for k, v in rows.items()]
    return "\n".join(lines)


def _probe(name: str, row: dict[str, Any]) -> str:
    low, high = row["ua_ci"]
    return f"| {name} | {row['ua']:.3f} | {low:.3f} to {high:.3f} | {row['n']} |"


def write(report: dict[str, Any], parameters: int, path: Path, measured: str = "") -> Path:
    """Write the card beside the weights; `measured` is what `judged` says."""
    words = report["word_error_rate"]
    parts = [
        INTRODUCTION.format(parameters=parameters / 1e6),
        "Accuracy of its descriptions (an attribute that it does not state counts as wrong):\n",
        _table(report["voice"], "voice"),
        "",
        _table(report["face"], "face"),
        f"\nWord error rate of its transcripts: {words['model']:.3f}; taking the transcript of the nearest training"
        f" clip: {words['nearest_training_clip']:.3f}.\n",
        "Linear probes of seven emotions on its frozen embeddings (chance 0.143), on training talkers:\n",
        "| embeddings | UA | 95% interval | clips |\n|---|---:|---:|---:|",
        _probe("voice (audio tower, mean and deviation over time)", report["emotion_probe_audio"]),
        _probe("face (vision tower, averaged over time)", report["emotion_probe_face"]),
    ]
    path.write_text("\n".join(parts) + "\n" + measured + LIMITS, encoding="utf-8")
    return path
