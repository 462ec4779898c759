"""Alignment: the language model learns to transcribe, to describe voices and faces, and what words mean. Towers stay
frozen.

In `TASKS` and `FORMATS` no answer names the emotion of a voice or of a face: labels appear only as the meaning of words
and texts. `WORLD` adds labels, reasons and captions of emotional voices and faces from the world of `world.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from emolab_synth import describe_face, describe_voice, text_words
from emolab_synth.face_aus import AUS
from emolab_synth.prosody import Prosody
from torch import Tensor

from data_scripts.pretraining import grammar, world
from emolab.emotions import EMOTIONS
from emolab.prompts import PROMPTS, Prompt
from emolab.samples import EmotionSample

TASKS = {"transcribe": 0.27, "voice": 0.38, "face": 0.15, "meaning": 0.08, "closed": 0.06, "word": 0.06}
FORMATS = {"parts": 0.3, "shown": 0.1, "structured": 0.07, "free": 0.07, "words": 0.08, "caption": 0.08}
FORMATS |= {"transcribe": 0.1, "voice": 0.08, "face": 0.04, "meaning": 0.02, "closed": 0.03, "word": 0.03}
WORLD = {"transcribe": 0.26, "voice": 0.13, "face": 0.07, "meaning": 0.02, "closed": 0.02, "word": 0.02}
WORLD |= {"parts": 0.03, "shown": 0.03, "about": 0.03}
WORLD |= {"w-direct": 0.12, "w-structured": 0.11, "w-free": 0.06, "w-words": 0.04, "w-words_direct": 0.02}
WORLD |= {"w-caption": 0.04}
# The same for a short session: what the model can do already is only kept, and labels and reasons are learned.
SHORT = {"transcribe": 0.1, "voice": 0.07, "face": 0.03, "meaning": 0.01, "closed": 0.01, "word": 0.01, "about": 0.02}
SHORT |= {"w-direct": 0.26, "w-structured": 0.24, "w-free": 0.1, "w-words": 0.05, "w-words_direct": 0.03}
SHORT |= {"w-caption": 0.05, "parts": 0.01, "shown": 0.01}
# The same with more listening to words: for a model that can write its reasons and labels already.
HEAR = {name: share if name != "transcribe" else 0.75 for name, share in WORLD.items()}
MIXES = {"long": WORLD, "short": SHORT, "hear": HEAR}
SOME_LABELS = 0.2  # how often a closed question offers a part of the labels, in any order
PARTS = (
    "Describe what is said and how it sounds: <think><content>what is said</content>"
    "<acoustics>how it sounds</acoustics></think>."
)
SHOWN = PARTS.replace("</think>", "<visual>how the face looks</visual></think>")
ALSO = 0.2  # how often a question about one modality comes with another one beside it
SPAN_TOKENS = 64  # embeddings of one face clip: 4 pairs of frames, 4 × 4 merged patches


@dataclass
class Memory:
    """Frozen tower outputs: `audio` list of (n, D) with `audio_frames` mel lengths, `video` list of (64, D), and their
    rows."""

    audio: list[Tensor]
    audio_frames: list[int]
    voices: list[dict[str, Any]]
    video: list[Tensor]
    faces: list[dict[str, Any]]

    def __post_init__(self) -> None:
        self.felt = [i for i, row in enumerate(self.voices) if row.get("kind") == "world"]
        self.calm = [i for i in self.felt if self.voices[i]["voice_emotion"] == self.voices[i]["says"] == "neutral"]
        self.shown = [i for i, row in enumerate(self.faces) if "label" in row]
        self.plain = [i for i, row in enumerate(self.faces) if "label" not in row]


@dataclass
class Example:
    """One turn: which clip and face are shown (indices or None), the words of the question and of the answer."""

    audio: int | None
    video: int | None
    question: str
    answer: str
    task: str


def meaning_of(word: text_words.EmotionWord, rng: np.random.Generator) -> tuple[str, str]:
    """A question about an emotion word and its answer: definition, levels, words like it."""
    like = [w for w in text_words.synonyms(word.word) if w != word.word]
    near = " and ".join(str(w) for w in rng.permutation(like)[:2])
    strength = ("a weak form of ", "", "a strong form of ")[word.strength]
    answer = (
        f"{word.word}: {strength}{word.emotion}, {text_words.DEFINITIONS[word.emotion]}; {word.valence}, "
        f"{word.arousal} arousal, {word.dominance} dominance" + (f"; like {near}" if near else "")
    )
    return f"What does {word.word} mean?", answer


def voice_sentence(row: dict[str, Any], rng: np.random.Generator) -> str:
    """A clip's voice in words, worded at random."""
    return describe_voice.describe(Prosody(*row["clip"])).sentence(rng)


def face_sentence(row: dict[str, Any], rng: np.random.Generator) -> str:
    """A face in words, worded at random."""
    units = dict(zip(AUS, row["units"].tolist(), strict=True))
    return describe_face.describe(units).sentence(int(rng.integers(3)))


def text_question(prompt: Prompt, words: str) -> str:
    """The user's turn of a text-only question."""
    return prompt.using("text").text(EmotionSample(id="text", text=words))


def draw(memory: Memory, rng: np.random.Generator, task: str) -> Example:
    """One example of a task of `TASKS` or `FORMATS`."""
    if task.startswith("w-"):
        return _felt(memory, rng, task.removeprefix("w-"))
    if task == "about":
        return _about_words(rng, ("structured", "free", "words")[int(rng.integers(3))])
    if task in ("structured", "free", "words"):
        return _about_words(rng, task)
    if task in ("parts", "shown", "caption"):
        return _in_form(memory, rng, task)
    if task in ("meaning", "closed"):
        words, emotion = grammar.text_examples(1, rng)[0] if rng.random() < 0.15 else _emotional(rng)
        prompt = PROMPTS["meaning" if task == "meaning" else "direct"]
        return Example(None, None, text_question(prompt, words), f"<answer>{emotion}</answer>", task)
    if task == "word":
        words_list = text_words.EMOTION_WORDS
        question, answer = meaning_of(words_list[int(rng.integers(len(words_list)))], rng)
        return Example(None, None, question, answer, task)
    audio, video = int(rng.integers(len(memory.audio))), int(rng.integers(len(memory.video)))
    question = PROMPTS[task].user
    if task == "face":
        video = memory.plain[int(rng.integers(len(memory.plain)))]
        return Example(
            audio if rng.random() < ALSO else None, video, question, face_sentence(memory.faces[video], rng), task
        )
    row = memory.voices[audio]
    if task == "transcribe":
        return Example(audio, None, question, row["text"], task)
    if rng.random() < ALSO:
        question = PROMPTS[task].using("text").text(EmotionSample(id="voice", text=row["text"]))
    return Example(audio, video if rng.random() < ALSO else None, question, voice_sentence(row, rng), task)


def _about_words(rng: np.random.Generator, task: str) -> Example:
    """A completion format, practised on words alone: the label is what the words say."""
    words, emotion = _emotional(rng)
    question = text_question(PROMPTS[task], words)
    says = f"the words say {emotion}"
    if task == "structured":
        think = f"<content>words with feeling</content><summary>{says}</summary>"
    else:
        think = says
    family = [w.word for w in text_words.EMOTION_WORDS if w.emotion == emotion]
    several = ", ".join(str(w) for w in rng.permutation(family)[: int(rng.integers(1, 4))])
    return Example(
        None, None, question, f"<think>{think}</think><answer>{several if task == 'words' else emotion}</answer>", task
    )


def _offered(question: str, label: str, rng: np.random.Generator) -> str:
    """A closed question, at times with fewer labels, in any order, among which `label` is."""
    if rng.random() >= SOME_LABELS:
        return question
    others = [str(e) for e in rng.permutation([e for e in EMOTIONS if e != label])[: int(rng.integers(2, 6))]]
    return question.replace(", ".join(EMOTIONS), ", ".join(str(e) for e in rng.permutation([*others, label])))


def _felt(memory: Memory, rng: np.random.Generator, form: str) -> Example:
    """A label, a reason or a caption of an emotional voice of the world, at times beside a face or by a face alone."""
    audio, video = memory.felt[int(rng.integers(len(memory.felt)))], None
    if memory.shown and rng.random() < 0.25:
        video = memory.shown[int(rng.integers(len(memory.shown)))]
        same = [i for i in memory.felt if memory.voices[i].get("label") == memory.faces[video]["label"]]
        pool = same if same and rng.random() < 0.5 else memory.calm or memory.felt
        audio = pool[int(rng.integers(len(pool)))]
    row = memory.voices[audio]
    if video is not None:
        label = memory.faces[video]["label"]
    else:  # every listener hears anew
        label = world.heard(world.felt(row["voice_emotion"], row["says"]), rng)
    shown = ("audio", "text") if rng.random() < 0.75 else ("audio",)
    prompt = PROMPTS[form].using(*shown, *(("video",) if video is not None else ()))
    question = _offered(prompt.text(EmotionSample(id="world", text=row["text"])), label, rng)
    return Example(audio, video, question, _reasoned(row, label, form, rng), f"w-{form}")


def _reasoned(row: dict[str, Any], label: str, form: str, rng: np.random.Generator) -> str:
    """The completion of a form for a voice and a label: reasons whose summary follows from content and acoustics."""
    if form == "direct":
        return f"<answer>{label}</answer>"
    described = voice_sentence(row, rng)
    if form == "caption":
        return f"<answer>{world.caption(label, row['says'], described, rng)}</answer>"
    follows = world.summary(label, row["says"], describe_voice.describe(Prosody(*row["clip"])), rng)
    if form == "structured":
        said = world.content(row["says"], rng)
        think = f"<content>{said}</content><acoustics>{described}</acoustics><summary>{follows}</summary>"
    else:
        think = described if rng.random() < 0.4 else f"{described}; {follows}"
    answer = world.words_for(label, rng) if form.startswith("words") else label
    return (
        f"<answer>{answer}</answer>" if form == "words_direct" else f"<think>{think}</think><answer>{answer}</answer>"
    )


def _in_form(memory: Memory, rng: np.random.Generator, task: str) -> Example:
    """A completion format, practised on a voice (and a face): described, and no feeling named."""
    audio, video = int(rng.integers(len(memory.audio))), int(rng.integers(len(memory.video)))
    row = memory.voices[audio]
    heard = voice_sentence(row, rng)
    if task == "caption":
        question = text_question(PROMPTS["caption"], row["text"])
        return Example(audio, None, question, f"<answer>One hears {heard}.</answer>", task)
    content = "words with feeling" if row["feeling"] else "neutral words"
    seen = f"<visual>{face_sentence(memory.faces[video], rng)}</visual>" if task == "shown" else ""
    sample = EmotionSample(id="parts", text=row["text"])
    question = PROMPTS["voice"].using("text").text(sample).replace(PROMPTS["voice"].user, SHOWN if seen else PARTS)
    answer = f"<think><content>{content}</content><acoustics>{heard}</acoustics>{seen}</think>"
    return Example(audio, video if seen else None, question, answer, task)


def _emotional(rng: np.random.Generator) -> tuple[str, str]:
    emotion = ("happy", "sad", "angry", "fearful", "disgusted", "surprised")[int(rng.integers(6))]
    return grammar.random_emotional(emotion, rng), emotion


def tokens_of(example: Example, tokenizer: Any, memory: Memory) -> tuple[list[int], list[int]]:
    """Prompt and answer ids; the prompt in the chat template's layout with its placeholders repeated."""
    content = [
        {"type": kind} for kind, there in (("audio", example.audio), ("video", example.video)) if there is not None
    ]
    turn = [{"role": "user", "content": [*content, {"type": "text", "text": example.question}]}]
    prompt = tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True)
    if example.audio is not None:
        prompt = prompt.replace("<|AUDIO|>", "<|AUDIO|>" * len(memory.audio[example.audio]))
    prompt = prompt.replace("<|VIDEO|>", "<|VIDEO|>" * SPAN_TOKENS)
    ids = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    return ids, [*tokenizer(example.answer, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]


def answer_loss(
    model: Any, examples: list[Example], tokenizer: Any, memory: Memory, seconds_per_grid: float, chunks: int = 3
) -> Tensor:
    """Mean next-token loss over the answers of a batch, run in chunks of like lengths so that little is padding."""
    pairs = [tokens_of(e, tokenizer, memory) for e in examples]
    order = sorted(range(len(pairs)), key=lambda i: len(pairs[i][0]) + len(pairs[i][1]))
    total = sum(len(answer) for _, answer in pairs)
    losses = []
    for part in np.array_split(np.array(order), chunks):
        chosen = part.tolist()
        losses.append(
            _summed_loss(model, [examples[i] for i in chosen], [pairs[i] for i in chosen], memory, seconds_per_grid)
        )
    return torch.stack(losses).sum() / total


def _summed_loss(
    model: Any,
    examples: list[Example],
    pairs: list[tuple[list[int], list[int]]],
    memory: Memory,
    seconds_per_grid: float,
) -> Tensor:
    width = max(len(p) + len(a) for p, a in pairs)
    ids = torch.full((len(pairs), width), model.config.text_config.pad_token_id)
    mask, labels = torch.zeros_like(ids), torch.full_like(ids, -100)
    for i, (prompt, answer) in enumerate(pairs):
        n, end = len(prompt), len(prompt) + len(answer)
        ids[i, :end], mask[i, :end] = torch.tensor(prompt + answer), 1
        labels[i, n:end] = torch.tensor(answer)
    embeds = model.get_input_embeddings()(ids)
    for token, media in (
        (model.config.audio_token_id, [memory.audio[e.audio].float() for e in examples if e.audio is not None]),
        (model.config.video_token_id, [memory.video[e.video].float() for e in examples if e.video is not None]),
    ):
        if media:
            there = (ids == token)[..., None].expand_as(embeds)
            embeds = embeds.masked_scatter(there, torch.cat(media).to(embeds.dtype))
    positions = _positions(model, ids, mask, examples, memory, seconds_per_grid)
    out = model.model.language_model(inputs_embeds=embeds, attention_mask=mask, position_ids=positions, use_cache=False)
    keep = labels[:, 1:] != -100
    logits = model.lm_head(out.last_hidden_state[:, :-1][keep])
    return F.cross_entropy(logits.float(), labels[:, 1:][keep], reduction="sum")


def _positions(
    model: Any, ids: Tensor, mask: Tensor, examples: list[Example], memory: Memory, seconds: float
) -> Tensor:
    faces = sum(e.video is not None for e in examples)
    positions = torch.arange(ids.shape[1]).expand(3, *ids.shape).clone()
    if not faces:
        return positions
    rows = [i for i, e in enumerate(examples) if e.video is not None]
    lengths = [memory.audio_frames[examples[i].audio] for i in rows if examples[i].audio is not None]
    shown, _ = model.model.get_rope_index(
        ids[rows],
        video_grid_thw=torch.tensor([[4, 8, 8]]).expand(faces, 3),
        attention_mask=mask[rows],
        audio_seqlens=torch.tensor(lengths),
        second_per_grids=torch.full((faces,), seconds),
    )
    positions[:, rows] = shown
    return positions
