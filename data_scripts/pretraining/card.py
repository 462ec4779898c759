"""The model card of the tiny model, written from the report, so that no figure in it is typed by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

INTRODUCTION = """# tiny-omni

A tiny audio-visual language model of the real `Qwen2_5OmniThinkerForConditionalGeneration` classes,
{parameters:.1f} million parameters, made for learning and for tests. `data_scripts/pretrain_tiny.py` made it;
its logs are in `data_scripts/pretraining/log`. Licence: Apache-2.0, like the package.

## What it was taught, and what it was not

Only synthetic material: speech that espeak-ng spoke neutrally and that our vocoder then gave random prosody,
drawn without regard to emotion; faces with random action units; texts of a small grammar of about 460 words. It
learned to transcribe, to describe a voice (pitch, range, pace, loudness, timbre, quality, ending), to describe
a face (brows, eyes, nose, mouth), what emotion words and emotional texts mean, and to write the tags of the
course's completions.

**It was never told the emotion of a voice or of a face.** Zero-shot emotion recognition from them is therefore
near chance, and everything above that in the course is learned in the course.

## What it can do

Held out: four base voices (sixteen talkers), their sentences, and the people behind the faces. "Reference" is a
logistic regression on prosodic features (voices) or on principal components of pixels (faces), trained on 1,600
and 2,000 clips.
"""
LIMITS = """
## What it cannot do

- Real recordings: it has only heard espeak-ng's voices through one vocoder. Its answers on your own voice are
  for trying out the interface, not for use.
- Transcripts: it writes plausible sentences of its grammar, with most words wrong when the sentence is not one of
  them. The words that it is asked about are given to it as text.
- Other languages, words outside its vocabulary, several speakers, music, clips of more than about six seconds.
- Real faces, or anything but 64-pixel drawings in the style of the corpus.
- Conversation. It knows the prompts of `emolab.prompts` and little else.
"""


def _table(rows: dict[str, dict[str, float]], title: str) -> str:
    lines = [f"| {title} | model | reference | always the most frequent |", "|---|---:|---:|---:|"]
    lines += [f"| {k} | {v['model']:.3f} | {v['reference']:.3f} | {v['majority']:.3f} |" for k, v in rows.items()]
    return "\n".join(lines)


def _probe(name: str, row: dict[str, Any]) -> str:
    low, high = row["ua_ci"]
    return f"| {name} | {row['ua']:.3f} | {low:.3f} to {high:.3f} | {row['n']} |"


def write(report: dict[str, Any], parameters: int, path: Path) -> Path:
    """Write the card beside the weights."""
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
    path.write_text("\n".join(parts) + "\n" + LIMITS, encoding="utf-8")
    return path
