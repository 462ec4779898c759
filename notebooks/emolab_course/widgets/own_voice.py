"""Record, hear, predict and label one's own voice in a notebook."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emolab.errors import EmolabError
from emolab_course.recordings import Recordings, decode

if TYPE_CHECKING:
    import numpy as np
    from ipywidgets import Widget

    from emolab.lalm.base import LALM
    from emolab.prompts import Prompt
    from emolab.samples import Corpus

Predict = Callable[["np.ndarray"], Mapping[str, Any]]
Explain = Callable[["np.ndarray"], str]


def voice_recorder(
    recordings: Recordings, labels: Sequence[str], predict: Predict, explain: Explain | None = None
) -> Widget:
    """An ipywidgets view that records a voice, plays it, predicts its emotion and keeps it with the person's label.

    `predict` takes a 16 kHz mono wave (n,) and gives `{"label", "distribution": {label: probability}, "note"}`, where
    the note says that the clip is unlike the training data ("" where it is not). `explain` takes the wave and gives
    HTML that says what carried the answer. Without a microphone a sound file can be chosen. The view's `handle`
    attribute takes the bytes of a sound, as both of them do.
    """
    import ipywidgets as w

    from emolab_course.widgets.microphone import Microphone

    microphone = Microphone()
    chooser = w.FileUpload(accept="audio/*,video/*", multiple=True, description="or choose sound files")
    chooser.layout.width = "16em"
    player, answer, kept = w.HTML(), w.HTML(), w.HTML()
    truth = w.ToggleButtons(options=list(labels), value=None, description="I meant:")
    keep = w.Button(description="keep it", disabled=True, tooltip="Save this recording with the label that you chose")
    why = w.Button(description="why?", disabled=True, tooltip="Show which moments carried the answer")
    held: dict[str, Any] = {}

    def handle(data: bytes) -> None:
        held.clear()
        keep.disabled = why.disabled = True
        try:
            wave = decode(bytes(data))
            answer.value = "<i>listening …</i>"
            player.value = player_html(wave)
            found = predict(wave)
        except EmolabError as error:
            player.value, answer.value = "", f"<b>{html.escape(str(error))}</b>"
            return
        held["wave"] = wave
        answer.value = prediction_html(found)
        keep.disabled, why.disabled = truth.value is None, explain is None

    def save(_: Any) -> None:
        if "wave" not in held or truth.value is None:
            return
        recordings.add(held.pop("wave"), truth.value)
        keep.disabled = why.disabled = True
        kept.value = kept_html(recordings, labels)

    def show_reasons(_: Any) -> None:
        if explain is not None and "wave" in held:
            before = answer.value
            answer.value = before + "<p><i>computing …</i></p>"
            answer.value = before + explain(held["wave"])

    microphone.observe(lambda change: handle(change["new"]), names="data")

    def take_files(change: Mapping[str, Any]) -> None:
        for file in change["new"]:
            handle(bytes(file["content"]))

    chooser.observe(take_files, names="value")
    truth.observe(lambda change: setattr(keep, "disabled", "wave" not in held or change["new"] is None), names="value")
    keep.on_click(save)
    why.on_click(show_reasons)
    kept.value = kept_html(recordings, labels)
    view = w.VBox([w.HBox([microphone, chooser]), player, answer, truth, w.HBox([keep, why]), kept])
    view.handle = handle
    view.parts = {"microphone": microphone, "truth": truth, "keep": keep, "why": why, "answer": answer, "kept": kept}
    return view


def player_html(wave: np.ndarray) -> str:
    """A sound player for a 16 kHz mono wave (n,), with its length below it."""
    from emolab_course.widgets.players import listen

    return str(listen({"the clip": wave}).data)


def prediction_html(found: Mapping[str, Any]) -> str:
    """A prediction as HTML: the label, a bar for each probability, and the note where there is one. With a note the
    answer is withheld, and the label is called a guess."""
    from emolab.plots.style import colour_of

    bars = "".join(
        f"<tr><td>{html.escape(label)}</td><td style='width:14em'><div style='height:.8em;width:{share:.1%};"
        f"background:{colour_of(label, i)}'></div></td><td>{share:.0%}</td></tr>"
        for i, (label, share) in enumerate(found["distribution"].items())
    )
    note = f"<p role='note'>⚠ {html.escape(found['note'])}</p>" if found.get("note") else ""
    said = "The answer is withheld. The model's guess is" if note else "The model answers"
    return f"<p>{said} <b>{html.escape(str(found['label']))}</b>.</p>{note}<table>{bars}</table>"


def kept_html(recordings: Recordings, wanted: Sequence[str]) -> str:
    """What has been kept so far, as one line of HTML: how many of each label, and where they lie."""
    rows = recordings.rows()
    if not rows:
        return "<p>Nothing is kept yet.</p>"
    counts = {label: sum(row["emotion"] == label for row in rows) for label in wanted}
    told = ", ".join(f"{count} {html.escape(label)}" for label, count in counts.items() if count)
    return f"<p>{len(rows)} kept in <code>{html.escape(str(Path(recordings.folder)))}</code>: {told}.</p>"


def explainer(lalm: LALM, prompt: Prompt, corpus: Corpus) -> Explain:
    """A function for `voice_recorder` that explains an answer: which moments of a wave carried it, as HTML.

    `corpus` lends the clips that stand for what is taken away.
    """
    from emolab.attribution.explain import Effort, Explainer
    from emolab.attribution.game import background_samples
    from emolab.plots.explanation import explanation_html
    from emolab.samples import EmotionSample

    made = Explainer(lalm, prompt, background_samples(corpus, 8))

    def explain(wave: np.ndarray) -> str:
        sample = EmotionSample("your recording", extra={"waveform": wave})
        return explanation_html(sample, made.explain(sample, effort=Effort(max_pairs=2, versions=1)))

    return explain
