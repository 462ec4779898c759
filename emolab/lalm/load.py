"""Load a model by name: the shipped one, a folder, or a hub id; in 4 bits or not; with an adapter or not."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import transformers
from huggingface_hub import hf_hub_download, snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError
from safetensors import SafetensorError, safe_open
from transformers import AutoFeatureExtractor, AutoTokenizer, PretrainedConfig

from emolab.errors import ModelError
from emolab.files import read_json
from emolab.lalm.base import BASE_NOTE, LALM
from emolab.lalm.quantise import adapters_in_float32, cast_in_forward, keep_trainable, without_notes
from emolab.lalm.tiny import TINY_FOLDER
from emolab.media import FeatureCache
from emolab.paths import build_folder
from emolab.registry import Registry

SHIPPED = {"tiny-omni": TINY_FOLDER}

# model_type of a checkpoint -> its family's class
FAMILIES: Registry[type[LALM]] = Registry(
    "family",
    {
        "qwen2_5_omni": "emolab.lalm.qwen2_5_omni:Qwen25Omni",
        "qwen2_5_omni_thinker": "emolab.lalm.qwen2_5_omni:Qwen25Omni",
        "qwen3_omni_moe": "emolab.lalm.qwen3_omni:Qwen3Omni",
        "qwen3_omni_moe_thinker": "emolab.lalm.qwen3_omni:Qwen3Omni",
        "qwen2_audio": "emolab.lalm.qwen2_audio:Qwen2Audio",
        "qwen3_asr": "emolab.lalm.qwen3_asr:Qwen3ASR",
        "audioflamingo3": "emolab.lalm.audioflamingo3:AudioFlamingo3",
        "voxtral": "emolab.lalm.voxtral:Voxtral",
    },
    ModelError,
)
FEATURES = "EMOLAB_FEATURES_GB"
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
    What towers compute is kept on disk (`feature_folder`) unless `cache_directory` is given.

    Raises ModelError, saying what to do, for an unknown family, a missing or broken folder, or a model that is not
    reachable.
    """
    if quantise not in (None, "nf4"):
        raise ModelError(f"quantise = {quantise!r} is unknown; use None or 'nf4'")
    folder = local(name)
    if adapter is None and (folder / "adapter_config.json").is_file() and not (folder / "config.json").is_file():
        name, adapter = _named_base(folder), folder
        if not name:
            told = "names no base model; pass the model, and this folder as `adapter`"
            raise ModelError(f"{folder}: its adapter_config.json {told}")
    place = _place(device)
    dtype = dtype or (torch.float32 if place.type == "cpu" else torch.bfloat16)
    source = str(SHIPPED.get(str(name), name))
    family = family_of(source)
    model = _weights(source, family.transformers_class, quantise, place, dtype)
    model.name_or_path = str(name)
    tokenizer, extractor = _processors(source)
    lalm = family(model, tokenizer, extractor, str(name), **settings)
    if "cache_directory" not in settings:
        lalm.cache = FeatureCache(lalm.cache.max_bytes, *feature_folder())
    lalm.home, lalm.source = Path(source if adapter is None else adapter), source
    keep_trainable(lalm.decoder)
    if adapter is not None:
        load_adapter(lalm, adapter)
    return lalm


def feature_folder() -> tuple[Path | None, int]:
    """Where what towers compute is kept, shared by all runs and processes, and how many bytes it may take.

    It is `features` in the build folder, at most 20 GB, or as many as the variable EMOLAB_FEATURES_GB says; 0: nowhere.
    """
    try:
        size = float(os.environ.get(FEATURES, "20"))
    except ValueError as error:
        raise ModelError(f"{FEATURES}={os.environ[FEATURES]!r}: expected a number of gigabytes") from error
    return (build_folder() / "features" if size > 0 else None), int(size * 1e9)


def local(name: str | Path) -> Path:
    """The folder of an adapter that lies on a hub, fetched; of anything else, its own name as a path.

    Raises ModelError, without asking a hub, for a name A/B where the folder A is here and has no B.
    """
    path = Path(name)
    if str(name) in SHIPPED or path.exists() or str(name).count("/") != 1:
        return path
    if path.parent.is_dir():
        raise ModelError(
            f"{name}: the folder {path.parent} is here, and has no {path.name}; a hub is asked only where there is no "
            f"folder {path.parent}"
        )
    try:
        hf_hub_download(str(name), "adapter_config.json")
        return Path(snapshot_download(str(name)))
    except (OSError, ValueError, HfHubHTTPError, HFValidationError):  # no adapter there, or no hub: a model's name
        return path


def family_of(name: str | Path) -> type[LALM]:
    """The class of a model's family, by its configuration alone. Raises ModelError as `load_model` does."""
    return FAMILIES[_model_type(str(SHIPPED.get(str(name), name)))]


def stored_dtype(name: str | Path) -> torch.dtype:
    """The dtype that a model's configuration states for its weights on disk; float32 where it states none."""
    config, _ = PretrainedConfig.get_config_dict(str(SHIPPED.get(str(name), name)))
    inside = [config, *(part for part in config.values() if isinstance(part, dict))]
    stated = [part[key] for part in inside for key in ("dtype", "torch_dtype") if part.get(key)]
    return getattr(torch, str(stated[0]).removeprefix("torch.")) if stated else torch.float32


def _place(device: str | torch.device | None) -> torch.device:
    """The device with its index, which a 4-bit model needs: in several processes, each one its own card.

    Raises ModelError for a GPU that PyTorch cannot use.
    """
    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    if place.type != "cuda":
        return place
    if not torch.cuda.is_available():
        built = torch.version.cuda or torch.version.hip
        why = "finds no card and driver" if built else "is built for the CPU alone"
        raise ModelError(f"device {str(place)!r}: this PyTorch ({torch.__version__}) {why}; use device='cpu'")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")) if place.index is None else place.index)


def load_adapter(lalm: LALM, folder: str | Path, trainable: bool = True) -> LALM:
    """Put an adapter on a model, in place.

    Raises ModelError if the folder holds none, or one that does not fit: of another base model, with names that the
    model does not have, or with only a part of its tensors.
    """
    from peft import PeftModel, get_peft_model_state_dict

    folder = Path(folder)
    if not (folder / "adapter_config.json").is_file():
        raise ModelError(f"{folder}: holds no adapter_config.json; give a folder written by `save`")
    weights = folder / "adapter_model.safetensors"
    if not weights.is_file():
        raise ModelError(f"{folder}: holds no {weights.name}; its weights were not copied, or not written to the end")
    _require_base(lalm, folder)
    plain = lalm.model
    try:
        with safe_open(str(weights), "pt") as file:
            found = set(file.keys())
        with without_notes("Found missing adapter keys"):
            lalm.model = PeftModel.from_pretrained(plain, str(folder), is_trainable=trainable)
        wanted = set(get_peft_model_state_dict(lalm.model, save_embedding_layers=False))
    except (RuntimeError, ValueError, OSError, TypeError, SafetensorError) as error:
        raise ModelError(f"{folder}: this adapter does not fit {lalm.name} ({_short(error)})") from error
    if wanted != found:
        lalm.model = plain
        parts = [
            f"{len(names)} of its tensors {what}, {min(names)} first"
            for names, what in ((wanted - found, "are missing"), (found - wanted, "have no place in the model"))
            if names
        ]
        raise ModelError(f"{folder}: this adapter does not fit {lalm.name}: {'; '.join(parts)}")
    adapters_in_float32(lalm.model)
    cast_in_forward(lalm.model)
    return lalm


def _require_base(lalm: LALM, folder: Path) -> None:
    """Raise ModelError where an adapter notes that it was trained on other weights than the model's."""
    if not (folder / BASE_NOTE).is_file():  # not written by `save`, as a checkpoint of transformers or of ms-swift
        named = _named_base(folder)
        if named and Path(named).name != Path(lalm.name).name:
            told = "%s: names %s as its base model, and is put on %s; nothing notes the weights that it was trained on"
            logging.getLogger(__name__).warning(told, folder, named, lalm.name)
        return
    note = read_json(folder / BASE_NOTE, "the note of an adapter's base model", ModelError)
    if note.get("fingerprint") != lalm.base_fingerprint():
        raise ModelError(
            f"{folder}: this adapter was trained on other weights than those of {lalm.name}; load it on "
            f"{note.get('model')}, or train it again"
        )


def _named_base(folder: Path) -> str:
    """The base model that the configuration of an adapter names; empty where it names none."""
    found = read_json(folder / "adapter_config.json", "the configuration of an adapter", ModelError)
    return str(found.get("base_model_name_or_path") or "")


def _model_type(source: str) -> str:
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
            f"add a family: emolab.register('family', {kind!r})"
        )
    return str(kind)


def _weights(source: str, name: str, quantise: str | None, device: torch.device, dtype: torch.dtype) -> Any:
    options: dict[str, Any] = {"dtype": dtype, "device_map": {"": device}, "trust_remote_code": False}
    if quantise:
        options["quantization_config"] = transformers.BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_compute_dtype=dtype,
            llm_int8_skip_modules=list(WHOLE),
        )
    try:
        with quiet_loading(source):
            model, report = getattr(transformers, name).from_pretrained(source, output_loading_info=True, **options)
    except (OSError, ValueError, RuntimeError, ImportError, KeyError, SafetensorError) as error:
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
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, padding_side="left", trust_remote_code=False)
        return tokenizer, AutoFeatureExtractor.from_pretrained(source, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(
            f"{source}: its tokenizer or feature extractor cannot be loaded ({_short(error)}); the "
            f"folder needs tokenizer files and preprocessor_config.json"
        ) from error


@contextmanager
def quiet_loading(source: str) -> Iterator[None]:
    """No progress bars for a model on disk, which loads in moments; a download keeps its bars."""
    if not (Path(source).exists() and transformers.logging.is_progress_bar_enabled()):
        yield
        return
    transformers.logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers.logging.enable_progress_bar()


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
