"""What the recipes share: splits of a corpus, a model with adapters, stages that measure before and after,
checkpoints."""

from __future__ import annotations

import json
import random
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emolab.errors import CorpusError, TrainingError
from emolab.evaluate import evaluate
from emolab.prompts import Prompt, get_prompt
from emolab.samples import Corpus, EmotionSample, resolve
from emolab.training.launch import is_main

if TYPE_CHECKING:
    from emolab.lalm import LALM

INFO = "emolab.json"
CONTROLS = ("silent", "shuffled", "swapped")


@dataclass(frozen=True)
class Splits:
    """The three disjoint parts of a run: `cold` has rationales, `train` only labels, `test` only measures."""

    cold: Corpus
    train: Corpus
    test: Corpus


def take_per_label(corpus: Corpus, n: int, seed: int) -> Corpus:
    """`n` samples of each label, drawn with `seed`; the order is drawn too. Raises CorpusError where a label has
    fewer."""
    groups: defaultdict[str, list[EmotionSample]] = defaultdict(list)
    for sample in corpus:
        if sample.emotion is not None:
            groups[sample.emotion].append(sample)
    rng, chosen = random.Random(seed), []
    for label in sorted(groups):
        if len(groups[label]) < n:
            raise CorpusError(
                f"{corpus.root}: {n} clips of {label!r} are wanted and there are {len(groups[label])}; "
                "make a larger corpus or ask for fewer"
            )
        chosen += rng.sample(sorted(groups[label], key=lambda s: s.id), n)
    rng.shuffle(chosen)
    return corpus.replace(chosen)


def split(
    corpus: Corpus, cold_per_label: int, seed: int, domain: str | None = "a", test_limit: int | None = None
) -> Splits:
    """Cut a corpus with `split` columns into a cold start, a training and a test part.

    The test part is the corpus's own: held-out talkers and sentences. `test_limit` takes that many of each label.
    Raises CorpusError when a part is empty.
    """
    inside = corpus.where(domain=domain) if domain and any(s.extra.get("domain") for s in corpus) else corpus
    train, test = inside.where(split="train"), inside.where(split="test")
    if not len(train) or not len(test):
        raise CorpusError(
            f"{corpus.root}: needs samples with split 'train' and 'test', has {dict(corpus.counts('split'))}"
        )
    cold = take_per_label(train, cold_per_label, seed)
    used = {s.id for s in cold}
    test = take_per_label(test, test_limit, 0) if test_limit else test
    return Splits(cold, train.where(lambda s: s.id not in used and s.emotion is not None), test)


def resolved(corpus: Corpus) -> list[EmotionSample]:
    """Samples with absolute media paths: what a model takes."""
    return [resolve(sample, corpus.root) for sample in corpus]


def prepare_model(name: str, quantise: str | None, rank: int, alpha: int, seed: int) -> LALM:
    """Load a model, in 4 bits when `quantise` is "nf4", with fresh LoRA adapters drawn from `seed`."""
    import torch

    from emolab.lalm import load_model
    from emolab.lalm.quantise import add_lora

    lalm = load_model(name, quantise=quantise)
    torch.manual_seed(seed)
    add_lora(lalm, rank=rank, alpha=alpha)
    return lalm


def measure(
    lalm: LALM,
    corpus: Corpus,
    prompt: Prompt,
    *,
    seed: int,
    max_new_tokens: int,
    controls: Sequence[str] = (),
    batch_size: int = 64,
    progress: bool = True,
) -> dict[str, Any]:
    """Greedy answers on `corpus`, and the same under each control: `{ua, …, rows, controls: {name: {ua, …}}}`."""
    options: dict[str, Any] = {
        "seed": seed,
        "max_new_tokens": max_new_tokens,
        "batch_size": batch_size,
        "progress": progress,
    }
    result = evaluate(lalm, corpus, prompt, **options)
    if controls:
        result["controls"] = {name: evaluate(lalm, corpus, prompt, control=name, **options) for name in controls}
    return result


def slim(result: dict[str, Any]) -> dict[str, Any]:
    """A result for printing: numbers only, its controls included."""
    out = {k: v for k, v in result.items() if k not in ("rows", "info", "controls")}
    if "controls" in result:
        out["controls"] = {name: slim(part) for name, part in result["controls"].items()}
    return out


def save_checkpoint(folder: str | Path, lalm: LALM, info: dict[str, Any]) -> Path:
    """Write the adapters and what is needed to use them: `load_checkpoint` and `--checkpoint` read the folder."""
    from emolab.training.checkpoints import write_json

    folder = Path(folder)
    if is_main():
        folder.mkdir(parents=True, exist_ok=True)
        lalm.save(folder)
        write_json(folder / INFO, info)
    return folder


def load_checkpoint(folder: str | Path) -> tuple[LALM, dict[str, Any]]:
    """The model of a checkpoint folder with its adapters, ready to answer, and what `save_checkpoint` noted.

    Raises TrainingError when the folder is no checkpoint of a recipe.
    """
    from emolab.lalm import load_model

    folder = Path(folder)
    if not (folder / INFO).is_file():
        raise TrainingError(f"{folder}: no {INFO}; expected a folder that `emolab train` wrote, such as OUT/after")
    info = json.loads((folder / INFO).read_text(encoding="utf-8"))
    return load_model(info["model"], quantise=info["quantise"], adapter=folder), info


class Stages:
    """Runs the stages of a recipe in order, in a folder of its own, and keeps their seconds.

    The folder notes the settings; TrainingError when it holds a run with others, whose checkpoints must not be
    continued.
    """

    def __init__(self, out: str | Path, settings: Any, say: Callable[[str], None] | None = None):
        from emolab.training.checkpoints import write_json

        self.out, self.say = Path(out), say or (lambda text: None)
        self.seconds: dict[str, float] = {}
        mine, noted = settings_dict(settings), self.out / "settings.json"
        if noted.is_file() and (theirs := json.loads(noted.read_text(encoding="utf-8"))) != mine:
            names = sorted(k for k in mine.keys() | theirs.keys() if mine.get(k) != theirs.get(k))
            raise TrainingError(
                f"{out}: holds a run with other settings ({', '.join(names)}); choose another folder or delete it"
            )
        if is_main():
            write_json(noted, mine)

    def run(self, name: str, work: Callable[[], Any]) -> Any:
        """Announce, time and run one stage."""
        self.say(name)
        start = time.perf_counter()
        value = work()
        self.seconds[name] = round(time.perf_counter() - start, 2)
        return value


def settings_dict(settings: Any) -> dict[str, Any]:
    """A settings dataclass as plain JSON data."""
    data: dict[str, Any] = json.loads(json.dumps(asdict(settings), default=str))
    return data


def prompt_named(name: str, modalities: Sequence[str]) -> Prompt:
    """The prompt called `name`, presenting `modalities`."""
    return get_prompt(name).using(*modalities)
