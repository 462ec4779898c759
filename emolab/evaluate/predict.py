"""One file that a person has: what the model answers, how sure it is, and the reasons that it gives."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from emolab.emotions import EMOTIONS
from emolab.errors import EmolabError
from emolab.evaluate.calibration import CALIBRATIONS, calibrate, content_free_scores
from emolab.parsing import parse, parse_label
from emolab.prompts import Prompt
from emolab.samples import EmotionSample

if TYPE_CHECKING:
    from emolab.lalm.base import LALM

FILE_CALIBRATIONS = tuple(k for k in CALIBRATIONS if k != "mean")


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
    """Label, distribution and rationale for one audio file.

    The answer is generated greedily. `distribution` is over the labels, after the model's own rationale where it gave
    one, so that both say the same thing; `label` is the generated one, or the most probable where none could be read
    (`label_from` says which). Raises MediaError for a file that cannot be used, ModelError for one that is too long
    for the model.
    """
    from emolab.media import check_audio, load_audio

    load_audio(path)
    checked = check_audio(path)
    sample = EmotionSample(id=str(path), audio=str(path), text=text, video=str(video) if video else None)
    batch = lalm.encode([sample], prompt)
    answer = lalm.generate(batch, n=1, max_new_tokens=max_new_tokens, greedy=True).texts[0][0]
    opening = answer[: answer.rindex("<answer>")] if "<answer>" in answer else ""
    with torch.no_grad():
        scores = (
            lalm.text_scores(batch, [[f"{opening}<answer>{label}</answer>" for label in labels]]).double().cpu().numpy()
        )
        empty = content_free_scores(lalm, prompt, sample, labels) if calibration == "contextual" else None
    posterior = torch.from_numpy(calibrate(scores, calibration, empty)[0]).exp().tolist()
    distribution = dict(zip(labels, posterior, strict=True))
    spoken = parse_label(answer, labels)
    label = spoken if spoken is not None and calibration == "none" else max(labels, key=distribution.__getitem__)
    return {
        "file": str(path),
        "label": label,
        "label_from": "answer" if label == spoken else "distribution",
        "distribution": distribution,
        "rationale": parse(answer).think,
        "text": answer,
        "seconds": checked.seconds,
        "warnings": list(checked.warnings),
    }


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
