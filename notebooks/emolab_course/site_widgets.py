"""What the site's two widget pages show: answers with the raw scores of a rubric's parts, and explanations as HTML.

In a notebook both widgets compute. A page cannot run a model, so what it needs is computed when the site is built; the
page only weighs, ranks and chooses.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emolab.rewards.rubric import Rubric, Scores
    from emolab.samples import EmotionSample
    from emolab_course.start import Lab

PROGRESS = (0.0, 0.25, 0.5, 0.75, 1.0)
LAB_CLIPS, CLIPS, ANSWERS, EXAMPLE = 5, 4, 8, 200
METHODS = ("Shapley", "leave one out", "attention rollout")


def write_widgets(folder: Path) -> list[Path]:
    """Compute both pages' data with the shipped model, and write them into `folder` as two scripts."""
    from emolab.paths import build_folder
    from emolab.profiles import profile
    from emolab_course.start import Lab, quiet

    quiet()
    lab = Lab("site", profile("cpu"), build_folder() / "notebooks" / "site", "synthetic:smoke")
    return [
        _written(folder, "lab_data", lab_data(lab)),
        _written(folder, "explorer_data", explorer_data(lab)),
    ]


def _written(folder: Path, name: str, data: dict[str, Any]) -> Path:
    """A page that is opened from a disk may load a script, and no other file; so the data are one."""
    path = folder / f"{name}.js"
    path.write_text(f"window.{name} = {json.dumps(data)};\n", encoding="utf-8")
    return path


# The reward lab -------------------------------------------------------------------------------------------------------


def lab_data(lab: Lab) -> dict[str, Any]:
    """Answers of the untrained model to a few clips, and attacks, with the raw score of each part of a rubric.

    `parts` states name, weight and gate. `groups[i]["raw"]` and `attacks[i]["raw"]` are scores by step of PROGRESS,
    answer (or case) and part; `wrong` are those of honest wrong answers.
    """
    whole = whole_rubric(lab.corpus.labels)
    return {
        "progress": PROGRESS,
        "parts": [{"name": part.name, "weight": part.weight, "gate": part.gate} for part in whole.parts],
        "groups": groups(whole, *answers_of(lab)),
        **attacks(whole, lab.corpus.labels),
    }


def whole_rubric(labels: Any) -> Rubric:
    """EMO-RL's rubric, and more parts with weight 0: those that R1-Omni's code pays, and a reward for expert words."""
    from emolab.rewards.rubric import Part, Rubric
    from emolab.rewards.shipped import rubric
    from emolab_course.demos import expert_words

    more = [part.reward for part in rubric("r1_omni_published", labels).parts] + [expert_words]
    return Rubric("lab", (*rubric("emo_rl", labels).parts, *(Part(reward, 0.0) for reward in more)))


def answers_of(lab: Lab) -> tuple[list[EmotionSample], list[list[str]], str]:
    """Held-out clips, several answers of the untrained model to each, and the prompt. Of the clips that were asked
    about, those with the most different labels in their answers are kept.
    """
    from emolab.parsing import answer_text
    from emolab.recipes.run import take_per_label
    from emolab.training.runs import resolved

    lalm, prompt = lab.model(), lab.recipe("emo-rl").prompt(lab.corpus.labels)
    clips = resolved(take_per_label(lab.voices(), 2, 0))
    texts = lalm.generate(lalm.encode(clips, prompt), n=ANSWERS, seed=0, max_new_tokens=64).texts
    different = [len({answer_text(text) for text in some}) for some in texts]
    kept = sorted(sorted(range(len(clips)), key=lambda i: -different[i])[:LAB_CLIPS])
    return [clips[i] for i in kept], [texts[i] for i in kept], prompt.user


def groups(whole: Rubric, clips: Sequence[EmotionSample], answers: Sequence[Sequence[str]], prompt: str) -> list[Any]:
    """Each clip with its player, its answers, and the raw scores of the parts at each step of PROGRESS."""
    from emolab.media import audio_of
    from emolab.plots.explanation import sound_html

    found = []
    for clip, texts in zip(clips, answers, strict=True):
        columns = {"solution": clip.emotion, "text": clip.text, "row": 0}
        rollouts = {name: [value] * len(texts) for name, value in columns.items()}
        rollouts |= {"completion": list(texts), "prompt": [prompt] * len(texts)}
        wave = audio_of(clip)
        found.append(
            {
                "name": f"gold {clip.emotion}: “{clip.text}”",
                "player": sound_html(wave, f"{len(wave) / 16000:.1f} s"),
                "answers": list(texts),
                "raw": [raw(whole, whole.rescore(rollouts, step), step) for step in PROGRESS],
            }
        )
    return found


def attacks(whole: Rubric, labels: Any) -> dict[str, Any]:
    """The red team's answers to every case, beside honest wrong ones: raw scores by step, case and part."""
    from emolab.rewards.hacks import HACKS, cases, honest
    from emolab.rewards.redteam import style_of

    style, every = style_of(whole), list(cases(labels, "en"))
    texts = {"": [honest(case.wrong, case, style) for case in every]}
    made = {kind: [build(case, style)[:1] for case in every] for kind, build in HACKS.items() if kind != "1 MB"}
    texts |= {kind: [some[0] for some in found] for kind, found in made.items() if all(found)}
    scored: dict[str, list[Any]] = {kind: [] for kind in texts}
    for step in PROGRESS:
        rows = [raw(whole, _of_case(whole, case, [of[i] for of in texts.values()], step), step)
                for i, case in enumerate(every)]  # fmt: skip
        for number, kind in enumerate(texts):
            scored[kind].append([row[number] for row in rows])
    wrong = scored.pop("")
    named = [{"name": kind, "example": texts[kind][0][:EXAMPLE], "raw": table} for kind, table in scored.items()]
    return {"wrong": wrong, "attacks": named}


def _of_case(whole: Rubric, case: Any, texts: Sequence[str], progress: float) -> Scores:
    columns = {name: [value] * len(texts) for name, value in case.columns.items()}
    more = {"prompts": [case.prompt] * len(texts), "row": [0] * len(texts), "progress": progress}
    return whole.score(texts, **columns, **more)


def raw(whole: Rubric, scores: Scores, progress: float) -> list[list[float | None]]:
    """Scores by answer and part as they enter the sum, before weight and gate: clipped, and under their schedule."""
    columns = [replace(part, weight=1.0).count(scores.parts[part.name], progress) for part in whole.parts]
    return [[None if value is None else round(value, 4) for value in row] for row in zip(*columns, strict=True)]


# The attribution explorer ---------------------------------------------------------------------------------------------


def explorer_data(lab: Lab) -> dict[str, Any]:
    """Explanations of a few clips for every method of METHODS and every masker, drawn as HTML."""
    from emolab.attribution.explain import Explainer
    from emolab.attribution.game import background_samples

    lalm, prompt = lab.trained("grpo")
    explainer = Explainer(lalm, prompt, background_samples(lab.corpus))
    clips = explained(explainer, lab.to_explain(CLIPS), lab.maskers())
    return {"methods": METHODS, "maskers": lab.maskers(), "clips": clips}


def explained(explainer: Any, samples: Sequence[EmotionSample], maskers: Sequence[str]) -> list[dict[str, Any]]:
    """For each sample its name, its player, and `html[method][masker]`."""
    from emolab.plots.explanation import Clip, explanation_html
    from emolab_course.widgets.attribution import EFFORTS

    found = []
    for sample in samples:
        drawn: dict[str, dict[str, str]] = {}
        for method in METHODS:
            for masker in maskers:
                result = explainer.explain(sample, method=method, masker=masker, effort=EFFORTS[0])
                clip = Clip(sample, result["video_sampling"])
                drawn.setdefault(method, {})[masker] = explanation_html(sample, result, clip)
        heard = sample.audio is not None or "waveform" in sample.extra
        name = f"{sample.id}  {sample.emotion} {sample.extra.get('condition', '')}"
        found.append({"name": name, "player": clip.player if heard else "", "html": drawn})
    return found
