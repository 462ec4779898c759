"""What a model says of one recording: its label, how probable each label is, its reasons, and whether the clip is like
those that it was trained on.

    model, prompt = read_model(checkpoint="build/emo-rl/grpo")
    predict(model, "clip.wav", prompt=prompt)["label"]
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from emolab.emotions import EMOLAB_7, LabelSet, label_set, normalise_label
from emolab.errors import EmolabError
from emolab.evaluate.calibration import Temperatures, calibrate, content_free_scores, softmax
from emolab.evaluate.inputs import read_model
from emolab.lalm.base import LALM
from emolab.lalm.likeness import clip_embedding, note
from emolab.media import SAMPLE_RATE, AudioCheck, audio_of
from emolab.media.audio import decoded
from emolab.media.check import check_wave
from emolab.media.usable import cut, majority
from emolab.metrics import hit_rate
from emolab.parsing import answer_text, parse, parse_label, parse_words
from emolab.prompts import Prompt, get_prompt
from emolab.samples import EmotionSample
from emolab.wheels.scan import emotion_words

OPENINGS = {"caption": "<answer>The speaker feels "}
"""How an answer starts in which a label can be scored, where the label is not the whole answer."""
FILE_CALIBRATIONS = ("none", "contextual")
Recording = str | Path | np.ndarray | EmotionSample


def predict(
    model: LALM | str | Path,
    audio: Recording,
    *,
    prompt: Prompt | None = None,
    text: str | None = None,
    video: str | Path | None = None,
    labels: LabelSet | Sequence[str] | str | None = None,
    calibration: str = "none",
    max_new_tokens: int = 96,
) -> dict[str, Any]:
    """What a model says of a recording: a file, a 16 kHz mono wave (n,), or a sample with absolute paths.

    Args:
        model: a model, a model's name, or the folder of a checkpoint, which also knows its prompt.
        prompt: by default the checkpoint's own, else "direct".
        text: what is said, if it is known and the prompt shows it.
        video: a clip of the face; the recording itself where it is a film.
        labels: labels to choose from; by default the prompt's.
        calibration: one of FILE_CALIBRATIONS.

    The answer is generated greedily. `distribution` is over the labels in the answer's place, after the model's own
    rationale where it gave one, so that both say the same. `label` is the generated one, or the most probable one where
    none can be read (`label_from` says which). `words` and `caption` are there where the prompt asks for them.
    The distribution is at the checkpoint's `temperature`, fitted on held-out clips, where the checkpoint states one.
    `likeness` says how far the clip lies from the training clips, and `note` warns where that is far; both are empty
    where no statistics of the model's training clips are known. A clip longer than the model takes is cut into
    `windows`, whose probabilities are averaged. Raises MediaError for a file that cannot be used.
    """
    if isinstance(model, str | Path):
        model, known = read_model(None, model) if Path(model).is_dir() else read_model(str(model))
        prompt = prompt or known
    asked, chosen = _asked(prompt, labels)
    sample, checked = sample_of(audio, text, video)
    pieces = pieces_of(sample, checked, model)
    batch = model.encode(pieces, asked)
    said = [row[0] for row in model.generate(batch, n=1, max_new_tokens=max_new_tokens, greedy=True).texts]
    judged = _judged(model, batch)
    warm = Temperatures.load(model.home).of(bool(judged and judged["unlike"]))
    distribution = _distribution(model, batch, asked, said, chosen, calibration, pieces[0], warm)
    answers = [said_in(answer, asked.style, chosen) for answer in said]
    spoken = majority([answer.pop("label") for answer in answers])
    label = spoken if spoken is not None and calibration == "none" else max(chosen, key=distribution.__getitem__)

    return {
        "file": sample.id,
        "label": label,
        "label_from": "answer" if label == spoken else "distribution",
        "distribution": distribution,
        "temperature": warm,
        "rationale": _joined([parse(answer).think for answer in said]),
        **_merged(answers),
        "text": "\n".join(said),
        "seconds": checked.seconds if checked else None,
        "windows": len(pieces),
        "likeness": judged,
        "note": note(judged),
        "warnings": list(checked.warnings) if checked else [],
    }


def _asked(prompt: Prompt | None, labels: Any) -> tuple[Prompt, LabelSet]:
    """The prompt over the labels, and the labels themselves: an open question lists none."""
    asked = prompt or get_prompt("direct")
    chosen = label_set(labels) if labels is not None else asked.labels or EMOLAB_7
    return asked.with_labels(chosen), chosen


def sample_of(
    audio: Recording, text: str | None = None, video: str | Path | None = None
) -> tuple[EmotionSample, AudioCheck | None]:
    """A recording as a sample that holds its wave, and what is odd about the wave (None where there is none). A file
    is decoded once. Raises MediaError for a file that cannot be used.
    """
    if isinstance(audio, EmotionSample):
        return audio, check_wave(audio_of(audio), audio.id) if audio.has("audio") else None
    face = str(video) if video is not None else None
    if isinstance(audio, np.ndarray):
        sample = EmotionSample("recording", text=text, video=face, extra={"waveform": audio})
        return sample, check_wave(audio_of(sample), "recording", SAMPLE_RATE, 1)
    wave, rate, channels = decoded(audio)
    sample = EmotionSample(str(audio), audio=str(audio), text=text, video=face, extra={"waveform": wave})
    return sample, check_wave(wave, str(audio), rate, channels)


def pieces_of(sample: EmotionSample, checked: AudioCheck | None, model: LALM) -> list[EmotionSample]:
    """A sample of `sample_of` as the windows that a model takes; itself where it fits or has no sound."""
    return cut(sample, checked.seconds, model.max_seconds) if checked and checked.seconds else [sample]


def _distribution(
    model: LALM,
    batch: Any,
    prompt: Prompt,
    said: Sequence[str],
    labels: LabelSet,
    calibration: str,
    sample: EmotionSample,
    temperature: float = 1.0,
) -> dict[str, float]:
    """Probability of each label behind the rationale of each window, at a temperature, averaged over the windows."""
    import torch

    whole = prompt.style not in OPENINGS
    form = "<answer>{label}</answer>" if whole else OPENINGS[prompt.style] + "{label}"
    # What the prompt has opened ("<think>") stands in the prompt already.
    spoken = [answer.removeprefix(model.opening) for answer in said]
    reasons = [answer[: answer.rindex("<answer>")] if "<answer>" in answer else "" for answer in spoken]
    texts = [[before + form.format(label=label) for label in labels] for before in reasons]
    with torch.no_grad():
        scores = model.text_scores(batch, texts, eos=whole).double().cpu().numpy()
    empty = content_free_scores(model, prompt, sample, labels, form, whole) if calibration == "contextual" else None
    mean = softmax(calibrate(scores, calibration, empty), temperature).mean(0)
    return dict(zip(labels, mean.tolist(), strict=True))


def _judged(model: LALM, batch: Any) -> dict[str, Any] | None:
    """How like the training clips the farthest window is; None where nothing is known of them."""
    known = model.likeness
    found = [clip_embedding(batch, row) for row in range(len(batch))] if known is not None else []
    judged = [known.judge(one) for one in found if one is not None and known is not None]
    return max(judged, key=lambda row: row["distance"], default=None)


def _joined(texts: Sequence[str | None]) -> str | None:
    return " ".join(text for text in texts if text) or None


def _merged(answers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Words and captions of the windows as one."""
    found = {key: [answer[key] for answer in answers] for key in answers[0]}
    return {
        key: _joined(values) if key == "caption" else tuple(dict.fromkeys(w for words in values for w in words))
        for key, values in found.items()
    }


def said_in(answer: str, style: str, labels: Sequence[str] = EMOLAB_7) -> dict[str, Any]:
    """The label that an answer states (None where it states none), and its words or its caption.

    A caption's emotion words are found with the lexicon of the wheels; words become a label by `label_of_words`.

    >>> said_in("<answer>furious, angry</answer>", "words")["words"]
    ('furious', 'angry')
    """
    if style in OPENINGS:
        caption = answer_text(answer)
        words = tuple(emotion_words(caption)) if caption else ()
        return {"label": label_of_words(words, labels), "caption": caption, "words": words}
    if style.startswith("words"):
        words = parse_words(answer)
        return {"label": label_of_words(words, labels), "words": words}
    return {"label": parse_label(answer, labels)}


def label_of_words(words: Sequence[str], labels: Sequence[str]) -> str | None:
    """The first of `words` that is one of `labels`, else the label that they share most wheel clusters with; None
    where there is none, or several.

    >>> label_of_words(("overjoyed",), ("happy", "sad"))
    'happy'
    """
    named = next((found for word in words if (found := normalise_label(word, labels))), None)
    if named is not None or not words:
        return named
    hits = {label: hit_rate([label], [words]) for label in labels}
    best = max((hit for hit in hits.values() if hit > 0), default=None)
    likely = [label for label, hit in hits.items() if hit == best]
    return likely[0] if len(likely) == 1 else None


def predict_files(model: LALM, paths: Sequence[str | Path], prompt: Prompt, **options: Any) -> list[dict[str, Any]]:
    """`predict` for each file. One that cannot be used gives {"file", "error"}, and the others are still answered."""
    results = []
    for path in tqdm(paths, desc="files", unit="file", disable=len(paths) < 8):
        try:
            results.append(predict(model, path, prompt=prompt, **options))
        except EmolabError as error:
            results.append({"file": str(path), "error": str(error)})
    return results
