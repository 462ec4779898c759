"""One file that a person has: what the model answers, how sure it is, and the reasons that it gives."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from emolab.emotions import EMOTIONS, normalise_label
from emolab.errors import EmolabError
from emolab.evaluate.calibration import CALIBRATIONS, calibrate, content_free_scores
from emolab.parsing import answer_text, parse, parse_label, parse_words
from emolab.prompts import Prompt
from emolab.samples import EmotionSample

if TYPE_CHECKING:
    from emolab.lalm.base import LALM
    from emolab.media import AudioCheck

OPENINGS = {"caption": "<answer>The speaker feels "}
"""How an answer starts in which a label can be scored, where it is not the whole answer."""
FILE_CALIBRATIONS = tuple(k for k in CALIBRATIONS if k != "mean")


def sample_of(
    path: str | Path, text: str | None = None, video: str | Path | None = None
) -> tuple[EmotionSample, AudioCheck]:
    """A person's own recording as a sample that holds its wave, and what is odd about it. The file is decoded once.

    Raises MediaError for a file that cannot be used.
    """
    from emolab.media import check_wave, load_audio, probe

    wave, info = load_audio(path), probe(path)
    held = {"waveform": wave}
    sample = EmotionSample(id=str(path), audio=str(path), text=text, video=str(video) if video else None, extra=held)
    return sample, check_wave(wave, str(path), info.rate, info.channels)


def predict_file(
    lalm: LALM,
    path: str | Path,
    prompt: Prompt,
    text: str | None = None,
    video: str | Path | None = None,
    labels: Sequence[str] = EMOTIONS,
    calibration: str = "none",
    max_new_tokens: int = 96,
) -> dict[str, Any]:
    """What a model says of one recording: label, distribution, rationale; `words` or `caption` where it was asked for
    them.

    The answer is generated greedily. `distribution` is over the labels in the answer's place, after the model's own
    rationale where it gave one, so that both say the same thing; `label` is the generated one, or the most probable
    where none could be read (`label_from` says which). `video` is a clip of the face, or the recording itself where it
    is a film; without one none is shown. Raises MediaError for a file that cannot be used, ModelError for one that is
    too long for the model.
    """
    sample, checked = sample_of(path, text, video)
    batch = lalm.encode([sample], prompt)
    answer = lalm.generate(batch, n=1, max_new_tokens=max_new_tokens, greedy=True).texts[0][0]
    reasons = answer[: answer.rindex("<answer>")] if "<answer>" in answer else ""
    whole = prompt.style not in OPENINGS
    form = "<answer>{label}</answer>" if whole else OPENINGS[prompt.style] + "{label}"
    with torch.no_grad():
        texts = [[reasons + form.format(label=label) for label in labels]]
        scores = lalm.text_scores(batch, texts, eos=whole).double().cpu().numpy()
        empty = content_free_scores(lalm, prompt, sample, labels, form, whole) if calibration == "contextual" else None
    posterior = torch.from_numpy(calibrate(scores, calibration, empty)[0]).exp().tolist()
    distribution = dict(zip(labels, posterior, strict=True))
    said = said_in(answer, prompt.style, labels)
    spoken = said.pop("label")
    label = spoken if spoken is not None and calibration == "none" else max(labels, key=distribution.__getitem__)
    return {
        "file": str(path),
        "label": label,
        "label_from": "answer" if label == spoken else "distribution",
        "distribution": distribution,
        "rationale": parse(answer).think,
        **said,
        "text": answer,
        "seconds": checked.seconds,
        "warnings": list(checked.warnings),
    }


def said_in(answer: str, style: str, labels: Sequence[str] = EMOTIONS) -> dict[str, Any]:
    """The label that an answer states (None where it states none), and its words or its caption.

    A caption's emotion words are found with the lexicon of the wheels; words become a label by `label_of_words`.

    >>> said_in("<answer>furious, angry</answer>", "words")["words"]
    ('furious', 'angry')
    """
    if style in OPENINGS:
        from emolab.wheels.scan import emotion_words

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
    from emolab.metrics import hit_rate

    named = next((found for word in words if (found := normalise_label(word, labels))), None)
    if named is not None or not words:
        return named
    hits = {label: hit_rate([label], [words]) for label in labels}
    best = max((hit for hit in hits.values() if hit > 0), default=None)
    likely = [label for label, hit in hits.items() if hit == best]
    return likely[0] if len(likely) == 1 else None


def predict_files(lalm: LALM, paths: Sequence[str | Path], prompt: Prompt, **options: Any) -> list[dict[str, Any]]:
    """`predict_file` for each path; one that cannot be used gives {"file", "error"} and does not stop the others."""
    from tqdm.auto import tqdm

    results = []
    for path in tqdm(paths, desc="files", unit="file", disable=len(paths) < 8):
        try:
            results.append(predict_file(lalm, path, prompt, **options))
        except EmolabError as error:
            results.append({"file": str(path), "error": str(error)})
    return results
