"""A web server on this machine that misbehaves on request."""

from __future__ import annotations

import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

MOST_REQUESTS = 200


class Misbehaving(BaseHTTPRequestHandler):
    """Serves `server.content` by path: /ok, /cut, /norange, /gone, /busy, /page, /wrong, /long, /slow."""

    protocol_version = "HTTP/1.0"

    def do_GET(self):
        server = self.server
        mode, _, name = self.path.strip("/").partition("/")
        server.asked[mode] += 1
        assert sum(server.asked.values()) < MOST_REQUESTS
        content = server.content[name]
        if mode == "gone" or (mode == "busy" and server.asked[mode] < 3):
            self.send_error(404 if mode == "gone" else 503)
        elif mode == "page":
            self._send(b"<!DOCTYPE html><html><body>Please log in</body></html>", {"Content-Type": "text/html"})
        elif mode == "wrong":
            self._send(bytes(len(content)))
        elif mode == "long":
            self._send(content + b"more")
        elif mode == "elsewhere":
            asked = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
            body = content[:1000]
            self._send(body, {"Content-Range": f"bytes 0-999/{len(content)}"}, 206 if asked else 200)
        elif mode in ("endless", "drip"):
            self.send_response(200)
            self.end_headers()
            for i in range(200):
                if server.released.wait(0.1 if mode == "drip" else 0):
                    break
                try:
                    self.wfile.write(content[i : i + 1] if mode == "drip" else content[:10_000])
                    self.wfile.flush()
                except OSError:
                    break
        elif mode == "slow":
            server.released.wait(5)
        else:
            self._range(content, mode)

    def _range(self, content, mode):
        start = 0
        asked = self.headers.get("Range")
        if asked and mode != "norange":
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            if start > len(content):
                self.send_error(416)
                return
        self.server.starts.append(start)
        body = content[start:]
        sent = body[: max(1, len(content) // 3)] if mode in ("cut", "norange") and len(self.server.starts) < 3 else body
        self._send(sent, {"Content-Length": str(len(body))}, 206 if start else 200)

    def _send(self, body, headers=None, status=200):
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        """Stay quiet."""


@pytest.fixture
def server():
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Misbehaving)
    httpd.daemon_threads = True
    httpd.content, httpd.asked, httpd.starts, httpd.released = {}, Counter(), [], threading.Event()
    httpd.url = f"http://127.0.0.1:{httpd.server_port}"
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield httpd
    httpd.released.set()
    httpd.shutdown()
    httpd.server_close()
