"""Cases of `fault_cases.toml`, each tried through names that the tree before the work had as well.

Each function is given an empty folder and returns whether the right thing happened. `fault_cases.py` runs them in a
process of their own, with the tree to be tried first on `PYTHONPATH`.
"""

from __future__ import annotations

import importlib
import json
import math
import time
import unicodedata
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
TESTS = HERE.parent


def errors() -> type[Exception]:
    from emolab.errors import EmolabError

    return EmolabError


def refused(action: Any) -> bool:
    """Whether the action ends in one line of the project's own."""
    try:
        action()
    except errors() as error:
        return "\n" not in str(error)
    except Exception:  # noqa: BLE001
        return False
    return False


def pay(reward: Any, *texts: str, **columns: Any) -> list[float | None]:
    return reward(prompts=[""] * len(texts), completions=list(texts), **columns)


def answer(text: str) -> str:
    return f"<answer>{text}</answer>"


def found(*modules: str) -> Any:
    """The first of some modules that this tree has: names have moved since."""
    for name in modules[:-1]:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return importlib.import_module(modules[-1])


def _models() -> Any:
    return found("emolab.lalm.testing", "benchmarks.tiny_models")


# Adapters and weights


def _adapter(folder: Path) -> Path:

    from emolab.lalm.quantise import add_lora

    lalm = _models().tiny_random(seed=1)
    add_lora(lalm, rank=2)
    return Path(lalm.save(folder / "adapter"))


def _refuses_adapter(folder: Path, damage: Any, seed: int = 1) -> bool:
    from safetensors.torch import load_file, save_file

    from emolab.lalm.load import load_adapter

    adapter = _adapter(folder)
    path = adapter / "adapter_model.safetensors"
    kept = {name: tensor.contiguous().clone() for name, tensor in damage(load_file(path)).items()}
    save_file(kept, path, metadata={"format": "pt"})
    return refused(lambda: load_adapter(_models().tiny_random(seed=seed), adapter))


def adapter_renamed(folder: Path) -> bool:
    return _refuses_adapter(folder, lambda w: {name.replace("q_proj", "query"): t for name, t in w.items()})


def adapter_halved(folder: Path) -> bool:
    return _refuses_adapter(folder, lambda w: dict(list(w.items())[::2]))


def adapter_with_one_more(folder: Path) -> bool:
    import torch

    return _refuses_adapter(folder, lambda w: {**w, "base_model.model.extra.lora_A.weight": torch.zeros(2, 2)})


def adapter_of_another_shape(folder: Path) -> bool:
    return _refuses_adapter(folder, lambda w: {name: t[:1] if "lora_A" in name else t for name, t in w.items()})


def adapter_of_another_base(folder: Path) -> bool:
    return _refuses_adapter(folder, lambda w: w, seed=2)


def weights_missing(folder: Path) -> bool:

    from emolab.lalm.load import load_adapter

    adapter = _adapter(folder)
    (adapter / "adapter_model.safetensors").unlink()
    return refused(lambda: load_adapter(_models().tiny_random(seed=1), adapter))


def weights_cut(folder: Path) -> bool:

    from emolab.lalm.load import load_adapter

    path = _adapter(folder) / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    return refused(lambda: load_adapter(_models().tiny_random(seed=1), path.parent))


def _prompt() -> Any:
    from emolab.prompts import get_prompt

    return get_prompt("direct")


def _samples(lalm: Any, n: int) -> list[Any]:
    return list(_models().noise_samples(n, frames=4 if "video" in lalm.modalities else 0))


def nan_weights(folder: Path) -> bool:
    import torch

    lalm = _models().tiny_random()
    batch = lalm.encode(_samples(lalm, 1), _prompt())
    with torch.no_grad():
        lalm.decoder.layers[0].mlp.up_proj.weight.fill_(math.nan)
    return refused(lambda: lalm.label_scores(batch, ["happy", "sad"]))


def beyond_context(folder: Path) -> bool:

    lalm = _models().tiny_random()
    sample = replace(_samples(lalm, 1)[0], text="word " * 3000)
    return refused(lambda: lalm.encode([sample], _prompt()))


def special_tokens(folder: Path) -> bool:

    lalm = _models().tiny_random("qwen2_audio")
    sample = _samples(lalm, 1)[0]
    number = lalm.tokenizer.convert_tokens_to_ids("<|im_end|>")
    hostile = replace(sample, text=f"{sample.text}<|im_end|>")
    counts = [int((lalm.encode([s], _prompt()).input_ids == number).sum()) for s in (sample, hostile)]
    return counts[0] == counts[1]


# Controls and media


def _mixed() -> list[Any]:
    from emolab.samples import EmotionSample

    emotions = ("happy", "sad", "angry")
    return [
        EmotionSample(str(i), audio=None if i % 3 == 0 else f"{i}.wav", text="oh", emotion=emotions[i % 3], speaker=s)
        for i in range(18)
        for s in [str(i % 5)]
    ]


def control_gives_no_voice(folder: Path) -> bool:
    from emolab.evaluate.controls import apply_control

    mixed = _mixed()
    under = apply_control(mixed, "swapped", 1)
    return all((a.audio is None) == (b.audio is None) for a, b in zip(under, mixed, strict=True))


def silence_of_what_speaks(folder: Path) -> bool:
    from emolab.evaluate.controls import apply_control

    mixed = _mixed()
    under = apply_control(mixed, "silent", 1)
    return all(a == b for a, b in zip(under, mixed, strict=True) if b.audio is None)


def film_without_pictures(folder: Path) -> bool:
    from corpus_trees.media import clip

    from emolab.corpora.manifest import load_manifest as load

    clip(folder / "blind.mp4", video=False)
    corpus, _ = _table(folder, "path,label\nblind.mp4,sad\n", load)
    return len(corpus) == 1 and corpus[0].audio == "blind.mp4" and corpus[0].video is None


def sideways_film(folder: Path) -> int:
    import numpy as np
    from corpus_trees.media import clip

    from emolab.media import load_frames

    plain = load_frames(clip(folder / "plain.mp4", 1.0, audio=False)).astype(int)
    right = 0
    one, minus, zero = b"\x00\x01\x00\x00", b"\xff\xff\x00\x00", bytes(4)
    for turns, (a, b, c, d) in enumerate(
        ((zero, one, minus, zero), (minus, zero, zero, minus), (zero, minus, one, zero))
    ):
        path = clip(folder / f"{turns}.mp4", 1.0, audio=False)
        content = bytearray(path.read_bytes())
        at = content.index(b"tkhd") + 44
        content[at : at + 36] = a + b + zero + c + d + zero * 3 + b"\x40\x00\x00\x00"
        path.write_bytes(content)
        shown = load_frames(path).astype(int)
        right += bool(np.abs(shown - np.rot90(plain, -turns - 1, axes=(1, 2))).mean() < 1)
    return right


def sideways_photographs(folder: Path) -> int:
    import numpy as np
    from PIL import Image

    from emolab.media import load_frames

    wanted = np.zeros((16, 24, 3), np.uint8)
    wanted[:8, :12] = 255
    turned = (
        wanted, wanted[:, ::-1], wanted[::-1, ::-1], wanted[::-1], wanted.swapaxes(0, 1), np.rot90(wanted, 1),
        np.rot90(wanted, 2).swapaxes(0, 1), np.rot90(wanted, -1),
    )  # fmt: skip
    right = 0
    for orientation, stored in enumerate(turned, 1):
        exif = Image.Exif()
        exif[0x0112] = orientation
        path = folder / str(orientation)
        path.mkdir()
        Image.fromarray(np.ascontiguousarray(stored)).save(path / "1.png", exif=exif)
        shown = load_frames(path)[0]
        right += bool(shown.shape == wanted.shape and (shown == wanted).all())
    return right


def oblong_pixels(folder: Path) -> bool:
    import av
    import numpy as np

    from emolab.media import load_frames

    with av.open(str(folder / "wide.mp4"), "w") as output:
        stream = output.add_stream("mpeg4", rate=8)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(2, 1)
        for i in range(4):
            picture = np.full((32, 32, 3), 40 * i, np.uint8)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        output.mux(stream.encode())
    return bool(load_frames(folder / "wide.mp4").shape == (4, 32, 64, 3))


# Loaders


def _published(name: str, folder: Path) -> bool:
    from corpus_trees.media import clip, image, text, wav

    from emolab import corpora

    listing = json.loads((TESTS / "corpora" / "published.json").read_text(encoding="utf-8"))[name]
    for file, content in listing.get("files", {}).items():
        text(folder / file, content)
    for file in listing["media"]:
        {".wav": wav, ".jpg": image}.get(Path(file).suffix, clip)(folder / file)
    corpus, report = corpora.load_published(name, folder)
    found = {sample.id.removeprefix(f"{name}-"): sample for sample in corpus}
    if report.skipped or not set(listing["samples"]) <= set(found):
        return False
    same = ("emotion", "speaker", "text", "split")
    return all(
        getattr(found[key], field) == value
        for key, wanted in listing["samples"].items()
        for field, value in wanted.items()
        if field in same
    )


CORPORA = (
    "esd", "ravdess", "cremad", "emodb", "savee", "tess", "iemocap", "meld", "emotiontalk", "mafw", "dfew", "mer2023",
    "mer2024",
)  # fmt: skip
for _name in CORPORA:
    globals()[f"published_{_name}"] = lambda folder, _name=_name: _published(_name, folder)


# Languages and denials


def _read(text: str) -> str | None:
    from emolab.parsing import parse_label

    return parse_label(text)


DENIED = {
    "typographic": "It isn’t happy.",
    "cannot": "This can't be happy.",
    "will_not": "It won't be happy.",
    "far_from": "Far from happy.",
    "anything_but": "Anything but happy.",
    "opposite_of": "The opposite of happy.",
    "lacks_any": "The voice lacks any joy.",
    "unlikely": "Unlikely to be happy.",
    "is_wrong": "Angry is wrong.",
    "look_alike": "n\u043et happy",
    "chinese_substring": "不安全",
}
for _name, _text in DENIED.items():
    globals()[_name] = lambda folder, _text=_text: _read(_text) is None


def chinese_sentence(folder: Path) -> bool:
    return _read("说话人很生气") == "angry"


def no_doubt(folder: Path) -> bool:
    return _read("Happy, no doubt.") == "happy"


def zero_width(folder: Path) -> bool:
    return _read("not\u200b happy") is None


def sentences(folder: Path) -> int:
    rows = (TESTS / "emotions" / "sentences.tsv").read_text(encoding="utf-8").splitlines()[1:]
    right = 0
    for _, label, text in (row.split("\t") for row in rows):
        right += _read(json.loads(f'"{text}"')) == (None if label == "-" else label)
    return right


def chinese_bleu(folder: Path) -> bool:
    from emolab.metrics.captions import bleu

    text = "说话人听起来悲伤，声音低而缓慢，语速很慢。"
    return abs(bleu([text], [text]) - 1.0) < 1e-9


def chinese_gold(folder: Path) -> bool:
    from emolab.rewards.wheel import WheelF

    return pay(WheelF(), answer("sad"), words=[["悲伤"]])[0] == 1.0


def _captions(reference: str, *texts: str) -> list[float | None]:
    from emolab.rewards.shipped import rubric

    return pay(rubric("mecap_r1"), *(answer(t) for t in texts), caption=[reference] * len(texts))


def chinese_opposite(folder: Path) -> bool:
    text = "说话人听起来悲伤、难过，声音低而缓慢。"
    paid = _captions(text, text.replace("悲伤、难过", "高兴、快乐"), text)
    return paid[0] is not None and paid[1] is not None and paid[0] < 0.5 < paid[1]


def denied_caption(folder: Path) -> bool:
    text = "The speaker sounds angry and furious: the voice is loud and harsh."
    paid = _captions(text, text.replace("sounds", "does not sound"), text)
    return paid[0] is not None and paid[1] is not None and paid[0] < 0.5 < paid[1]


def wheel_hedge(folder: Path) -> bool:
    """Over one case for each emotion, two likely words without listening must not earn more than one."""
    from emolab.rewards import redteam
    from emolab.rewards.shipped import rubric

    def blind(*words: str) -> float:
        text = f"<think>It sounds {' and '.join(words)}.</think>{answer(', '.join(words))}"
        paid = [
            pay(rubric("affectgpt_rl"), text, **{name: [value] for name, value in case.columns.items()})[0] or 0.0
            for case in redteam.cases()
        ]
        return sum(paid) / len(paid)

    return blind("fearful", "revolted") <= blind("revolted")


def published_form(folder: Path) -> bool:
    from emolab.rewards.form import Format

    start = time.process_time()
    pay(Format(published=True), "<think>" + "</think>" * 40_000 + "</answer>")
    return time.process_time() - start < 0.5


# Tables


def _table(folder: Path, content: str, load: Any = None, **options: Any) -> Any:
    from corpus_trees.media import wav

    from emolab.corpora import manifest

    for name in ("a.wav", "b/c.wav"):
        wav(folder / name)
    (folder / "t.csv").write_text(content, encoding="utf-8")
    return (load or manifest.load_manifest)(folder / "t.csv", **options)


def row_too_long(folder: Path) -> bool:
    return refused(lambda: _table(folder, "path,text,label\na.wav,Oh, sad,happy\n"))


def quoted_commas(folder: Path) -> bool:
    corpus, _ = _table(folder, 'path,text,label\na.wav,"Oh, sad",happy\n')
    return (corpus[0].text, corpus[0].emotion) == ("Oh, sad", "happy")


def column_twice(folder: Path) -> bool:
    return refused(lambda: _table(folder, "path,label,label\na.wav,sad,happy\n"))


def columns_but_for_capitals(folder: Path) -> bool:
    return refused(lambda: _table(folder, "PATH,Path,label\na.wav,b/c.wav,sad\n"))


def three_spellings(folder: Path) -> bool:
    corpus, _ = _table(folder, "path,label\na.wav,sad\n./a.wav,happy\nb/../a.wav,sad\n")
    return len(corpus) == 1


def capital_header(folder: Path) -> bool:
    corpus, _ = _table(folder, "Path,Emotion\na.wav,sad\n")
    return [s.emotion for s in corpus] == ["sad"]


def back_slashes(folder: Path) -> bool:
    return len(_table(folder, "path,label\nb\\c.wav,sad\n")[0]) == 1


def other_case(folder: Path) -> bool:
    return len(_table(folder, "path,label\nA.wav,sad\n")[0]) == 1


def nfc_nfd(folder: Path) -> bool:
    from corpus_trees.media import wav

    wav(folder / unicodedata.normalize("NFD", "é.wav"))
    return len(_table(folder, f"path,label\n{unicodedata.normalize('NFC', 'é.wav')},sad\n")[0]) == 1


def _labels(folder: Path, label: float) -> Any:
    import pandas as pd
    from corpus_trees.media import wav

    from emolab.corpora.manifest import load_manifest as load

    wav(folder / "a.wav")
    pd.DataFrame({"path": ["a.wav"], "label": [label]}).to_parquet(folder / "t.parquet")
    return load(folder / "t.parquet", labels=None)


def number_labels(folder: Path) -> bool:
    return [s.emotion for s in _labels(folder, 1.0)[0]] == ["1"]


def nan_label(folder: Path) -> bool:
    return [s.emotion for s in _labels(folder, math.nan)[0]] == [None]


def cider_of_one(folder: Path) -> bool:
    cider = found("emolab.metrics.cider", "emolab.metrics.captions").cider
    return math.isnan(cider(["a low sad voice"], ["a low sad voice"]))


def lfs_sentence(folder: Path) -> bool:
    from corpus_trees.media import text, wav

    from emolab.corpora.manifest import load_manifest as load

    wav(folder / "a.wav")
    text(folder / "p.wav", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    (folder / "t.csv").write_text("path,label\na.wav,sad\np.wav,sad\n")
    _, report = load(folder / "t.csv")
    return "LFS" in report.sentence()


def name_not_utf8(folder: Path) -> bool:
    import os

    from corpus_trees.media import wav

    from emolab.corpora.manifest import load_manifest as load

    wav(folder / "sad/ok.wav")
    (folder / "sad" / os.fsdecode(b"bad\xff.wav")).write_bytes((folder / "sad/ok.wav").read_bytes())
    corpus, report = load(folder)
    corpus.write(folder / "out.jsonl")
    return bool(json.dumps(report.summary(), ensure_ascii=False).encode())


def half_character(folder: Path) -> bool:
    from corpus_trees.media import wav

    from emolab.corpora.manifest import load_manifest as load

    wav(folder / "a.wav")
    (folder / "t.jsonl").write_text(json.dumps({"path": "a.wav", "text": "\ud83d"}) + "\n")
    return refused(lambda: load(folder / "t.jsonl"))


# Rewards and runs


def nan_reward(folder: Path) -> bool:
    from emolab.rewards.rubric import Part, Rubric

    broken = _reward(lambda n: [math.nan] * n)
    return refused(lambda: pay(Rubric("r", (Part(broken),), clip=(0.0, 1.0)), "x"))


def part_changes_column(folder: Path) -> bool:
    from emolab.rewards.labels import Accuracy
    from emolab.rewards.rubric import Part, Rubric

    def vandal(columns: Any) -> None:
        columns["solution"][0] = "happy"

    rubric = Rubric("r", (Part(_reward(lambda n: [0.0] * n, vandal)), Part(Accuracy())))
    return pay(rubric, answer("sad"), solution=["sad"])[0] == 1.0


def _reward(values: Any, change: Any = None) -> Any:
    """A reward of one's own, in the form that both trees take."""
    from emolab.rewards import base

    def score(prompts: Any = None, completions: Any = (), **columns: Any) -> list[float]:
        if change:
            change(columns)
        return list(values(len(completions)))

    if not isinstance(getattr(base.Reward, "score", None), type(lambda: 0)):
        return lambda completions, **columns: score(completions=completions, **(columns | {"prompts": None}))
    own = type("Own", (base.Reward,), {"name": "own", "score": lambda self, text: 0.0})
    own.__call__ = lambda self, prompts, completions, **columns: score(prompts, completions, **columns)
    return own()


def save_steps(folder: Path) -> bool:
    from emolab.recipes import get_recipe

    return any(
        "save_steps" in vars(get_recipe(name)) or hasattr(get_recipe(name), "save_steps") for name in ("emo-rl",)
    )
