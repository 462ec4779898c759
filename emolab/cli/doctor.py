"""`emolab doctor`: installed and missing packages, and the profiles that this machine can run."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import typer
from packaging.requirements import Requirement

from emolab.cli.output import JsonOption, command, console, emit, print_table
from emolab.extras import EXTRA_OF
from emolab.profiles import PROFILES, VARIABLE, profile_for

GB = 1e9
"""Memory is stated in 10⁹ bytes everywhere, as profiles and the planner state it."""
NEEDED = ("", "train")
"""The extras that a model needs; without any other extra the `cpu` profile runs."""


@command
def doctor(as_json: JsonOption = False) -> None:
    """Check the installation, and list the profiles that this machine can run.

    The command names missing packages, and versions that differ from the tested ones. Its exit status is 1 where the
    cpu profile could not run.
    """
    result = examine()
    emit(result, as_json, _render)
    if not result["ok"]:
        raise typer.Exit(1)


def examine() -> dict[str, Any]:
    """Everything that `doctor` tells, as plain values. `ok` is False where the `cpu` profile could not run."""
    packages = package_report()
    machine = machine_report()
    shipped = shipped_report()
    missing = [row["name"] for row in packages if row["installed"] is None and row["extra"] in NEEDED]
    missing += [name for name, present in shipped.items() if not present]
    different = [row["name"] for row in packages if row["installed"] and row["tested"] not in (None, row["installed"])]
    return {
        "ok": not missing,
        "missing": missing,
        "different": different,
        "python": platform.python_version(),
        "machine": machine,
        "packages": packages,
        "shipped": shipped,
        "espeak": espeak_report(),
        "profiles": profile_report(machine),
    }


def package_report() -> list[dict[str, Any]]:
    """One row per requirement of emolab: name, extra that installs it ("" = always), installed and tested version."""
    tested = tested_versions()
    rows: dict[str, dict[str, Any]] = {}
    for text in metadata.requires("emolab") or []:
        requirement = Requirement(text)
        if requirement.name == "emolab":
            continue
        key = requirement.name.lower()
        # Of an extra within an extra, the metadata names the outer one.
        marker = str(requirement.marker or "")
        named = marker.split("extra ==")[-1].strip(" \"'") if "extra ==" in marker else ""
        extra = EXTRA_OF.get(key.replace("-", "_"), named) if named else ""
        rows.setdefault(key, {"name": key, "extra": extra, "installed": _installed(key), "tested": tested.get(key)})
    return list(rows.values())


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name).split("+")[0]
    except metadata.PackageNotFoundError:
        return None


def tested_versions() -> dict[str, str]:
    """The pins of `constraints.txt` beside a checkout; empty for an installed wheel, which carries ranges only."""
    path = Path(__file__).parents[2] / "constraints.txt"
    if not path.is_file():
        return {}
    lines = (line.split("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return {name.lower(): version for name, _, version in (line.partition("==") for line in lines) if version}


def machine_report() -> dict[str, Any]:
    """Cores, memory, free disk and GPUs, in 10⁹ bytes. Imports torch: it alone knows whether it can use the GPU."""
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "memory_gb": round(psutil.virtual_memory().total / GB, 1),
        "disk_free_gb": round(shutil.disk_usage(Path.cwd()).free / GB, 1),
        "gpus": _gpus(),
    }


def _gpus() -> list[dict[str, Any]]:
    if find_spec("torch") is None:
        return []
    import torch

    if not torch.cuda.is_available():
        return []
    return [gpu_report(index) for index in range(torch.cuda.device_count())]


def gpu_report(index: int) -> dict[str, Any]:
    """A card: name, memory in all and free, whether it computes in bfloat16 (T4 and V100 do not), the profile that
    fits it, and what to set."""
    import torch

    device = torch.cuda.get_device_properties(index)
    total, bf16 = device.total_memory / GB, device.major >= 8
    chosen = profile_for(total)
    return {
        "name": device.name,
        "memory_gb": round(total, 1),
        "free_gb": round(torch.cuda.mem_get_info(index)[0] / GB, 1),
        "bf16": bf16,
        "profile": chosen,
        "set": None if chosen is None else f"export {VARIABLE}={chosen}",
    }


def shipped_report() -> dict[str, bool]:
    """Whether the weights of the tiny model, and the package of the embedded and the published corpora, are there."""
    weights = Path(__file__).parents[1] / "lalm" / "tiny_data"
    return {
        "tiny model weights": any(weights.glob("*.safetensors")),
        "emolab-corpora": find_spec("emolab_corpora") is not None,
    }


def espeak_report() -> dict[str, Any]:
    """Whether new sentences can be spoken: extra `voices`, or espeak-ng on the PATH. Nothing else needs it."""
    return {"loader": find_spec("espeakng_loader") is not None, "program": shutil.which("espeak-ng")}


def profile_report(machine: dict[str, Any]) -> list[dict[str, Any]]:
    """One row per profile: whether it runs on `machine`, and if not, why not."""
    largest_gpu = max((gpu["memory_gb"] for gpu in machine["gpus"]), default=0.0)
    rows = []
    for profile in PROFILES.values():
        available = machine["memory_gb"] if profile.device == "cpu" else largest_gpu
        kind = "RAM" if profile.device == "cpu" else "GPU memory"
        reason = ""
        if available < profile.memory_gb:
            reason = f"needs {profile.memory_gb:g} GB of {kind}, found {available:g}"
        elif profile.download_gb > machine["disk_free_gb"]:
            reason = f"needs {profile.download_gb:g} GB of disk, {machine['disk_free_gb']:g} are free"
        facts = {key: getattr(profile, key) for key in ("name", "model", "quantise", "download_gb")}
        rows.append(facts | {"runs": not reason, "reason": reason})
    return rows


def gpu_advice(gpu: dict[str, Any]) -> str:
    """What a card can do, and what to set for it, in words."""
    kind = "bfloat16" if gpu["bf16"] else "float16 (it has no bfloat16; adapters stay in float32, the loss is scaled)"
    text = f"{gpu['name']}: {gpu['memory_gb']} GB, {gpu['free_gb']} GB free, computes in {kind}"
    if gpu["profile"] is None:
        return f"{text}; no GPU profile fits it, so use the profile cpu"
    return f"{text}; {gpu['profile']} fits: {gpu['set']}"


def _render(result: dict[str, Any]) -> None:
    terminal = console()
    machine = result["machine"]
    gpus = ", ".join(f"{gpu['name']} ({gpu['memory_gb']} GB)" for gpu in machine["gpus"]) or "none"
    terminal.print(f"Python {result['python']} on {sys.platform}, {machine['cores']} cores, GPU: {gpus}")
    terminal.print(f"{machine['memory_gb']} GB of RAM, {machine['disk_free_gb']} GB of free disk")
    for gpu in machine["gpus"]:
        terminal.print(gpu_advice(gpu))
    rows = []
    for row in result["profiles"]:
        runs = "yes" if row["runs"] else f"no: {row['reason']}"
        rows.append((row["name"], runs, row["model"], row["quantise"] or "no", f"{row['download_gb']:g} GB"))
    print_table(["profile", "runs here", "model", "4 bits", "download"], rows)
    for row in result["packages"]:
        if row["installed"] is None:
            extra = f"[{row['extra']}]" if row["extra"] else ""
            hint = f"{'optional' if extra else 'required'}: pip install 'emolab{extra}'"
            terminal.print(f"missing   {row['name']} ({hint})")
        elif row["name"] in result["different"]:
            terminal.print(f"different {row['name']}: {row['installed']} here, tested with {row['tested']}")
    for name, present in result["shipped"].items():
        if not present:
            terminal.print(f"missing   {name}: pip install . ./data_scripts/corpora, in a whole checkout of emolab")
    espeak = result["espeak"]
    can_speak = espeak["loader"] or espeak["program"]
    speaks = "espeak-ng found" if can_speak else "need espeak-ng: pip install 'emolab[voices]'"
    terminal.print(f"New sentences: {speaks}")
    missing = ", ".join(result["missing"])
    needed = "The cpu profile needs these packages, which are missing"
    terminal.print(f"{needed}: {missing}" if missing else "Everything that the cpu profile needs is installed.")
