"""What is run on a card: the parts, each with its command, its environment and the memory that it needs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emolab.errors import TrainingError
from emolab.profiles import PROFILES, profile_for

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 600.0
"""Seconds of a part."""
BENCH_GB = {"2b": 6.0, "3b": 12.0, "7b": 20.0}
SEVERAL_GB = 70.0  # of three prompts in a step: the plain path takes 24 whole rows
STOCK_GB = {"3b": 22.0, "7b": 28.0}  # the plain path of 8 whole rows took 21 and 27 GB on an H100
VLLM_GB = {"3b": 40.0, "7b": 70.0}  # the same in 16 bits, and a second copy for vLLM with its cache: not measured


@dataclass(frozen=True)
class Card:
    """The device: name, 10⁹ bytes of memory, driver."""

    name: str
    memory_gb: float
    driver: str
    device: str = "cuda"

    @classmethod
    def of(cls, device: str) -> Card:
        """This machine's first card, or the CPU in its place. Raises TrainingError where there is none."""
        import torch

        if device == "cpu":
            return cls("cpu", 0.0, "", "cpu")
        if not torch.cuda.is_available():
            why = "no card was found" if torch.version.cuda else "this PyTorch is built for the CPU alone"
            raise TrainingError(f"there is nothing to measure: {why} (torch {torch.__version__}); see `emolab doctor`")
        properties = torch.cuda.get_device_properties(0)
        return cls(properties.name, properties.total_memory / 1e9, _driver())

    @property
    def slug(self) -> str:
        """Its name as a folder's."""
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")

    def free_gb(self) -> float:
        """What others leave of it now."""
        import torch

        return float(torch.cuda.mem_get_info(0)[0] / 1e9) if self.device == "cuda" else float("inf")

    def profile(self, wanted: str | None, tiny: bool) -> str:
        """The profile to measure: `wanted`, or the largest that fits. Raises TrainingError where none does."""
        chosen = wanted or ("gpu-24gb" if tiny else profile_for(self.memory_gb))
        if chosen is None or chosen not in PROFILES or PROFILES[chosen].device == "cpu":
            raise TrainingError(f"{wanted or self.name}: no GPU profile for {self.memory_gb:.1f} GB; give --profile")
        return chosen


def _driver() -> str:
    """The driver's version, where nvidia-smi tells it."""
    call = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader", "--id=0"]
    try:
        return subprocess.run(call, capture_output=True, text=True, check=True, timeout=20).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"


@dataclass(frozen=True)
class Part:
    """One process: `arguments` of Python, further environment, GB that must be free, whether it prints JSON, the
    seconds after which it has been stopped, and why it cannot run on this machine (empty: it can)."""

    name: str
    arguments: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    needs_gb: float = 0.0
    prints_json: bool = True
    limit: float = LIMIT
    left_out: str = ""


def parts_for(profile: str, device: str, tiny: bool, card_gb: float = 0.0) -> list[Part]:
    """All parts for a profile: short ones first, so that a first quarter of an hour already tells something."""
    emolab, here = ("-m", "emolab"), ("--device", device)
    small = ("--layers", "2", "--narrow") if tiny else ()
    chosen = PROFILES[profile]
    found = [
        Part("doctor", (*emolab, "doctor", "--json"), limit=120.0),
        Part(
            "tests",
            ("-m", "pytest", "-q", "-m", "gpu" if device == "cuda" else "not gpu", *_tests(tiny)),
            prints_json=False,
        ),
        Part(
            "rehearse",
            (*emolab, "rehearse", profile, *here, *small, "--keep", "--json"),
            needs_gb=0 if tiny else chosen.memory_gb,
        ),
    ]
    found += [
        Part(
            f"grpo-{size}",
            (*emolab, "bench", "grpo-gpu", "--size", size, "--runs", "2", "--json", *(TINY_BENCH if tiny else ())),
            needs_gb=0 if tiny else BENCH_GB[size],
        )
        for size in BENCH_GB
        if tiny or BENCH_GB[size] <= chosen.memory_gb + 2
    ]
    if card_gb >= SEVERAL_GB:
        several = (*emolab, "bench", "grpo-gpu", "--size", "7b", "--prompts", "3", "--runs", "2", "--json")
        found.append(Part("grpo-7b-several", several, needs_gb=SEVERAL_GB))
    stock = ("bench", "grpo", "--only", "stock", "--runs", "3", "--json", *(("--quick",) if tiny else ()))
    found.append(Part("stock-trl", (*emolab, *stock)))
    found += [
        stock_part(size, vllm, device, tiny, card_gb or chosen.memory_gb + 2)
        for vllm in (False, True)
        for size in STOCK_GB
    ]
    return found + [notebook(path, profile, device, tiny) for path in _notebooks()]


def stock_part(size: str, vllm: bool, device: str, tiny: bool, card_gb: float) -> Part:
    """TRL's own trainer on a text model of a decoder's size; left out, with the reason, where it cannot run."""
    against, needs = ("stock-vllm", VLLM_GB[size]) if vllm else ("stock", STOCK_GB[size])
    call = ("-m", "emolab", "bench", "grpo-gpu", "--against", against, "--size", size, "--runs", "2", "--json")
    why = no_vllm(device) if vllm else ""
    if not tiny and not why and card_gb < needs:
        why = f"needs {needs:g} GB, and the card has {card_gb:.1f}"
    small, quiet = TINY_BENCH if tiny else (), {"VLLM_NO_USAGE_STATS": "1"} if vllm else {}
    return Part(f"{against}-{size}", (*call, *small), quiet, 0 if tiny else needs, left_out=why)


def no_vllm(device: str) -> str:
    """Why vLLM cannot sample in a trainer's process on this device; empty where it can."""
    from importlib.util import find_spec

    if find_spec("vllm") is None:
        return "the package vllm is not installed"
    return "" if device == "cuda" else "vLLM samples in a trainer's process on a card alone"


TINY_BENCH = ("--small", "--runs", "1", "--prompt", "100", "--completion", "12", "--group", "2", "--seconds", "1")


def _tests(tiny: bool) -> tuple[str, ...]:
    """Where tests of a card are; one quick file to try the command itself."""
    return ("tests/test_registry.py",) if tiny else ("tests",)


def _notebooks() -> list[Path]:
    return sorted((ROOT / "notebooks" / "src").glob("[0-9]*.py"))


def notebook(path: Path, profile: str, device: str, tiny: bool) -> Part:
    """A notebook at a profile with the stand-in of its model, which the rehearsal left."""
    values = {"EMOLAB_PROFILE": profile, "EMOLAB_DEVICE": device, "EMOLAB_MODEL": str(standin(profile, tiny))}
    values |= {"EMOLAB_COURSE": "smoke"} if tiny else {}
    call = ("-m", "emolab", "course", "run", path.stem, "--no-site", "--json")
    return Part(f"notebook-{path.stem}", call, values, 0 if tiny else PROFILES[profile].memory_gb)


def standin(profile: str, tiny: bool) -> Path:
    """Where the rehearsal leaves the profile's model."""
    from benchmarks.rehearse.standin import standin_folder
    from emolab.paths import build_folder

    layers = 2 if tiny else None
    return standin_folder(build_folder() / "rehearsal", PROFILES[profile].model, layers, tiny)


def environment(part: Part) -> dict[str, str]:
    """The process's environment: offline, with this checkout's package and course."""
    here = (ROOT, ROOT / "notebooks", ROOT / "data_scripts" / "corpora")
    paths = os.pathsep.join([*map(str, here), os.environ.get("PYTHONPATH", "")])
    offline = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "TQDM_MININTERVAL": "30"}
    return {**os.environ, **offline, "PYTHONPATH": paths.rstrip(os.pathsep), **part.environment}


def command_of(part: Part) -> list[str]:
    """The command line."""
    return [sys.executable, *part.arguments]


def versions() -> dict[str, Any]:
    """Versions of what computes."""
    from importlib.metadata import PackageNotFoundError, version

    found: dict[str, Any] = {"python": sys.version.split()[0]}
    for name in ("torch", "transformers", "trl", "peft", "bitsandbytes"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found
