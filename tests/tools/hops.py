"""How long the way of one prediction and of one GRPO step is, and what the tree holds; for "before" and "after".

Run it inside any checkout of the project, old or new: `PYTHONPATH=. python tests/tools/hops.py`. Hops are calls of the
project's own functions, counted with `sys.setprofile`; bodies of modules and classes are left out.
"""

from __future__ import annotations

import ast
import contextlib
import json
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from pathlib import Path

ROOT = Path.cwd()
PACKAGE = ROOT / "emolab"


class Hops:
    """Counts calls into the project between `start` and `stop`, and how often a sound file is opened."""

    def __init__(self):
        self.calls = Counter()
        self.opened = Counter()

    def __call__(self, frame, event, _):
        if event != "call":
            return
        code = frame.f_code
        name = code.co_filename
        if name.startswith(str(PACKAGE)) and code.co_name != "<module>" and "." not in code.co_name[:1]:
            self.calls[name, code.co_qualname] += 1
        elif (name.endswith("soundfile.py") and code.co_qualname == "SoundFile.__init__") or (
            name.endswith(("av/container/core.py",)) and code.co_name == "open"
        ):
            self.opened[str(frame.f_locals.get("file"))] += 1

    def start(self):
        sys.setprofile(self)

    def stop(self):
        sys.setprofile(None)

    def figures(self):
        return {
            "files": len({name for name, _ in self.calls}),
            "functions": len(self.calls),
            "calls": sum(self.calls.values()),
            "sound file opened": sum(self.opened.values()),
            "modules loaded": sum(name.split(".")[0] == "emolab" for name in sys.modules),
        }


def prediction():
    """One prediction of one file by the shipped model, after the model was loaded."""
    import soundfile
    import torch

    from emolab.evaluate.inputs import read_model

    try:
        from emolab.evaluate.predict import predict

        def predict_file(lalm, file, prompt):
            return predict(lalm, file, prompt=prompt)
    except ImportError:  # an older tree
        from emolab.evaluate.predict import predict_file
    from emolab.lalm.tiny import TAUGHT_FOLDER

    lalm, prompt = read_model(None, TAUGHT_FOLDER, None, None)
    waves = torch.randn(2, 24_000, generator=torch.Generator().manual_seed(0)).numpy() * 0.1
    swaps = Counter()
    plain = torch.nn.Module.__setattr__

    def watched(self, name, value):
        swaps[name] += name == "forward"
        plain(self, name, value)

    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{i}.wav" for i in range(2)]
        for file, wave in zip(files, waves, strict=True):
            soundfile.write(file, wave, 16_000)
        predict_file(lalm, files[0], prompt)
        hops = Hops()
        torch.nn.Module.__setattr__ = watched
        hops.start()
        try:
            predict_file(lalm, files[1], prompt)
        finally:
            hops.stop()
            torch.nn.Module.__setattr__ = plain
    return hops.figures() | {"forward swapped": swaps["forward"]}


def grpo_step():
    """The second of two GRPO steps of the tiny model (4 prompts, 4 completions each), without set-up."""
    from dataclasses import replace

    from transformers import TrainerCallback

    from emolab.lalm.quantise import add_lora
    from emolab.prompts import get_prompt

    try:
        from benchmarks.tiny_models import noise_samples, tiny_random
    except ImportError:  # an older tree
        from emolab.lalm.testing import noise_samples, tiny_random
    from emolab.training import grpo
    from emolab.training.grpo import grpo_config

    kind = getattr(grpo, "AudioGRPOTrainer", None) or grpo.HearingGRPOTrainer
    hops = Hops()

    class Watch(TrainerCallback):
        def on_step_begin(self, args, state, control, **_):
            if state.global_step == 1:
                hops.start()

        def on_step_end(self, args, state, control, **_):
            hops.stop()

    def vowels(*given, completions=None, **_):
        texts = completions if completions is not None else given[-1]
        return [sum(ch in "aeiou" for ch in text) / (1 + len(text)) for text in texts]

    lalm = tiny_random("qwen2_5_omni", seed=0)
    add_lora(lalm, rank=4, alpha=8)
    labels = ("happy", "sad", "angry", "neutral")
    clips = [replace(s, emotion=labels[i]) for i, s in enumerate(noise_samples(4, seconds=(0.4, 0.7, 1.0)))]
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        args = grpo_config(
            folder, max_steps=2, num_generations=4, prompts_per_step=4, max_completion_length=12, report_to="none"
        )
        kind(lalm, clips, get_prompt("direct"), [vowels], args, callbacks=[Watch()], check_hearing=False).train()
    return hops.figures()


def tree():
    """What reading the sources tells."""
    sources = {path: path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py"))}
    trees = {path: ast.parse(text) for path, text in sources.items()}
    modules = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in trees}
    return {
        "files": len(sources),
        "lines": sum(text.count("\n") for text in sources.values()),
        "type: ignore": sum(text.count("type: ignore") for text in sources.values()),
        "in-function imports of emolab": sum(len(list(inner_imports(tree))) for tree in trees.values()),
        "circles of imports": circles(modules, trees),
        "modules that notebooks import from": len(notebook_modules()),
        "overrides of TRL": overrides(),
    }


def inner_imports(tree):
    for outer in ast.walk(tree):
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(outer):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("emolab"):
                    yield node


def edges(modules, trees, inner, types=False):
    """Module -> modules of ours that it imports at the top; with `inner` anywhere; with `types` for types too."""
    found = {}
    for name, path in modules.items():
        nodes = list(ast.walk(trees[path])) if inner else [n for n in trees[path].body]
        typing_only = {
            id(n)
            for block in ast.walk(trees[path])
            if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.dump(block.test)
            for n in ast.walk(block)
        }
        targets = set()
        for node in nodes:
            if id(node) in typing_only and not types:
                continue
            if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                for alias in node.names:
                    full = f"{node.module}.{alias.name}"
                    targets.add(full if full in modules else node.module)
            elif isinstance(node, ast.Import):
                targets |= {alias.name for alias in node.names}
        found[name] = {t for t in targets if t in modules and t != name}
    return found


def circles(modules, trees):
    """How many sets of two or more modules import each other, by which imports are looked at."""
    return {
        "at the top": strongly_connected(edges(modules, trees, False)),
        "in functions too": strongly_connected(edges(modules, trees, True)),
        "for types too": strongly_connected(edges(modules, trees, True, True)),
    }


def strongly_connected(graph):
    import networkx

    directed = networkx.DiGraph([(a, b) for a, targets in graph.items() for b in targets])
    groups = [sorted(group) for group in networkx.strongly_connected_components(directed) if len(group) > 1]
    return {"circles": len(groups), "modules in them": sum(map(len, groups))}


def notebook_modules():
    found = set()
    for path in sorted((ROOT / "notebooks" / "src").glob("*.py")):
        text = "\n".join(
            line
            for line in path.read_text(encoding="utf-8").splitlines()
            if not line.lstrip().startswith(("%", "!", "#"))
        )
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("emolab"):
                found.add(node.module)
            elif isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names if alias.name.startswith("emolab")}
    return found


def overrides():
    """Names that the trainer or its own bases define and that TRL's or transformers' trainer defines, too."""
    from trl import GRPOTrainer

    from emolab.training import grpo

    kind = getattr(grpo, "AudioGRPOTrainer", None) or grpo.HearingGRPOTrainer
    ours = [base for base in kind.__mro__ if base.__module__.startswith("emolab")]
    names = {name for base in ours for name in vars(base) if callable(getattr(base, name)) or name == "model_accepts"}
    names = {n for n in names if hasattr(GRPOTrainer, n) and not (n.startswith("__") and n != "__init__")}
    return {
        "all": len(names),
        "private": sum(n.startswith("_") and n != "__init__" for n in names),
        "names": sorted(names),
    }


def wheel():
    """Lines of Python and bytes of the wheel that the checkout builds."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--no-deps",
            "--no-build-isolation",
            "-w",
            folder,
            ".",
        ]
        if subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode:
            command.remove("--no-build-isolation")
            subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
        made = next(Path(folder).glob("*.whl"))
        with zipfile.ZipFile(made) as archive:
            sources = [n for n in archive.namelist() if n.endswith(".py")]
            lines = sum(archive.read(n).count(b"\n") for n in sources)
        return {"python files": len(sources), "python lines": lines, "bytes": made.stat().st_size}


if __name__ == "__main__":
    figures = {}
    for part in (tree, wheel, prediction, grpo_step):
        try:
            figures[part.__name__] = part()
        except Exception as error:  # noqa: BLE001 - an old or half-moved tree still gives its other figures
            figures[part.__name__] = f"{type(error).__name__}: {error}"
    print(json.dumps(figures, indent=1))
