"""Rollouts by a vLLM server, `--rollout vllm`: the decoder is served as a text model, prompts go to it as embeddings.

Towers, their cache and the template stay here, so that server and trainer cannot hear different sounds, and every
family works whose decoder vLLM serves as a text model. The adapters go to the server before the first rollout of each
step, as a named LoRA adapter in a folder that both can read. TRL's client cannot push weights without a CUDA device on
both sides (NCCL); the rest of it is used: how it finds a server, and how it reads log-probabilities.

The server's probabilities differ from ours by its kernels' rounding. TRL scores each completion again, weighs the loss
by the ratio (`vllm_importance_sampling_correction`) and logs the difference; the run stops where that is too large.
"""

from __future__ import annotations

import base64
import copy
import io
import shutil
import uuid
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests
import torch
from accelerate.utils import broadcast_object_list
from torch import Tensor
from trl.generation.vllm_client import VLLMClient, parse_logprobs

from emolab.errors import TrainingError
from emolab.files import write_json
from emolab.lalm import LALM, Completions, PromptBatch
from emolab.lalm.accel.folding import dense_weight
from emolab.training.launch import is_main, wait_for_all

BOUNDS = {torch.float32: 1e-3}
BOUND_16_BITS = 0.1
"""Mean difference of a token's log-probability, server against trainer, beyond which a run stops. In float32 adapters
that did not arrive give more than `BOUNDS`. `BOUND_16_BITS` was never measured. It is meant to let rounding pass, and
to stop another model or other prompts."""
# The text model of transformers and vLLM that computes what a family's decoder computes, by the decoder's model type.
TEXT_MODELS = {
    "qwen2": "Qwen2ForCausalLM",
    "qwen2_5_omni_text": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
    "qwen3_omni_moe_text": "Qwen3MoeForCausalLM",
    "llama": "LlamaForCausalLM",
}
SERVE = (
    "VLLM_ALLOW_RUNTIME_LORA_UPDATING=1 vllm serve {folder} --dtype {dtype} --port {port} --enable-lora "
    "--max-lora-rank {rank} --enable-prompt-embeds --logprobs-mode processed_logprobs"
)


class Client(VLLMClient):  # type: ignore[misc]
    """TRL's client of a vLLM server. It needs no vLLM on this side, because no weights go through it."""

    def __init__(self, url: str):
        self.session, self.base_url, self.communicator = requests.Session(), url.rstrip("/"), None
        self.check_server()
        self.model = self._get(f"{self.base_url}/v1/models")["data"][0]["id"]

    def send(self, path: str, **content: Any) -> requests.Response:
        """Post to the server. Raises TrainingError with what it answers where that is no success."""
        try:
            answer = self.session.post(f"{self.base_url}/{path}", json=content)
        except requests.RequestException as error:
            raise TrainingError(f"the vLLM server at {self.base_url} is gone ({error}); start it again") from error
        if answer.status_code != 200:
            raise TrainingError(f"{self.base_url}/{path}: {answer.status_code}, {answer.text[:500]}")
        return answer


class Engine:
    """A vLLM server as the place where an `AudioGRPOTrainer` samples: what TRL calls `vllm_generation`.

    `folder` is where the decoder and the adapters are written; the server must see it under the same path. Raises
    TrainingError where the model has no adapters, its decoder is none of `TEXT_MODELS`, or no server answers at `url`;
    the message then holds the command that starts one.
    """

    def __init__(self, lalm: LALM, folder: str | Path, url: str = "http://localhost:8000", bound: float | None = None):
        self.lalm, self.folder, self.count = lalm, Path(folder).absolute(), 0
        self.bound = BOUNDS.get(lalm.dtype, BOUND_16_BITS) if bound is None else bound
        (self.run,) = broadcast_object_list([uuid.uuid4().hex[:8]])  # a server outlives the runs that use it
        if not hasattr(lalm.model, "peft_config"):
            raise TrainingError("rollouts by vLLM need adapters: only they are pushed to the server (add_lora)")
        text_model(lalm)
        if is_main() and not (self.folder / "decoder" / "config.json").is_file():
            write_decoder(lalm, self.folder / "decoder")
        try:
            self.client = Client(url)
        except (ConnectionError, requests.RequestException) as error:
            raise TrainingError(f"no vLLM server answers at {url}; start one: {self.command(url)}") from error

    @property
    def name(self) -> str:
        """The adapter as the server knows it, another one for each step: its caches never serve an older one's."""
        return f"emolab-{self.run}-{self.count}"

    def command(self, url: str) -> str:
        """What starts the server."""
        rank = max(config.r for config in self.lalm.model.peft_config.values())
        dtype, port = str(self.lalm.dtype).removeprefix("torch."), url.rstrip("/").rpartition(":")[2]
        whole = (
            " --no-enable-chunked-prefill" if self.lalm.device.type == "cpu" else ""
        )  # vLLM 0.31 fails on seeds there
        return SERVE.format(folder=self.folder / "decoder", dtype=dtype, port=port, rank=max(8, rank)) + whole

    def sync_weights(self) -> None:
        """Give the server the adapters as they are now. TRL calls this once a step, before it samples."""
        old = self.name
        self.count += 1
        if is_main():
            path = write_adapter(self.lalm, self.folder / self.name)
            self.client.send("v1/load_lora_adapter", lora_name=self.name, lora_path=str(path))
            if self.count > 1:
                self.client.send("v1/unload_lora_adapter", lora_name=old)
                shutil.rmtree(self.folder / old, ignore_errors=True)
        wait_for_all()

    def generate(
        self,
        batch: PromptBatch,
        n: int,
        max_new_tokens: int,
        seed: int,
        temperature: float = 1.0,
        share: tuple[int, int] = (0, 1),
        **truncations: float,
    ) -> Completions:
        """`LALM.generate` by the server, with the log-probabilities under its own kernels.

        Raises TrainingError for prompts whose positions are no plain counting: a film's have three axes.
        """
        counted = (batch.mask.cumsum(-1) - 1) * batch.mask
        if not bool((batch.positions * batch.mask == counted).all()):
            raise TrainingError("vLLM counts positions one by one, and prompts with video do not; use --rollout local")
        settings: dict[str, Any] = {
            "n": n,
            "max_tokens": max_new_tokens,
            "temperature": temperature,
            "logprobs": 0,
            **truncations,
        }
        settings |= {"model": self.name, "stop_token_ids": self.lalm.eos_ids, "return_tokens_as_token_ids": True}

        def ask(row: int) -> list[Any]:
            embeds = batch.embeds[row, batch.mask[row].bool()].detach().cpu().contiguous()
            file = io.BytesIO()
            torch.save(embeds, file)
            content = {
                "prompt_embeds": base64.b64encode(file.getvalue()).decode(),
                "seed": seed % 2**31 + (share[0] * len(batch) + row) * n,
            }
            choices = self.client.send("v1/completions", **settings, **content).json()["choices"]
            return sorted(choices, key=lambda choice: int(choice["index"]))

        with ThreadPoolExecutor(min(64, len(batch))) as pool:
            choices = [choice for found in pool.map(ask, range(len(batch))) for choice in found]
        scores, tokens = parse_logprobs([choice["logprobs"] for choice in choices])
        return self._completions([[t[0] for t in row] for row in tokens], [[s[0] for s in row] for row in scores], n)

    def _completions(self, tokens: list[list[int]], scores: list[list[float]], n: int) -> Completions:
        width = max(map(len, tokens))
        ids = torch.tensor([row + [self.lalm.pad_id] * (width - len(row)) for row in tokens])
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in tokens])
        logprobs = torch.tensor([row + [0.0] * (width - len(row)) for row in scores])
        said = self.lalm.tokenizer.batch_decode(tokens, skip_special_tokens=True)
        texts = [[self.lalm.opening + text for text in said[i : i + n]] for i in range(0, len(said), n)]
        place, shape = self.lalm.device, (-1, n, width)
        return Completions(ids.view(shape).to(place), mask.view(shape).to(place), texts, logprobs.view(shape).to(place))

    def require_agreement(self, ours: Tensor, theirs: Tensor, mask: Tensor, step: int) -> float:
        """The mean difference of the log-probabilities (N, C) of sampled tokens. Raises TrainingError beyond `bound`.

        A token that the server could not score is NaN and does not count.
        """
        apart = (ours - theirs).abs()[mask.bool()].nanmean()
        if not float(apart) <= self.bound:
            raise TrainingError(
                f"step {step}: the vLLM server's log-probabilities differ from the trainer's by {float(apart):.3f} a "
                f"token on average, more than {self.bound}; start the server with {self.command(self.client.base_url)}"
            )
        return float(apart)


def text_model(lalm: LALM) -> Any:
    """The text model's class for a decoder. Raises TrainingError where there is none."""
    import transformers

    kind = str(lalm.decoder.config.model_type)
    if kind not in TEXT_MODELS:
        raise TrainingError(
            f"{lalm.name}: no text model that vLLM serves is known for a decoder of type {kind!r}, only for "
            f"{', '.join(TEXT_MODELS)}; use --rollout local"
        )
    return getattr(transformers, TEXT_MODELS[kind])


def write_decoder(lalm: LALM, folder: Path) -> Path:
    """Write the decoder and its head as a text model, without adapters, 4-bit weights dequantised; a file a layer."""
    from safetensors.torch import save_file

    kind = text_model(lalm).config_class
    stated = {k: v for k, v in lalm.decoder.config.to_dict().items() if k in kind().to_dict()}
    for name in ("model_type", "transformers_version"):
        stated.pop(name, None)
    if isinstance(rope := stated.get("rope_parameters"), dict):  # equal positions on all axes are plain rotation
        stated["rope_parameters"] = {k: v for k, v in rope.items() if k != "mrope_section"}
    tied = lalm.head.weight is lalm.table.weight
    config = kind(**stated | {"tie_word_embeddings": tied, "architectures": [text_model(lalm).__name__]})
    files: defaultdict[str, list[str]] = defaultdict(list)
    for name, _ in lalm.decoder.named_parameters():
        if "lora_" not in name:
            part = name.split(".")
            files[f"layer-{part[1]}" if part[0] == "layers" else "rest"].append(name)
    folder.mkdir(parents=True, exist_ok=True)
    index: dict[str, str] = {}
    for file, names in files.items():
        tensors = {f"model.{n.replace('base_layer.', '')}": _dense(lalm, n) for n in names}
        if file == "rest" and not tied:
            tensors["lm_head.weight"] = lalm.head.weight.detach().cpu().contiguous()
        save_file(tensors, folder / f"{file}.safetensors", {"format": "pt"})
        index |= dict.fromkeys(tensors, f"{file}.safetensors")
    write_json(folder / "model.safetensors.index.json", {"metadata": {}, "weight_map": index})
    lalm.tokenizer.save_pretrained(str(folder))
    config.dtype = lalm.dtype
    config.save_pretrained(str(folder))  # last: a folder that holds it is whole
    return folder


def _dense(lalm: LALM, name: str) -> Tensor:
    place, _, kind = name.rpartition(".")
    module: Any = lalm.decoder.get_submodule(place)
    value = dense_weight(module) if kind == "weight" else getattr(module, kind)
    return value.detach().to(lalm.dtype).cpu().contiguous()


def write_adapter(lalm: LALM, folder: Path) -> Path:
    """Write the running adapter under the names that it has in the text model of `write_decoder`."""
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    before = f"base_model.model.{lalm.decoder_name}."
    found = get_peft_model_state_dict(lalm.model, save_embedding_layers=False)
    state = {n.replace(before, "base_model.model.model.", 1): v.detach().cpu().contiguous() for n, v in found.items()}
    config = copy.copy(lalm.model.peft_config[lalm.model.active_adapter])
    config.target_modules = sorted({name.split(".lora_")[0].rpartition(".")[2] for name in state})
    config.base_model_name_or_path, config.inference_mode = None, True
    folder.mkdir(parents=True, exist_ok=True)
    save_file(state, folder / "adapter_model.safetensors", {"format": "pt"})
    config.save_pretrained(str(folder))
    return folder
