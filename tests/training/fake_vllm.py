"""A stand-in for `vllm serve DECODER --enable-lora --enable-prompt-embeds`: the five endpoints that rollouts use.

Requests and answers have the form of vLLM 0.31 (`vllm/entrypoints/openai/completion/protocol.py`, `…/serve/lora`),
noted from a server on a CPU. The decoder and the adapters are read from the folders as any other program would read
them, by transformers' own text model and by PEFT; sampling is plain, a whole forward for each token.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any

import torch


class Server:
    """A served decoder: its base model, the adapters by name, and what was asked."""

    def __init__(self, folder: Path):
        from transformers import AutoModelForCausalLM

        self.base = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        self.models: dict[str, Any] = {}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.lock = Lock()

    def answer(self, path: str, content: dict[str, Any]) -> Any:
        """What a POST gets: an object, or a text."""
        with self.lock, torch.no_grad():
            self.asked.append((path, content))
            if path == "/v1/load_lora_adapter":
                from peft import PeftModel
                from transformers import AutoModelForCausalLM

                plain = AutoModelForCausalLM.from_config(self.base.config)
                plain.load_state_dict(self.base.state_dict())
                self.models[content["lora_name"]] = PeftModel.from_pretrained(plain, content["lora_path"]).eval()
                return f"Success: LoRA adapter '{content['lora_name']}' added successfully."
            if path == "/v1/unload_lora_adapter":
                del self.models[content["lora_name"]]
                return f"Success: LoRA adapter '{content['lora_name']}' removed successfully."
            return {"choices": [self.choice(content, i) for i in range(content["n"])][::-1]}

    def choice(self, asked: dict[str, Any], index: int) -> dict[str, Any]:
        """One completion, as the completions endpoint writes it."""
        model = self.models[asked["model"]]
        embeds = torch.load(io.BytesIO(base64.b64decode(asked["prompt_embeds"])), weights_only=True)[None].float()
        generator = torch.Generator().manual_seed(asked["seed"] + index)
        tokens, scores = [], []
        while len(tokens) < asked["max_tokens"]:
            logits = model(inputs_embeds=embeds).logits[0, -1] / asked["temperature"]
            token = int(torch.multinomial(logits.softmax(-1), 1, generator=generator))
            tokens.append(f"token_id:{token}")
            scores.append(float(logits.log_softmax(-1)[token]))
            if token in asked["stop_token_ids"]:
                break
            embeds = torch.cat([embeds, model.get_input_embeddings()(torch.tensor([[token]]))], 1)
        top = [{token: score} for token, score in zip(tokens, scores, strict=True)]
        return {"index": index, "logprobs": {"tokens": tokens, "token_logprobs": scores, "top_logprobs": top}}


@contextmanager
def serving(server: Server) -> Iterator[str]:
    """The address of a running server."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.reply({"data": [{"id": "decoder"}]} if self.path == "/v1/models" else {})

        def do_POST(self) -> None:
            self.reply(server.answer(self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))

        def reply(self, found: Any) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(found.encode() if isinstance(found, str) else json.dumps(found).encode())

        def log_message(self, *_: Any) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=http.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{http.server_address[1]}"
    finally:
        http.shutdown()
        http.server_close()
