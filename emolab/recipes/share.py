"""Sharing what a run trained: a model card for each stage's folder, and the way to a hub.

The card is made from the run's own files: identity (`run.json`), result (`result.json`) and the checkpoint's note.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from emolab.corpora.catalogue import CORPORA, CorpusInfo
from emolab.corpora.embedded import NAME as SYNTHETIC
from emolab.corpora.spec import LOADERS
from emolab.errors import EmolabError
from emolab.files import read_json, write_text
from emolab.lalm.checkpoint import checkpoint_info, is_checkpoint
from emolab.rewards.source import FILE_MODULE
from emolab.training.runs import IDENTITY, RESULT, STAGES

CARD = "README.md"
SHARED = [
    *("adapter_*", "model*.safetensors*", "*config.json", "emolab*.json", "temperature.json", "likeness.npz", CARD),
    *("tokenizer*", "chat_template*", "special_tokens_map.json", "vocab.json", "merges.txt", "tekken.json"),
]
"""What `push` uploads. Answers to clips of a corpus, optimiser states and part results stay at home."""
FORBIDDING = ("agreement", "no redistribution", "-nd", "research only", "research use")
CARD_TEXT = Path(__file__).with_name("card.txt").read_text(encoding="utf-8")
"""The card; what it must not be used for is the same for all."""


def corpus_facts(name: str) -> CorpusInfo | None:
    """The catalogue's entry of a corpus by the name in its table (`iemocap`, or a folder called `MELD.Raw`)."""
    return next((info for key, info in CORPORA.items() if name.lower().replace("-", "").startswith(key)), None)


def licence_note(corpus: str) -> str:
    """One sentence where a corpus's licence forbids, or does not clearly allow, sharing weights derived from it; else
    "".

    >>> licence_note("iemocap")[:37]
    'IEMOCAP: by signed agreement with USC'
    """
    info = corpus_facts(corpus)
    if info is None or not any(word in info.licence.lower() for word in FORBIDDING):
        return ""
    return (
        f"{info.title}: {info.licence}. These terms do not allow, or do not clearly allow, sharing weights derived "
        "from the corpus; ask its owner before you make them public"
    )


def write_cards(run: str | Path, usual: Mapping[str, Any]) -> list[Path]:
    """Write the card of every checkpoint of a finished run (see `card`). Returns the cards' paths."""
    run = Path(run)
    return [write_text(run / stage / CARD, card(run, stage, usual)) for stage in STAGES if is_checkpoint(run / stage)]


def card(run: str | Path, stage: str, usual: Mapping[str, Any]) -> str:
    """The model card of a stage in a run's folder, as Markdown with the hub's metadata. Settings other than the `usual`
    ones are named in the command that repeats the run."""
    run = Path(run)
    note = checkpoint_info(run / stage)
    identity = read_json(run / IDENTITY, "what a run depends on")
    result = read_json(run / RESULT, "the result of a run")
    corpus, recipe = identity["corpus"], note["recipe"]
    info, warning = corpus_facts(corpus["name"]), licence_note(corpus["name"])
    own = "made by this package, Apache-2.0" if corpus["name"] == SYNTHETIC else "not in the catalogue; ask its owner"
    head = {"base_model": note["model"], "library_name": "peft", "tags": ["emolab", "emotion-recognition", recipe]}
    return CARD_TEXT.format(
        head=yaml.safe_dump(head, sort_keys=False),
        title=f"{recipe}, {STAGES[stage]}",
        model=note["model"],
        bits=", trained on its 4-bit weights" if note.get("quantise") else "",
        recipe=recipe,
        steps=f"{STAGES[stage]}, {_steps(stage, note['settings'])}, seed {result['seed']}",
        reward=", ".join(result["rewards"]) if stage == "grpo" else "none, it is supervised",
        corpus=f"{info.title if info else corpus['name']}, {corpus['samples']} training samples",
        licence=info.licence if info else own,
        warning=f"\n**{warning}.**\n" if warning else "",
        labels=", ".join(identity["labels"]) or "free words",
        prompt=f"{note['prompt']}; it takes {', '.join(note['modalities'])}",
        scores=_scores(result, stage),
        command=repeat_command(identity, result, usual),
    )


def repeat_command(identity: Mapping[str, Any], result: Mapping[str, Any], usual: Mapping[str, Any]) -> str:
    """The command that trains this again: settings that differ from the `usual` ones of the profile are named."""
    told = [
        f"--set {name}={','.join(value) if isinstance(value, list) else 'null' if value is None else value}"
        for name, value in identity["settings"].items()
        if usual.get(name) != value and name != "seed"
    ]
    read, name = result.get("corpus", {}), identity["corpus"]["name"]
    protocol = read.get("protocol")
    if name != SYNTHETIC or protocol:  # the embedded corpus has splits of its own, a table of its clips does not
        told.append(f"--corpus {name}:FOLDER" if corpus_facts(name) or name in LOADERS else "--corpus TABLE")
    told += ["--only-listening"] if read.get("only_listening") else []
    told += [f"--protocol {protocol}"] if protocol else []
    told += [f"--fold {identity['corpus']['fold']}"] if identity["corpus"].get("fold") else []
    told += _own_rewards(identity.get("rewards", {}).get("parts", []))
    return " ".join([f"emolab train {identity['recipe']}", f"--seed {result['seed']}", *told])


def _own_rewards(parts: Sequence[Mapping[str, Any]]) -> list[str]:
    """The options that pay the rewards of a rubric that are not this package's, with their weights."""
    own = [part for part in parts if not part["reward"].get("type", "").startswith("emolab.")]
    told = [f"--reward {_spec(part['reward'])} --reward-weight {part['weight']:g}" for part in own]
    return told + (["--no-own-rewards"] if own and len(own) == len(parts) else [])


def _spec(reward: Mapping[str, Any]) -> str:
    """How `--reward` names the reward of an identity; one that states its own identity does not say where it lies."""
    if reward.get("type") == "rubric":
        return str(reward["name"])
    module, _, name = reward.get("type", f"FILE.{reward['name']}").rpartition(".")
    return f"{module.removeprefix(FILE_MODULE)}.py:{name}" if module.startswith(FILE_MODULE) else f"{module}:{name}"


def _steps(stage: str, settings: Mapping[str, Any]) -> str:
    if stage == "grpo":
        return f"{settings['steps']} steps of {settings['prompts_per_step']} prompts × {settings['group_size']} answers"
    return f"{settings['sft_epochs' if stage == 'sft' else 'cold_epochs']:g} epochs"


def _scores(result: Mapping[str, Any], stage: str) -> str:
    """A table: the metric of each stage and of each control, with its 95 % interval."""
    metric = result["metric"]
    shown = {STAGES[name]: result[name] for name in STAGES if result.get(name)}
    shown |= {f"{STAGES[stage]}, {name}": part for name, part in (result[stage] or {}).get("controls", {}).items()}
    rows = [f"| {name} | {score_text(part, metric)} | {part['n']} |" for name, part in shown.items()]
    chance = f"\n\nChance is {result['chance']:.3f}." if result.get("chance") else ""
    return "\n".join([f"| model | {metric}, 95 % interval | clips |", "|---|---|---|", *rows]) + chance


def score_text(part: Mapping[str, Any], metric: str, digits: int = 2) -> str:
    """A score with its interval, to so many digits: "0.612 [0.55, 0.67]"; a dash where there is none.

    >>> score_text({"ua": 0.6123, "ua_ci": [0.55, 0.67]}, "ua")
    '0.612 [0.55, 0.67]'
    """
    value, ends = part.get(metric), part.get(f"{metric}_ci")
    if value is None:
        return "–"
    return f"{value:.3f}" + (f" [{ends[0]:.{digits}f}, {ends[1]:.{digits}f}]" if ends else "")


def push(folder: str | Path, repo: str, public: bool = False, token: str | None = None) -> dict[str, Any]:
    """Upload a checkpoint, or what `emolab export` wrote, to a repository of the hub; `load_model(repo)` reads it back.

    The repository is made where there is none, private unless `public`. Returns `url`, `repo` and `warnings`: about the
    corpus's licence, or a base model that others cannot load. Raises EmolabError for a folder without a model or card,
    and where the hub refuses or is not reached.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError, HTTPError

    folder = Path(folder)
    if not any((folder / name).is_file() for name in ("adapter_config.json", "config.json")):
        raise EmolabError(f"{folder}: holds no adapter and no model; give a folder such as OUT/grpo")
    note = checkpoint_info(folder) if is_checkpoint(folder) else {}
    warnings = [licence_note(str(note.get("corpus", "")))]
    if (folder / "adapter_config.json").is_file() and Path(str(note.get("model", ""))).is_dir():
        warnings.append(f"its base model, {note['model']}, is a folder of this machine; others cannot load the adapter")
    if not (folder / CARD).is_file():
        raise EmolabError(f"{folder}: has no {CARD}; the run has not finished, or an earlier version wrote it")
    api = HfApi(token=token)
    try:
        made = api.create_repo(repo, private=not public, exist_ok=True)
        api.upload_folder(folder_path=folder, repo_id=made.repo_id, allow_patterns=SHARED, commit_message="emolab push")
    except (HTTPError, HFValidationError, OSError) as error:
        said = str(error).partition("\n")[0]
        raise EmolabError(
            f"{repo}: not uploaded to {api.endpoint} ({said}); log in with `hf auth login`, or set HF_TOKEN"
        ) from error
    return {"url": made.url, "repo": made.repo_id, "public": public, "warnings": [text for text in warnings if text]}
