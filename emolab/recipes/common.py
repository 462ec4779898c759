"""What the recipes share: splits of a corpus, a model with adapters, stages that measure before and after,
checkpoints."""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from emolab.errors import CorpusError, TrainingError
from emolab.evaluate import write_result as write_evaluation
from emolab.evaluate.as_asked import evaluation_of
from emolab.prompts import Prompt, get_prompt
from emolab.samples import Corpus, EmotionSample, resolve
from emolab.training.launch import is_main

if TYPE_CHECKING:
    from emolab.lalm import LALM
    from emolab.recipes.engine import RecipeSettings
    from emolab.rewards.rubric import Rubric

INFO, SCORES, METRICS = "emolab.json", "scores", "metrics.jsonl"
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
    corpus: Corpus,
    cold_per_label: int,
    seed: int,
    domain: str | None = "a",
    test_limit: int | None = None,
    measured: str = "test",
    test: Corpus | None = None,
) -> Splits:
    """Cut a corpus with `split` columns into a cold start, a training and a measured part.

    The measured part is the corpus's own `measured` split, of held-out talkers and sentences, or the `measured` split
    of another corpus `test` (all of it, where it has no splits). `test_limit` takes that many of each label. Raises
    CorpusError when a part is empty.
    """
    inside = in_domain(corpus, domain)
    train = inside.where(split="train")
    if test is None:
        held_out = inside.where(split=measured)
    else:
        held_out = test.where(split=measured) if any(s.split for s in test) else test
    if not len(inside):
        known = sorted({str(s.extra.get("domain")) for s in corpus})
        raise CorpusError(f"{corpus.root}: no sample of domain {domain!r}; it has {', '.join(known)}")
    if not len(train) or not len(held_out):
        raise CorpusError(
            f"{corpus.root}: needs samples with split 'train' and {measured!r}, has {dict(corpus.counts('split'))}"
        )
    cold = take_per_label(train, cold_per_label, seed)
    used = {s.id for s in cold}
    held_out = take_per_label(held_out, test_limit, 0) if test_limit else held_out
    return Splits(cold, train.where(lambda s: s.id not in used and s.emotion is not None), held_out)


def in_domain(corpus: Corpus, domain: str | None) -> Corpus:
    """The samples of a domain; all where no domain is wanted or the corpus has none."""
    return corpus.where(domain=domain) if domain and any(s.extra.get("domain") for s in corpus) else corpus


def other_domain(corpus: Corpus, settings: RecipeSettings, measured: str = "test") -> Corpus | None:
    """The measured samples of domains that a run is not trained on; None where there are none."""
    away = corpus.where(
        lambda s: s.split == measured and s.extra.get("domain") not in (None, settings.domain) and bool(s.emotion)
    )
    if not settings.domain or not len(away):
        return None
    return take_per_label(away, settings.test_per_label, 0) if settings.test_per_label else away


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
    evaluation: Callable[..., dict[str, Any]] | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Greedy answers on `corpus`, and the same under each control: `{ua, …, rows, controls: {name: {ua, …}}}`.

    `evaluation` is what the prompt's style asks for unless one is given; it takes `options`.
    """
    evaluation = evaluation or evaluation_of(prompt)
    options |= {
        "seed": seed,
        "max_new_tokens": max_new_tokens,
        "batch_size": batch_size,
        "progress": progress,
    }
    result = evaluation(lalm, corpus, prompt, **options)
    if controls:
        result["controls"] = {name: evaluation(lalm, corpus, prompt, control=name, **options) for name in controls}
    return result


def fine_tune(
    lalm: LALM,
    corpus: Corpus,
    target: Callable[[EmotionSample], str],
    prompt: Prompt,
    epochs: float,
    batch: int,
    learning_rate: float,
    seed: int,
    progress: bool = True,
) -> list[dict[str, float]]:
    """Supervised fine-tuning on `target` of each sample. Returns step and loss of every step."""
    from emolab.training.sft import SFTSettings, cold_start

    targets = [target(sample) for sample in corpus]
    options = SFTSettings(epochs, batch, learning_rate, seed=seed)
    return cold_start(lalm, resolved(corpus), targets, prompt, options, progress)


class ReinforceOptions(TypedDict, total=False):
    """How GRPO is run, beside what it trains: `save_steps` between checkpoints (50; None for none), a `progress` bar
    (True), whether to `resume` from the last whole checkpoint (True), and further `callbacks` of the trainer."""

    save_steps: int | None
    progress: bool
    resume: bool
    callbacks: Sequence[Any]


def reinforce(
    lalm: LALM,
    corpus: Corpus,
    prompt: Prompt,
    rubric: Rubric,
    settings: RecipeSettings,
    out: Path,
    **options: Unpack[ReinforceOptions],
) -> list[dict[str, Any]]:
    """GRPO of `rubric` over the samples of `corpus`, its checkpoints and metrics under `out`. Returns the metrics of
    every step."""
    from emolab.training.callbacks import History, Progress
    from emolab.training.checkpoints import last_checkpoint
    from emolab.training.config import grpo_config
    from emolab.training.grpo import AudioGRPOTrainer

    save_steps = options.get("save_steps", 50)
    saving: dict[str, Any] = {"save_steps": save_steps, "save_total_limit": 2} if save_steps else {}
    args = grpo_config(
        out,
        prompts_per_step=settings.prompts_per_step,
        group_size=settings.group_size,
        max_steps=settings.steps,
        learning_rate=settings.learning_rate,
        beta=settings.beta,
        loss_type=settings.loss_type,
        seed=settings.seed,
        temperature=settings.temperature,
        max_completion_length=settings.max_new_tokens,
        warmup_steps=min(5, settings.steps // 2),
        **saving,
    )
    history = History(out / METRICS)
    shown = [Progress()] if options.get("progress", True) else []
    callbacks = [history, *shown, *options.get("callbacks", ())]
    trainer = AudioGRPOTrainer(lalm, resolved(corpus), prompt, rubric, args, callbacks=callbacks)
    last = last_checkpoint(out) if options.get("resume", True) else None
    trainer.train(resume_from_checkpoint=str(last) if last else None)
    return history.rows


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """The metrics of every step of the GRPO run in a folder, as `reinforce` left them; none where there was no run."""
    path = folder / METRICS
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []


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


def scores_key(prompt: Prompt, test: Corpus, other: Corpus | None, checks: Sequence[str]) -> dict[str, Any]:
    """What must be equal for measured scores to be used again."""
    ids = [[f"{part.name}/{s.id}" for s in part] for part in (test, other) if part is not None]
    digest = hashlib.sha256(json.dumps(ids).encode()).hexdigest()[:12]
    return {"prompt": prompt.id, "modalities": list(prompt.modalities), "samples": digest, "controls": list(checks)}


def read_scores(folder: Path, key: dict[str, Any]) -> dict[str, Any] | None:
    """The scores in a stage's folder, where they were measured under the same `scores_key`."""
    path = folder / f"{SCORES}.json"
    if not path.is_file() or (noted := json.loads(path.read_text(encoding="utf-8")))["key"] != key:
        return None
    scores: dict[str, Any] = noted["scores"]
    return scores


def write_scores(folder: Path, key: dict[str, Any], scores: dict[str, Any], rows: Sequence[dict[str, Any]]) -> None:
    """Keep a stage's scores, and the raw outputs beside them as Parquet."""
    if is_main():
        write_evaluation({"key": key, "scores": scores, "rows": list(rows)}, folder / SCORES)


class Stages:
    """Runs the stages of a recipe in order, in a folder of its own, and keeps their seconds.

    The folder notes the settings; TrainingError when it holds a run with others, whose checkpoints must not be
    continued.
    """

    def __init__(self, out: str | Path, settings: Any, say: Callable[[str], None] | None = None):
        from emolab.training.checkpoints import write_json

        self.out, self.say = Path(out), say or (lambda text: None)
        self._times = self.out / "seconds.json"
        times = self._times.read_text(encoding="utf-8") if self._times.is_file() else "{}"
        self.seconds: dict[str, float] = json.loads(times)
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
        from emolab.training.checkpoints import write_json

        start = time.perf_counter()
        value = work()
        self.seconds[name] = round(time.perf_counter() - start, 2)
        if is_main():
            write_json(self._times, self.seconds)
        return value


def settings_dict(settings: Any) -> dict[str, Any]:
    """A settings dataclass as plain JSON data."""
    data: dict[str, Any] = json.loads(json.dumps(asdict(settings), default=str))
    return data


def prompt_named(name: str, modalities: Sequence[str]) -> Prompt:
    """The prompt called `name`, presenting `modalities`."""
    return get_prompt(name).using(*modalities)
