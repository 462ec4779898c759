"""A hub on this machine, with as much of the Hugging Face API as creating, uploading and downloading a repository need.

Routes and fields as huggingface_hub 2.4 sends and reads them (`hf_api.py`, `_commit_api.py`, `lfs.py`,
`file_download.py`). Weights go through the LFS protocol, as on the real hub.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

COMMIT = "c0ffee" + "0" * 34


class Hub(BaseHTTPRequestHandler):
    """The files of each repository, and what was sent to make it."""

    repos: dict[str, dict[str, bytes]]
    created: list[dict[str, Any]]
    objects: dict[str, bytes]

    def log_message(self, *args: Any) -> None:
        """Say nothing."""

    def reply(self, data: Any = None, status: int = 200, headers: dict[str, str] | None = None) -> None:
        body = data if isinstance(data, bytes) else json.dumps(data).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def do_POST(self) -> None:
        base, sent = f"http://{self.headers['Host']}", self.body()
        if self.path == "/api/repos/create":
            made = json.loads(sent)
            name = f"{made['organization']}/{made['name']}" if made.get("organization") else made["name"]
            self.created.append(made)
            self.repos.setdefault(name, {})
            self.reply({"url": f"{base}/{name}", "name": name, "id": name})
        elif self.path == "/api/validate-yaml":
            self.reply({"errors": [], "warnings": []})
        elif found := re.fullmatch(r"/api/models/(.+)/preupload/main", self.path):
            files = [
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if file["path"].endswith(".safetensors") else "regular",
                    "shouldIgnore": False,
                }
                for file in json.loads(sent)["files"]
            ]
            self.reply({"files": files})
        elif self.path.endswith(".git/info/lfs/objects/batch"):
            objects = [
                {"oid": o["oid"], "size": o["size"], "actions": {"upload": {"href": f"{base}/lfs/{o['oid']}"}}}
                for o in json.loads(sent)["objects"]
            ]
            self.reply({"transfer": "basic", "objects": objects})
        elif found := re.fullmatch(r"/api/models/(.+)/commit/main", self.path):
            for line in sent.decode().splitlines():
                entry = json.loads(line)
                value = entry["value"]
                if entry["key"] == "file":
                    self.repos[found[1]][value["path"]] = base64.b64decode(value["content"])
                elif entry["key"] == "lfsFile":
                    self.repos[found[1]][value["path"]] = self.objects[value["oid"]]
            self.reply({"success": True, "commitOid": COMMIT, "commitUrl": f"{base}/{found[1]}/commit/{COMMIT}"})
        else:
            self.reply({"error": f"POST {self.path}"}, 404)

    def do_PUT(self) -> None:
        content = self.body()
        assert hashlib.sha256(content).hexdigest() == self.path.split("/")[-1]
        self.objects[self.path.split("/")[-1]] = content
        self.reply({})

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(/revision/[^/]+)?", path):
            if (files := self.repos.get(found[1])) is not None:
                siblings = [{"rfilename": name} for name in files]
                return self.reply({"id": found[1], "sha": COMMIT, "siblings": siblings, "private": True})
        elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/tree/[^/]+", path):
            files = self.repos.get(found[1], {})
            oids = {name: hashlib.sha1(content).hexdigest() for name, content in files.items()}
            entries = [
                {"type": "file", "path": name, "oid": oid, "size": len(files[name])} for name, oid in oids.items()
            ]
            return self.reply(entries)
        elif found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/[^/]+/(.+)", path):
            content = self.repos.get(found[1], {}).get(found[2])
            if content is not None:
                etag = hashlib.sha256(content).hexdigest()
                return self.reply(content, headers={"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT})
            code = "EntryNotFound" if found[1] in self.repos else "RepoNotFound"
            return self.reply({"error": code}, 404, {"X-Error-Code": code, "X-Repo-Commit": COMMIT})
        return self.reply({"error": f"GET {self.path}"}, 404, {"X-Error-Code": "RepoNotFound"})

    do_HEAD = do_GET


@contextmanager
def hub() -> Iterator[tuple[str, type[Hub]]]:
    """The address of an empty hub, and its contents, for as long as this lasts."""
    kept = type("Kept", (Hub,), {"repos": {}, "created": [], "objects": {}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kept)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", kept
    finally:
        server.shutdown()
        server.server_close()
