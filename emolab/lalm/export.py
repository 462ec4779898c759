"""A trained model for other tools: a complete folder for transformers and vLLM, or an adapter under vLLM's names.

vLLM 0.33 maps a tensor's name by the rules of its model class and passes over, silently, what then fits no layer
(`vllm/lora/lora_model.py`, `vllm/model_executor/models/*.py`; the rules stand as data in
`tests/lalm/vllm_names.json`). A family says in `served_decoder` under which name vLLM looks for its decoder.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emolab.errors import ModelError
from emolab.files import read_json, write_json, write_text
from emolab.lalm.checkpoint import INFO, checkpoint_info
from emolab.lalm.layout import messages
from emolab.lalm.load import SHIPPED, family_of

if TYPE_CHECKING:
    from emolab.lalm.base import LALM

PEFT = "base_model.model."
PUBLISHED = (
    "preprocessor_config.json",
    "processor_config.json",
    "video_preprocessor_config.json",
    "tekken.json",
    "spk_dict.pt",
)
"""Files of a published processor that are taken over as they are."""
NO_TALKER = "The talker, which speaks, is not in this folder."


def merge(checkpoint: str | Path, out: str | Path) -> Path:
    """Write a model with its adapters merged in: configuration, processor, chat template, weights, card.

    `checkpoint` is a folder of `emolab train`, or any model that `load_model` takes. The folder loads in transformers
    (`AutoProcessor` and the family's class), and here as a model and as a checkpoint. Weights keep the dtype of the
    base model's. 4-bit weights become 16-bit ones first, so that the merged model is the one that was trained.
    Qwen's Omni models are written as they are published, without the talker. Raises ModelError where `out` has files,
    or the checkpoint cannot be read.
    """
    out, info = _free(out), checkpoint_info(checkpoint) if (Path(checkpoint) / INFO).is_file() else {}
    lalm = _loaded(checkpoint, info)
    plain = lalm.model.merge_and_unload() if hasattr(lalm.model, "merge_and_unload") else lalm.model
    ends = {"eos_token_id": lalm.eos_ids, "pad_token_id": lalm.pad_id}
    plain.generation_config.update(**ends)
    part = out.with_name(f".{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    _whole(lalm, plain).save_pretrained(part)
    write_processor(lalm, part)
    if info:
        for name in ("temperature.json", "likeness.npz"):
            if (found := Path(checkpoint) / name).is_file():
                shutil.copy(found, part / name)
        write_json(part / INFO, info | {"quantise": None, "merged": str(info["model"])})
    write_text(part / "README.md", _card(checkpoint, lalm, info))
    if out.is_dir():
        out.rmdir()
    part.rename(out)
    return out


def to_vllm(checkpoint: str | Path, out: str | Path) -> Path:
    """Write the adapter of a checkpoint under the names that vLLM uses for the family.

    Raises ModelError where vLLM takes no adapter for the family, or a tensor is not one of the decoder's.
    """
    from safetensors.torch import load_file, save_file

    checkpoint, out, info = Path(checkpoint), _free(out), checkpoint_info(checkpoint)
    family = family_of(info["model"])
    if not family.served_decoder:
        raise ModelError(
            f"{checkpoint}: vLLM takes no LoRA adapter for {family.transformers_class}; merge it into the model "
            f"instead: emolab export {checkpoint} --merge {out}"
        )

    def renamed(name: str) -> str:
        head, found, rest = name.partition("language_model.layers.")
        if not found:
            raise ModelError(f"{checkpoint}: {name} is no layer of the decoder; vLLM would pass over it silently")
        return f"{PEFT if head.startswith(PEFT) else ''}{family.served_decoder}.layers.{rest}"

    config = read_json(checkpoint / "adapter_config.json", "an adapter's configuration", ModelError)
    targets = config["target_modules"]
    if isinstance(targets, list):  # PEFT shortens a name to an end that no other layer has; an end is no other in vLLM
        config["target_modules"] = [renamed(name) if "language_model." in name else name for name in targets]
    tensors = {renamed(name): tensor for name, tensor in load_file(checkpoint / "adapter_model.safetensors").items()}
    out.mkdir(parents=True, exist_ok=True)
    save_file(tensors, out / "adapter_model.safetensors", metadata={"format": "pt"})
    write_json(out / "adapter_config.json", config)
    return out


def serve_line(checkpoint: str | Path, out: str | Path, merged: bool) -> str:
    """The command that serves what was exported, or why vLLM cannot."""
    model = str(out if merged else checkpoint_info(checkpoint)["model"])
    family = family_of(model)
    if merged:
        other = f"not in vLLM, which reads other files of {family.transformers_class}"
        return f"vllm serve {out}" if family.served_whole else other
    model = str(SHIPPED.get(model, model)) if family.served_whole else model.removesuffix("-hf")
    rank = read_json(Path(checkpoint) / "adapter_config.json", "an adapter's configuration", ModelError)["r"]
    rest = f" --max-lora-rank {rank}" if rank > 16 else ""
    return f"vllm serve {model} --enable-lora --lora-modules emolab={out}{rest}"


def write_processor(lalm: LALM, folder: str | Path) -> None:
    """Write tokenizer, feature extractor and chat template, and what `AutoProcessor` reads, into a folder.

    The files of a published processor are taken over. Its chat template is, too, where it gives the prompt that this
    model was trained with; else the template of the training is written.
    """
    from transformers.utils import cached_file

    folder = Path(folder)
    published: dict[str, Any] = {}
    for name in (*PUBLISHED, "chat_template.jinja", "chat_template.json"):
        found = cached_file(lalm.source, name, _raise_exceptions_for_missing_entries=False) if lalm.source else None
        published |= {name: Path(found)} if found else {}
    lalm.tokenizer.save_pretrained(folder)
    lalm.feature_extractor.save_pretrained(folder)
    for name in set(PUBLISHED) & set(published):
        shutil.copy(published[name], folder / name)
    write_text(folder / "chat_template.jinja", _template(lalm, published))
    config = read_json(folder / "preprocessor_config.json", "a processor's configuration", ModelError)
    if lalm.processor_class and "processor_class" not in config and "processor_config.json" not in published:
        made = config | lalm.image_settings() | {"processor_class": lalm.processor_class}
        write_json(folder / "preprocessor_config.json", made)
    if missing := {name: token for name, token in lalm.named_tokens.items() if not hasattr(lalm.tokenizer, name)}:
        path = folder / "tokenizer_config.json"
        stated = read_json(path, "a tokenizer's configuration", ModelError)
        write_json(path, stated | {"extra_special_tokens": missing})


def _template(lalm: LALM, published: dict[str, Path]) -> str:
    """The published processor's chat template where it gives the prompts of the training, else that of the training."""
    talk = messages("Answer.", "words", [m for m in lalm.modalities if m != "text"])
    render = lalm.tokenizer.apply_chat_template
    for name, path in published.items():
        if name.startswith("chat_template"):
            text = path.read_text(encoding="utf-8")
            found = str(json.loads(text)["chat_template"]) if path.suffix == ".json" else text
            options = {"tokenize": False, "add_generation_prompt": True}
            ours = [render(turns, chat_template=lalm.template, **options) for turns in (talk, talk[1:])]
            if ours == [render(turns, chat_template=found, **options) for turns in (talk, talk[1:])]:
                return found
    return lalm.template


def _loaded(checkpoint: str | Path, info: dict[str, Any]) -> LALM:
    """The model in the dtype of its weights on disk, with its adapter; 4-bit weights as dense ones.

    A card unpacks 4 bits and merges many times faster than a CPU, which does it where the card is too small.
    """
    import torch

    if info.get("quantise") and torch.cuda.is_available():
        try:
            return _dense(checkpoint, info, "cuda")
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
    return _dense(checkpoint, info, "cpu")


def _dense(checkpoint: str | Path, info: dict[str, Any], device: str) -> LALM:
    from emolab.lalm.load import load_adapter, load_model, stored_dtype

    name = info.get("model", checkpoint)
    lalm = load_model(name, quantise=info.get("quantise"), device=device, dtype=stored_dtype(name))
    if info.get("quantise"):
        lalm.model = lalm.model.dequantize(dtype=lalm.dtype)  # float16 without a dtype
    return load_adapter(lalm, checkpoint, trainable=False) if info else lalm


def _whole(lalm: LALM, plain: Any) -> Any:
    """The model as published: a Thinker inside its Omni model, which has no talker."""
    import torch
    import transformers
    from transformers.utils import logging

    if not lalm.whole_class:
        return plain
    kind = getattr(transformers, lalm.whole_class)
    told = logging.get_verbosity()
    logging.set_verbosity_error()  # notes about the talker's tokens
    with torch.device("meta"):
        config = kind.config_class(thinker_config=plain.config.to_dict(), enable_audio_output=False)
        config.dtype = plain.dtype
        whole = kind(config)
    logging.set_verbosity(told)
    whole.thinker = plain
    whole.generation_config = plain.generation_config
    return whole


def _free(out: str | Path) -> Path:
    out = Path(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ModelError(f"{out}: is there already; give a folder that is new or empty")
    return out


def _card(checkpoint: str | Path, lalm: LALM, info: dict[str, Any]) -> str:
    own = Path(checkpoint) / "README.md"
    head = f"# {lalm.name}\n\nA model written by `emolab export`.\n" if not own.is_file() else own.read_text("utf-8")
    notes = [f"Its adapters are merged into the weights of {info['model']}."] if info else []
    notes += [NO_TALKER] if lalm.whole_class else []
    return head + ("\n## This folder\n\n" + " ".join(notes) + "\n" if notes else "")
