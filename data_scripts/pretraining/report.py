"""What the pre-trained model can do, on talkers, sentences and faces it never met, beside what plain features reach.

Writes `report.json` and prints it. References: logistic regression on the prosodic features of `emolab.prosody` for
voices, on
principal components of pixels for faces, the transcript of the nearest training clip for words.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from emolab_course.cues import face_attributes_in, voice_attributes_in
from emolab_synth import corpus as synth_corpus
from emolab_synth import describe_face, describe_voice, face, prosody, seeds, talkers, voice
from emolab_synth import text as bank
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import recall_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tqdm.auto import tqdm

from emolab.emotions import EMOTIONS
from emolab.lalm import LALM
from emolab.metrics import bootstrap_ci, unweighted_accuracy
from emolab.prompts import PROMPTS
from emolab.prosody import prosody_features
from emolab.samples import Corpus, EmotionSample, resolve

BATCH = 32


def voice_samples(split: str, n: int, seed: int) -> list[EmotionSample]:
    """Shipped seeds of a split's talkers with prosody that follows no emotion; `extra` holds wave and attributes."""
    rng = np.random.default_rng([17, seed])
    pool = talkers.talkers(split, "a")
    samples = []
    for i in tqdm(range(n), desc=f"{split} voices"):
        who = pool[i * len(pool) // n]  # talker by talker: their seeds stay in memory
        said = seeds.shipped_sentences(who.voice)
        name = said[int(rng.integers(len(said)))]
        spoken = prosody.sample_any(rng)
        dry = voice.speak(seeds.shipped(who.voice, name), spoken, rng, who.f0_shift, who.warp)
        wave = voice.record(dry, spoken, rng, voice.sample_room(rng))
        text = bank.sentence(name).text
        truth = vars(describe_voice.describe(spoken))
        samples.append(
            EmotionSample(f"{split}-{i}", text=text, speaker=who.id, extra={"waveform": wave, "truth": truth})
        )
    return samples


def face_samples(n: int, seed: int) -> list[EmotionSample]:
    """Clips of new faces whose action units follow no emotion."""
    rng = np.random.default_rng([19, seed])
    samples = []
    for i in tqdm(range(n), desc="faces"):
        units = face.sample_any_aus(rng)
        who = face.identity("m" if i % 2 else "f", rng)
        frames = face.clip(units, who, rng, speech=rng.random(face.FRAMES).astype(np.float32))
        truth = describe_face.describe(units).dict()
        samples.append(EmotionSample(f"face-{i}", extra={"frames": frames, "fps": face.FPS, "truth": truth}))
    return samples


def emotional_faces(n: int, seed: int) -> list[EmotionSample]:
    """Clips of new people showing seven emotions in turn, at the intensities of the corpus."""
    rng = np.random.default_rng([23, seed])
    samples = []
    for i in tqdm(range(n), desc="emotional faces"):
        emotion, who = EMOTIONS[i % 7], face.identity("m" if i % 2 else "f", rng)
        units = face.sample_aus(emotion, float(rng.beta(4, 1)), rng)
        frames = face.clip(units, who, rng, speech=rng.random(face.FRAMES).astype(np.float32))
        samples.append(
            EmotionSample(
                f"feeling-{i}", emotion=emotion, speaker=f"{seed}-{i}", extra={"frames": frames, "fps": face.FPS}
            )
        )
    return samples


def answers(lalm: LALM, samples: list[EmotionSample], prompt: str, tokens: int = 48) -> list[str]:
    """Greedy answers to a prompt."""
    out: list[str] = []
    for start in tqdm(range(0, len(samples), BATCH), desc=prompt):
        batch = lalm.encode(samples[start : start + BATCH], PROMPTS[prompt])
        out += [row[0] for row in lalm.generate(batch, max_new_tokens=tokens, greedy=True).texts]
    return out


def attribute_table(
    said: list[dict[str, str]], truth: list[dict[str, str]], reference: dict[str, float]
) -> dict[str, Any]:
    """Accuracy per attribute (unstated counts as wrong) beside the reference's and the majority's."""
    table = {}
    for name in truth[0]:
        gold = [t[name] for t in truth]
        right = [s.get(name) == g for s, g in zip(said, gold, strict=True)]
        top = max(map(gold.count, set(gold))) / len(gold)
        table[name] = {
            "model": round(float(np.mean(right)), 3),
            "reference": reference[name],
            "majority": round(top, 3),
        }
    for column in ("model", "reference", "majority"):
        table.setdefault("mean", {})[column] = round(
            float(np.mean([r[column] for k, r in table.items() if k != "mean"])), 3
        )
    return table


def fitted(train: np.ndarray, labels: list[str], test: np.ndarray, truth: list[str], components: int = 0) -> float:
    """Test accuracy of logistic regression on standardised features."""
    steps = [
        StandardScaler(),
        *([PCA(components, random_state=0)] if components else []),
        LogisticRegression(C=0.3, max_iter=2000),
    ]
    return round(float(make_pipeline(*steps).fit(train, labels).score(test, truth)), 3)


def word_error_rate(said: list[str], truth: list[str]) -> float:
    """Edits (substitutions, insertions, deletions of words) over the words of the truth."""
    edits = words = 0
    for hypothesis, reference in zip(said, truth, strict=True):
        a, b = hypothesis.lower().strip(" .").split(), reference.lower().strip(" .").split()
        row = list(range(len(b) + 1))
        for i, x in enumerate(a, 1):
            row, last = [i], row
            for j, y in enumerate(b, 1):
                row.append(min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y)))
        edits, words = edits + row[-1], words + len(b)
    return round(edits / words, 3)


def pooled(lalm: LALM, samples: list[EmotionSample], modality: str) -> np.ndarray:
    """Frozen tower outputs of one modality per sample: mean and deviation over time (audio), or place by place
    (video)."""
    rows = []
    for start in tqdm(range(0, len(samples), BATCH), desc=f"{modality} embeddings"):
        batch = lalm.encode(samples[start : start + BATCH], PROMPTS["direct"].using(modality))
        for i in range(len(batch)):
            x = batch.embeds[i, batch.positions_of(i, modality)].float().numpy()
            rows.append(
                np.concatenate([x.mean(0), x.std(0)])
                if modality == "audio"
                else x.reshape(-1, 16, x.shape[1]).mean(0).ravel()
            )
    return np.stack(rows)


def probe(lalm: LALM, train: list[EmotionSample], test: list[EmotionSample], modality: str) -> dict[str, Any]:
    """Emotion from frozen embeddings by logistic regression, on people not met in training: UA with a bootstrap by
    person."""
    gold = [[str(s.emotion) for s in part] for part in (train, test)]
    x, y = (pooled(lalm, part, modality) for part in (train, test))
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.02 if modality == "audio" else 0.003, max_iter=3000))
    said = model.fit(x, gold[0]).predict(y).tolist()
    low, high = bootstrap_ci(unweighted_accuracy, gold[1], said, groups=[str(s.speaker) for s in test])
    recalls = recall_score(gold[1], said, average=None, labels=list(EMOTIONS)).round(3).tolist()
    return {
        "ua": round(unweighted_accuracy(gold[1], said), 3),
        "ua_ci": [round(low, 3), round(high, 3)],
        "n": len(test),
        "recalls": dict(zip(EMOTIONS, recalls, strict=True)),
    }


def nearest_transcripts(train: list[EmotionSample], test: list[EmotionSample]) -> list[str]:
    """For each test clip the transcript of the training clip with the nearest time-normalised cepstra."""
    import librosa

    def shape(sample: EmotionSample) -> np.ndarray:
        cepstra = librosa.feature.mfcc(y=sample.extra["waveform"], sr=16000, n_mfcc=13)
        at = np.linspace(0, cepstra.shape[1] - 1, 40)
        return np.stack([np.interp(at, np.arange(cepstra.shape[1]), c - c.mean()) for c in cepstra]).ravel()

    known = np.stack([shape(s) for s in train])
    return [str(train[int(((known - shape(s)) ** 2).sum(1).argmin())].text) for s in test]


def report(lalm: LALM, corpus: Corpus, out: Path, n_train: int = 1600, n_test: int = 400) -> dict[str, Any]:
    """All figures of the model card."""
    heard, new = voice_samples("train", n_train, 0), voice_samples("test", n_test, 1)
    features = [np.stack([prosody_features(s.extra["waveform"])[0] for s in part]) for part in (heard, new)]
    truth = [[s.extra["truth"] for s in part] for part in (heard, new)]
    reference = {
        k: fitted(features[0], [t[k] for t in truth[0]], features[1], [t[k] for t in truth[1]]) for k in truth[0][0]
    }
    voices = [voice_attributes_in(a) for a in answers(lalm, new, "voice")]
    written = answers(lalm, new, "transcribe", 24)

    seen, faces = face_samples(2000, 0), face_samples(n_test, 1)
    pixels = [np.stack([s.extra["frames"][2:6].mean(0).ravel() for s in part]) for part in (seen, faces)]
    shown = [[s.extra["truth"] for s in part] for part in (seen, faces)]
    face_reference = {
        k: fitted(pixels[0], [t[k] for t in shown[0]], pixels[1], [t[k] for t in shown[1]], 150) for k in shown[0][0]
    }
    described = [face_attributes_in(a) for a in answers(lalm, faces, "face")]
    core = synth_corpus.audio_core(corpus)
    heard_feelings = [[resolve(s, core.root) for s in core.where(split=split)] for split in ("train", "test")]
    result = {
        "voice": attribute_table(voices, truth[1], reference),
        "face": attribute_table(described, shown[1], face_reference),
        "word_error_rate": {
            "model": word_error_rate(written, [str(s.text) for s in new]),
            "nearest_training_clip": word_error_rate(nearest_transcripts(heard, new), [str(s.text) for s in new]),
        },
        "emotion_probe_audio": probe(lalm, *heard_feelings, "audio"),
        "emotion_probe_face": probe(lalm, emotional_faces(1400, 0), emotional_faces(700, 1), "video"),
        "examples": {
            "voice": written[:3],
            "describe": answers(lalm, new[:3], "voice"),
            "truth": [s.text for s in new[:3]],
        },
    }
    out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return result
