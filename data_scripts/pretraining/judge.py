"""Judge a model before and after a generation: the table of the card, on speakers and sentences that it never met.

`python -m data_scripts.pretraining.judge FOLDER --people PEOPLE --out table.json`, with a model's folder (or
`tiny-omni`) and the folder that `data_scripts/people.py` filled. Nothing here chooses a setting on what it reports: the
temperature is fitted on the corpus's validation split.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from emolab_synth import describe_voice, text_words

from data_scripts.pretraining import grammar, world
from data_scripts.pretraining.temperature import calibration_error, fit_temperature
from emolab.emotions import EMOTIONS, VAD
from emolab.evaluate.calibration import Temperatures, softmax
from emolab.lalm import LALM, load_model
from emolab.lalm.likeness import embeddings
from emolab.parsing import parse, parse_label
from emolab.prompts import PROMPTS
from emolab.samples import EmotionSample

EACH = 20  # clips of each label and domain
BATCH = 24
HEARD = PROMPTS["direct"].using("audio", "text")
REASONS = 72  # tokens of a rationale and its answer


def said(lalm: LALM, samples: Sequence[EmotionSample], prompt: Any, tokens: int) -> list[str]:
    """Greedy answers."""
    out: list[str] = []
    for start in range(0, len(samples), BATCH):
        batch = lalm.encode(list(samples[start : start + BATCH]), prompt)
        out += [row[0] for row in lalm.generate(batch, max_new_tokens=tokens, greedy=True).texts]
    return out


def recall(gold: Sequence[str], found: Sequence[str | None]) -> float:
    """Unweighted accuracy over the labels that occur; an answer that does not parse is wrong."""
    by = {label: [f == label for g, f in zip(gold, found, strict=True) if g == label] for label in set(gold)}
    return round(float(np.mean([np.mean(hits) for hits in by.values()])), 3)


def label_posteriors(lalm: LALM, samples: Sequence[EmotionSample], prompt: Any = HEARD) -> np.ndarray:
    """Log scores of the seven answers, (n, 7); after the model's own reasons where the prompt asks for reasons."""
    import torch

    rows = []
    for start in range(0, len(samples), BATCH):
        part = list(samples[start : start + BATCH])
        batch, reasons = lalm.encode(part, prompt), [""] * len(part)
        if prompt.style != "direct":
            answers = [row[0] for row in lalm.generate(batch, max_new_tokens=REASONS, greedy=True).texts]
            reasons = [a[: a.rindex("<answer>")] if "<answer>" in a else "" for a in answers]
        texts = [[f"{why}<answer>{label}</answer>" for label in EMOTIONS] for why in reasons]
        with torch.no_grad():
            rows.append(lalm.text_scores(batch, texts).double().cpu().numpy())
    return np.concatenate(rows)


def lexicon() -> frozenset[str]:
    """Words that an English reason may hold: of the grammar, of descriptions, of feelings, and of reasons."""
    rng, words = np.random.default_rng(0), set(grammar.vocabulary())
    lines = [word.word for word in text_words.EMOTION_WORDS] + list(EMOTIONS)
    for _ in range(300):
        classes = {k: str(rng.choice(v)) for k, v in describe_voice.ATTRIBUTES.items()}
        voice = describe_voice.VoiceAttributes(**classes)
        label, says = (str(rng.choice(EMOTIONS)) for _ in range(2))
        lines += [voice.sentence(rng), world.summary(label, says, voice, rng), world.content(says, rng)]
    for line in lines:
        words |= set(re.findall(r"[a-z]+", line.lower()))
    return frozenset(words)


def well_formed(summary: str | None, label: str | None, known: frozenset[str]) -> bool:
    """Whether a summary is made of English words, names a feeling, and agrees in valence with the answer."""
    if not summary or label is None:
        return False
    found = re.findall(r"[a-z]+", summary.lower())
    named = [w for w in found if w in EMOTIONS]
    agrees = any(w == label or VAD[w][0] * VAD[label][0] > 0 for w in named)
    return bool(found) and all(w in known for w in found) and agrees


def per_label(samples: Sequence[EmotionSample], n: int, rng: np.random.Generator) -> list[EmotionSample]:
    """At most `n` samples of each label."""
    out: list[EmotionSample] = []
    for label in sorted({str(s.emotion) for s in samples}):
        own = [s for s in samples if s.emotion == label]
        out += [own[i] for i in rng.permutation(len(own))[:n]]
    return out


def rendered(split: str, domain: str, each: int, size: str = "course", seed: int = 0) -> list[EmotionSample]:
    """`each` clips a label that only the voice tells apart, of a corpus that need not be made: rendered here."""
    from emolab_synth.plan import plan
    from emolab_synth.realise import realise, render_voice, to_sample

    specs = [s for s in plan(size, seed) if (s.split, s.domain) == (split, domain) and s.condition in ("A", "neutral")]
    picked = {
        s.id for s in per_label([to_sample(spec, realise(spec)) for spec in specs], each, np.random.default_rng(1))
    }
    return [
        replace(
            to_sample(spec, realise(spec)),
            video=None,
            audio=None,
            extra={**to_sample(spec, realise(spec)).extra, "waveform": render_voice(spec)},
        )
        for spec in specs
        if spec.id in picked
    ]


def domains(lalm: LALM, each: int, asked: str = "direct") -> dict[str, Any]:
    """Zero-shot accuracy and parse rate in both domains, with right and with swapped voices; reasons; calibration."""
    from emolab.evaluate.controls import apply_control

    known, result, prompt = lexicon(), {}, PROMPTS[asked].using("audio", "text")
    for domain in ("a", "b"):
        picked = rendered("test", domain, each)
        swapped = apply_control(picked, "swapped", 0)
        gold = [str(s.emotion) for s in picked]
        for name, clips in (("zero_shot", picked), ("swapped", swapped)):
            answers = said(lalm, clips, prompt, 16 if asked == "direct" else REASONS)
            found = [parse_label(a, EMOTIONS) for a in answers]
            result[f"{name}_{domain}"] = {
                "ua": recall(gold, found),
                "parses": round(float(np.mean([f is not None for f in found])), 3),
                "n": len(gold),
            }
        if domain == "a":
            reasons = said(lalm, picked, PROMPTS["structured"].using("audio", "text"), REASONS)
            read = [(parse(a).sections.get("summary"), parse_label(a, EMOTIONS)) for a in reasons]
            result["summaries_well_formed"] = round(float(np.mean([well_formed(s, f, known) for s, f in read])), 3)
            result["structured_ua"] = recall(gold, [f for _, f in read])
            result["reasons"] = reasons[:6]
            scores = label_posteriors(lalm, picked, prompt)
            val = rendered("val", "a", each)
            fitted = label_posteriors(lalm, val, prompt)
            warm = fit_temperature(fitted, [str(s.emotion) for s in val], EMOTIONS)
            result["temperature"] = warm
            result["ece_a"] = {
                "raw": calibration_error(softmax(scores), gold, EMOTIONS),
                "fitted": calibration_error(softmax(scores, warm), gold, EMOTIONS),
            }
    return result


def perplexity(lalm: LALM, samples: Sequence[EmotionSample], prompt: Any, texts: Sequence[str]) -> float:
    """exp of the mean negative log-probability of a token of `texts`, one for each sample, which the model hears."""
    import torch

    total, tokens = 0.0, 0
    for start in range(0, len(samples), BATCH):
        part, own = list(samples[start : start + BATCH]), list(texts[start : start + BATCH])
        with torch.no_grad():
            scores = lalm.text_scores(lalm.encode(part, prompt), [[text] for text in own], eos=False)
        total -= float(scores.double().sum())
        tokens += sum(len(lalm.tokenizer(text, add_special_tokens=False)["input_ids"]) for text in own)
    return round(float(np.exp(total / tokens)), 3)


def reasons(lalm: LALM, each: int, base: LALM | None = None) -> dict[str, Any]:
    """Perplexity a token of structured reasons on domain a's test clips: of those that a cold start would teach there,
    and, where a `base` model is given, of those that the model wrote itself, as the base model sees them."""
    from emolab.recipes.emo_rl import EmoRL

    prompt, picked = PROMPTS["structured"].using("audio", "text"), rendered("test", "a", each)
    recipe = EmoRL.cpu(reasoning="structured")
    written = [recipe.target(sample) for sample in picked]
    found = {"reference": perplexity(lalm, picked, prompt, [text[: text.rindex("<answer>")] for text in written])}
    if base is not None:
        said_so = said(lalm, picked, prompt, REASONS)
        own = [(s, a[: a.rindex("<answer>")]) for s, a in zip(picked, said_so, strict=True) if "<answer>" in a]
        found["own_under_base"] = perplexity(base, [s for s, _ in own], prompt, [text for _, text in own])
    return found


def spoken_anew(n: int) -> list[EmotionSample]:
    """New sentences of the grammar by the validation voices, with prosody that follows no emotion. Needs espeak-ng."""
    from emolab_synth import prosody, seeds, talkers, voice
    from emolab_synth.espeak import synth_bank

    rng, samples = np.random.default_rng(41), []
    for base in (v for v in talkers.VOICES.values() if (v.domain, v.split) == ("a", "val")):
        texts = [grammar.random_sentence(rng) for _ in range(n // 2)]
        for words, speech in zip(texts, synth_bank(base.espeak, base.rate, texts), strict=True):
            spoken = prosody.sample_any(rng)
            dry = voice.speak(seeds.analyse(speech, words), spoken, rng, base.f0_shift, base.warp)
            wave = voice.record(dry, spoken, rng, voice.sample_room(rng))
            samples.append(EmotionSample(f"{base.id}-{len(samples)}", text=words, extra={"waveform": wave}))
    return samples


def transcripts(lalm: LALM, n: int) -> dict[str, Any]:
    """Word error rate on new sentences of the grammar (validation voices) and on the bank's (test voices)."""
    from data_scripts.pretraining.report import voice_samples, word_error_rate

    found: dict[str, Any] = {}
    for name, samples in (("grammar", spoken_anew(n)), ("bank", voice_samples("test", n, 1))):
        written = said(lalm, samples, PROMPTS["transcribe"], 24)
        found[name] = word_error_rate(written, [str(s.text) for s in samples])
        found[f"{name}_examples"] = [[str(s.text), w] for s, w in zip(samples[:3], written[:3], strict=True)]
    return found


def cold_started(lalm: LALM, each: int) -> dict[str, Any]:
    """After the cold start of `emo-rl` with structured reasons (its settings for a CPU, seed 0): the share of summaries
    that are well formed on domain a's test clips, accuracy, and parse rate. Adapters stay on the model."""
    from emolab.lalm.quantise import add_lora
    from emolab.recipes.emo_rl import EmoRL
    from emolab.training.sft import SFTSettings, fine_tune

    chosen = EmoRL.cpu(reasoning="structured")
    recipe, prompt = chosen, PROMPTS["structured"].using("audio", "text")
    taught, test = rendered("train", "a", chosen.cold_per_label), rendered("test", "a", each)
    settings = SFTSettings(chosen.cold_epochs, chosen.cold_batch, chosen.cold_learning_rate)
    add_lora(lalm, chosen.lora_rank, chosen.lora_alpha)
    rows = fine_tune(lalm, taught, [recipe.target(s) for s in taught], prompt, settings)
    answers = said(lalm, test, prompt, REASONS)
    read, known = [(parse(a).sections.get("summary"), parse_label(a, EMOTIONS)) for a in answers], lexicon()
    return {
        "summaries_well_formed": round(float(np.mean([well_formed(s, f, known) for s, f in read])), 3),
        "ua": recall([str(s.emotion) for s in test], [f for _, f in read]),
        "parses": round(float(np.mean([f is not None for _, f in read])), 3),
        "steps": len(rows),
        "last_loss": round(rows[-1]["loss"], 3),
        "examples": answers[:4],
    }


def people(lalm: LALM, folder: Path, warm: float, asked: str = "direct") -> dict[str, Any]:
    """Neutral recall and the commonest answer on neutral prompts, and accuracy on acted calls, of held-back voices; and
    the shares of clips unlike the corpus, whose answers `emolab predict` withholds.

    `warm` is the temperature of the corpus's validation clips. A second one, for clips unlike the corpus, is fitted on
    the development voices.
    """
    import csv
    from collections import Counter

    with (folder / "people.csv").open(encoding="utf-8") as file:
        every = list(csv.DictReader(file))
    heard, far = {}, {}
    for split in ("dev", "test"):
        rows = [r for r in every if r["split"] == split]
        samples = [EmotionSample(r["path"], audio=str(folder / r["path"]), emotion=r["emotion"]) for r in rows]
        gold = np.array([r["emotion"] for r in rows])
        heard[split] = label_posteriors(lalm, samples, PROMPTS[asked].using("audio")), gold
        far[split] = np.array([lalm.likeness.judge(one)["unlike"] for one in embeddings(lalm, samples)])
    strange = fit_temperature(heard["dev"][0], heard["dev"][1].tolist(), EMOTIONS)
    scores, gold = heard["test"]
    top = np.array(EMOTIONS)[scores.argmax(1)]
    calm, five = gold == "neutral", [e for e in EMOTIONS if e in set(gold) and e != "neutral"]
    among = scores[~calm][:, [EMOTIONS.index(e) for e in five]]
    commonest, times = Counter(top[calm].tolist()).most_common(1)[0]
    given = Counter(top[calm & ~far["test"]].tolist())  # answers that are not withheld
    return {
        "neutral_recall": round(float((top[calm] == "neutral").mean()), 3),
        "commonest_on_neutral": [commonest, round(times / int(calm.sum()), 3)],
        "withheld_on_neutral": round(float(far["test"][calm].mean()), 3),
        "withheld_on_acted": round(float(far["test"][~calm].mean()), 3),
        "commonest_given_on_neutral": round(max(given.values(), default=0) / int(calm.sum()), 3),
        "confidence_on_neutral": round(float(softmax(scores[calm]).max(1).mean()), 3),
        "confidence_on_neutral_fitted": round(float(softmax(scores[calm], warm).max(1).mean()), 3),
        "acted_ua_of_five": recall(gold[~calm].tolist(), [five[i] for i in among.argmax(1)]),
        "ece": calibration_error(softmax(scores), gold.tolist(), EMOTIONS),
        "ece_fitted": calibration_error(softmax(scores, warm), gold.tolist(), EMOTIONS),
        "temperature_for_strangers": strange,
        "ece_for_strangers": calibration_error(softmax(scores, strange), gold.tolist(), EMOTIONS),
        "confidence_for_strangers": round(float(softmax(scores, strange).max(1).mean()), 3),
        "n_neutral": int(calm.sum()),
        "n_acted": int((~calm).sum()),
    }


def halves(labels: Sequence[str], n: int, rng: np.random.Generator) -> tuple[list[int], list[int]]:
    """`n` places drawn in turn from every label, and the others; one of each label is always left."""
    names = sorted(set(labels))
    left = {label: rng.permutation([i for i, x in enumerate(labels) if x == label]).tolist() for label in names}
    taken: list[int] = []
    while len(taken) < n and any(len(places) > 1 for places in left.values()):
        for label in names:
            if len(left[label]) > 1 and len(taken) < n:
                taken.append(left[label].pop())
    return taken, [i for label in names for i in left[label]]


def personal(lalm: LALM, folder: Path, taught: int = 20, repeats: int = 20) -> dict[str, Any]:
    """Unweighted accuracy of `emolab_course.personal` by voice: `taught` recordings teach, the others are asked."""
    import csv

    from emolab_course.personal import STRENGTH, _fitted, personal_features

    with (folder / "people.csv").open(encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if r["emotion"] != "neutral"]
    found: dict[str, Any] = {"dev": {}, "test": {}}
    for who in sorted({r["speaker"] for r in rows}):
        own = [r for r in rows if r["speaker"] == who]
        if len(own) < taught + 8:
            continue
        samples = [EmotionSample(r["path"], audio=str(folder / r["path"]), emotion=r["emotion"]) for r in own]
        features, labels = personal_features(lalm, samples), np.array([r["emotion"] for r in own])
        gold: list[str] = []
        answers: list[str] = []
        for seed in range(repeats):
            known, asked = halves(labels.tolist(), taught, np.random.default_rng(seed))
            centre, scale, classifier = _fitted(features[known], labels[known], STRENGTH)
            gold += labels[asked].tolist()
            answers += classifier.predict((features[asked] - centre) * scale).tolist()
        found[own[0]["split"]][who] = {"n": len(own), "ua": recall(gold, answers)}
    for split in ("dev", "test"):
        found[f"mean_{split}"] = round(float(np.mean([row["ua"] for row in found[split].values()])), 3)
    return {**found, "taught": taught, "repeats": repeats}


def main(
    model: str,
    out: Annotated[Path, typer.Option(help="Where the table goes, as JSON.")],
    people_folder: Annotated[Path | None, typer.Option("--people", help="What data_scripts/people.py filled.")] = None,
    each: Annotated[int, typer.Option(help="Clips of each label and domain.")] = EACH,
    adapter: Annotated[str | None, typer.Option(help="An adapter's folder.")] = None,
    write: Annotated[
        Path | None, typer.Option(help="Folder of a checkpoint that gets the fitted temperatures.")
    ] = None,
    asked: Annotated[str, typer.Option(help="Prompt: direct, or structured for an adapter that reasons.")] = "direct",
    only: Annotated[str | None, typer.Option(help="Measure this part again; the table keeps the others.")] = None,
) -> None:
    """Measure a model and write the table."""
    lalm = load_model(model, adapter=adapter)
    result: dict[str, Any] = {"model": model, "adapter": adapter}
    if only is not None:
        result = json.loads(out.read_text(encoding="utf-8"))
    parts: list[tuple[str, Any]] = [
        ("domains", lambda: domains(lalm, each, asked)),
        ("word_error_rate", lambda: transcripts(lalm, 3 * each)),
        ("perplexity", lambda: reasons(lalm, each, load_model(model) if adapter else None)),
    ]
    if people_folder is not None:
        parts.append(("personal", lambda: personal(lalm, people_folder)))
        parts.append(("people", lambda: people(lalm, people_folder, result["domains"]["temperature"], asked)))
    if adapter is None:  # last, because it leaves adapters on the model
        parts.append(("cold_start", lambda: cold_started(lalm, each)))
    if only is not None and only not in dict(parts):
        raise typer.BadParameter(f"{only!r} is no part of this table: {', '.join(dict(parts))}")
    for name, measure in parts:
        if only not in (None, name):
            continue
        result[name] = measure()
        out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        typer.echo(json.dumps({name: result[name]}))
    if write is not None and "people" in result:
        warm, strange = result["domains"]["temperature"], result["people"]["temperature_for_strangers"]
        source = (
            "like: validation clips of the embedded corpus's domain a; unlike: people of data_scripts/people.py, dev"
        )
        Temperatures(warm, strange, source).save(write)


if __name__ == "__main__":
    typer.run(main)
