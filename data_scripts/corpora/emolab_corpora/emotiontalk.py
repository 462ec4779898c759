"""EmotionTalk (Sun et al., 2025): Chinese two-person conversations with labels for each modality, sentiment and
descriptions of the speech.

Checked against flageval-baai/EmotionTalk (`dataset/mm-process/mm.csv` and `transcription.csv`: names, labels, marks;
`README.md`: keys of the sheets, the groups of val and test, and four descriptions: speaker, speaking style, emotion,
overall). The sheets themselves, so the form of `sourceAttr`, are not verified against a public listing.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from emolab.media.usable import Check
from emolab.samples import Corpus, LoadReport
from emolab_corpora.builder import Builder

PARTS = {"G00001": "val", "G00012": "val", "G00003": "test", "G00015": "test"}
NAME = re.compile(r"(G\d{5})_\d+_(\d+)_\d+\.json$")
VIEWS = ("Multimodal", "Audio", "Text", "Video")  # whose label counts where several exist: the fullest view first
TAG = re.compile(r"\[/?[^\[\]/]*/?\]")


def load(root: str | Path, check: Check = "header") -> tuple[Corpus, LoadReport]:
    """Load `{Text,Audio,Video,Multimodal}/json/…/G00001_02_01_002.json` with `Audio/wav` and `Multimodal/mp4`.

    The emotion is the multimodal label where it exists, else that of the next fullest view; all of them are in
    `extra["labels"]`, all annotators' in `extra["votes"]`. The caption is the audio view's `sourceAttr`; `parts` takes
    the voice and the feeling from it. Transcripts lose their marks (`[over/]…[/over]`, `[laughing]`);
    `extra["raw_text"]` keeps them. The continuous label is kept as published. Groups G00001 and G00012 are val, G00003
    and G00015 test. Raises CorpusError if nothing is found.
    """
    build = Builder("emotiontalk", root, check)
    sheets: dict[str, dict[str, dict[str, Any]]] = {}
    for file in build.files(".json"):
        view = next((part for part in file.split("/") if part in VIEWS), None)
        match = NAME.match(file.rsplit("/", 1)[-1])
        if view is None or match is None:
            build.skip("name of another form", file)
        elif (sheet := build.read_json(file)) is not None:
            sheets.setdefault(match[0][:-5], {})[view] = sheet
    audio, video = build.by_name(".wav"), build.by_name(".mp4")
    for name, views in sheets.items():
        wav, mp4 = audio.pop(f"{name}.wav", None), video.pop(f"{name}.mp4", None)
        has_video = mp4 is not None and build.usable(mp4)
        if (wav is not None or not has_video) and not build.usable(wav, f"{name}.wav"):
            wav = None
        if wav is not None or has_video:
            seen = build.tracks(mp4 if has_video else None)
            build.add(name, **_described(name, views), audio=wav or seen["audio"], video=seen["video"])
    for file in [*audio.values(), *video.values()]:
        build.skip("unannotated", file)
    return build.finish("Audio/json/G00001/…/G00001_02_01_002.json and Audio/wav")


def _described(name: str, views: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What the sheets of a clip state, as fields of a sample."""
    labels = {view: str(views[view]["emotion_result"]) for view in VIEWS if views.get(view, {}).get("emotion_result")}
    spoken = next((str(views[view]["content"]) for view in VIEWS if views.get(view, {}).get("content")), None)
    extra: dict[str, Any] = {
        "labels": labels,
        "votes": {view: sheet["data"] for view, sheet in views.items() if "data" in sheet},
        "raw_text": spoken,
        "continuous": views.get("Multimodal", {}).get("Continuous label_result"),
    }
    group, _, speaker = name.split("_")[:3]
    stated = next((sheet["speaker_id"] for sheet in views.values() if sheet.get("speaker_id")), f"{group}_{speaker}")
    caption = views.get("Audio", {}).get("sourceAttr")
    return {
        "text": strip_marks(spoken),
        "emotion": next(iter(labels.values()), None),
        "speaker": str(stated),
        "split": PARTS.get(group, "train"),
        "caption": _join(caption),
        "parts": _parts(caption),
        "extra": {k: v for k, v in extra.items() if v is not None},
    }


def strip_marks(text: str | None) -> str | None:
    """A transcript without its marks: `[over/]好[/over]的` → `好的`."""
    return " ".join(TAG.sub("", text).split()) if text else text


DIMENSIONS = ("speaker", "speaking style", "emotion", "overall")


def _parts(caption: Any) -> dict[str, str]:
    """The voice, and the feeling where it is told apart: of four descriptions the second and the third, of named ones
    those whose names say so, else the whole as a description of the voice."""
    if isinstance(caption, list) and len(caption) == len(DIMENSIONS):
        caption = dict(zip(DIMENSIONS, caption, strict=True))
    if isinstance(caption, dict):
        named = {str(key).lower(): _join(value) for key, value in caption.items()}
        voice = next((v for k, v in named.items() if "style" in k or "风格" in k), None)
        feeling = next((v for k, v in named.items() if "emotion" in k or "情" in k), None)
        found = {"voice": voice or _join(caption), "feeling": feeling}
    else:
        found = {"voice": _join(caption)}
    return {part: text.rstrip("。.") for part, text in found.items() if text}


def _join(caption: Any) -> str | None:
    if isinstance(caption, dict):
        caption = list(caption.values())
    return "，".join(map(str, caption)) if isinstance(caption, list) else str(caption) if caption else None
