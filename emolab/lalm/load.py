"""Load a model by name: the shipped one, a folder, or a hub id; in 4 bits or not; with an adapter or not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from emolab.errors import ModelError
from emolab.lalm.notes import without_notes
from emolab.lalm.quantise import adapters_in_float32, keep_trainable
from emolab.lalm.tiny import TINY_FOLDER

if TYPE_CHECKING:
    from emolab.lalm.base import LALM

SHIPPED = {"tiny-omni": TINY_FOLDER}

# model_type of a checkpoint -> (module here, class in it, transformers class)
FAMILIES = {
    "qwen2_5_omni": ("qwen2_5_omni", "Qwen25Omni", "Qwen2_5OmniThinkerForConditionalGeneration"),
    "qwen2_5_omni_thinker": ("qwen2_5_omni", "Qwen25Omni", "Qwen2_5OmniThinkerForConditionalGeneration"),
    "qwen3_omni_moe": ("qwen3_omni", "Qwen3Omni", "Qwen3OmniMoeThinkerForConditionalGeneration"),
    "qwen3_omni_moe_thinker": ("qwen3_omni", "Qwen3Omni", "Qwen3OmniMoeThinkerForConditionalGeneration"),
    "qwen2_audio": ("qwen2_audio", "Qwen2Audio", "Qwen2AudioForConditionalGeneration"),
    "audioflamingo3": ("audioflamingo3", "AudioFlamingo3", "AudioFlamingo3ForConditionalGeneration"),
    "voxtral": ("voxtral", "Voxtral", "VoxtralForConditionalGeneration"),
}
WHOLE = (r".*lm_head", r".*audio_tower", r".*visual", r".*multi_modal_projector")  # patterns of what is never quantised


def load_model(
    name: str | Path,
    quantise: str | None = None,
    device: str | torch.device | None = None,
    dtype: torch.dtype | None = None,
    adapter: str | Path | None = None,
    **settings: Any,
) -> LALM:
    """Load an audio or omni language model.

    `name` is "tiny-omni", a folder (of a model, or of an adapter that names its model), or a hub id; `quantise` None
    or "nf4"; `device` a GPU if there is one, by default; `dtype` float32 on the CPU and bfloat16 elsewhere, by
    default; `adapter` a folder written by `LALM.save`. `settings` go to the family (`cache_bytes`, `cache_directory`).

    Raises ModelError, saying what to do, for an unknown family, a missing or broken folder, or a model that is not
    reachable.
    """
    if quantise not in (None, "nf4"):
        raise ModelError(f"quantise = {quantise!r} is unknown; use None or 'nf4'")
    folder = Path(name)
    if adapter is None and (folder / "adapter_config.json").is_file() and not (folder / "config.json").is_file():
        name, adapter = _base_of(folder), folder
    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    dtype = dtype or (torch.float32 if place.type == "cpu" else torch.bfloat16)
    source = str(SHIPPED.get(str(name), name))
    module, family, transformers_class = FAMILIES[_model_type(source)]
    model = _weights(source, transformers_class, quantise, place, dtype)
    model.name_or_path = str(name)
    tokenizer, extractor = _processors(source)
    lalm: LALM = getattr(import_module(f"emolab.lalm.{module}"), family)(
        model, tokenizer, extractor, str(name), **settings
    )
    lalm.home = Path(source if adapter is None else adapter)
    keep_trainable(lalm.decoder)
    if adapter is not None:
        load_adapter(lalm, adapter)
    return lalm


def load_adapter(lalm: LALM, folder: str | Path, trainable: bool = True) -> LALM:
    """Put an adapter on a model, in place. Raises ModelError if the folder holds none that fits."""
    from peft import PeftModel

    if not (Path(folder) / "adapter_config.json").is_file():
        raise ModelError(f"{folder}: holds no adapter_config.json; give a folder written by `save`")
    try:
        with without_notes():
            lalm.model = PeftModel.from_pretrained(lalm.model, str(folder), is_trainable=trainable)
    except (RuntimeError, ValueError, OSError) as error:
        raise ModelError(f"{folder}: this adapter does not fit {lalm.name} ({_short(error)})") from error
    adapters_in_float32(lalm.model)
    return lalm


def _base_of(folder: Path) -> str:
    base = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8")).get("base_model_name_or_path")
    if not base:
        raise ModelError(
            f"{folder}: its adapter_config.json names no base model; pass the model, and this folder as `adapter`"
        )
    return str(base)


def _model_type(source: str) -> str:
    from transformers import PretrainedConfig

    if Path(source).exists() and not (Path(source) / "config.json").is_file():
        raise ModelError(
            f"{source}: holds no config.json; give the folder of a model, or a hub id such as "
            "Qwen/Qwen2-Audio-7B-Instruct"
        )
    try:
        config, _ = PretrainedConfig.get_config_dict(source)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{source}: no such folder, and not reachable on the hub ({_short(error)}); download it "
            f"where there is a network and give its folder, or use 'tiny-omni'"
        ) from error
    kind = config.get("model_type")
    if kind not in FAMILIES:
        raise ModelError(
            f"{source}: model type {kind!r} is not one of {', '.join(FAMILIES)}; use one of these, or "
            f"add a family as one file in emolab/lalm"
        )
    return str(kind)


def _weights(source: str, name: str, quantise: str | None, device: torch.device, dtype: torch.dtype) -> Any:
    import transformers

    options: dict[str, Any] = {"dtype": dtype, "device_map": {"": device}}
    if quantise:
        options["quantization_config"] = transformers.BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_compute_dtype=dtype,
            llm_int8_skip_modules=list(WHOLE),
        )
    try:
        with quiet_loading():
            model, report = getattr(transformers, name).from_pretrained(source, output_loading_info=True, **options)
    except (OSError, ValueError, RuntimeError, ImportError, KeyError) as error:
        raise ModelError(
            f"{source}: its weights cannot be loaded as {name} ({_short(error)}); check that the folder "
            f"is complete, and the memory"
        ) from error
    if missing := sorted(report["missing_keys"]):
        raise ModelError(
            f"{source}: {len(missing)} weights are missing, {missing[0]} first; the checkpoint is "
            f"incomplete or of another model"
        )
    return model.eval()


def _processors(source: str) -> tuple[Any, Any]:
    from transformers import AutoFeatureExtractor, AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(source, padding_side="left"), AutoFeatureExtractor.from_pretrained(source)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(
            f"{source}: its tokenizer or feature extractor cannot be loaded ({_short(error)}); the "
            f"folder needs tokenizer files and preprocessor_config.json"
        ) from error


@contextmanager
def quiet_loading() -> Iterator[None]:
    """No progress bars for models that load in an instant; errors are raised anyway."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
