"""A Jupyter server on the loopback interface and a real browser, for the tests marked `browser`."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil
import pytest
from browser_pages import choose_kernel, picture, run_all
from emolab_course.run import OFFLINE

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
    "--disable-component-update",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
]


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def jupyter(tmp_path_factory):
    """(address, folder, settings folder) of a JupyterLab that runs notebooks put into the folder."""
    pytest.importorskip("jupyterlab")
    folder, port = tmp_path_factory.mktemp("notebooks"), _free_port()
    options = ["--no-browser", "--allow-root", f"--port={port}", "--ip=127.0.0.1", "--IdentityProvider.token=",
               "--ServerApp.disable_check_xsrf=True",
               "--LabApp.news_url=", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]  # fmt: skip
    settings = tmp_path_factory.mktemp("settings")
    own = {
        "JUPYTERLAB_SETTINGS_DIR": str(settings),
        "JUPYTERLAB_WORKSPACES_DIR": str(tmp_path_factory.mktemp("spaces")),
    }
    environment = {**os.environ, **own, **OFFLINE, "EMOLAB_COURSE": "smoke"}
    log = (tmp_path_factory.mktemp("log") / "jupyter.log").open("w")
    server = subprocess.Popen([sys.executable, "-m", "jupyterlab", *options], cwd=folder, stdout=log, stderr=log,
                              env=environment)  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    for _ in range(240):
        try:
            urllib.request.urlopen(f"{address}/api/status", timeout=2)
            break
        except OSError:
            if server.poll() is not None:
                pytest.fail(f"JupyterLab ended at once: {Path(log.name).read_text()[-2000:]}")
            time.sleep(0.5)
    yield address, folder, settings
    server.terminate()
    server.wait(30)


@pytest.fixture(scope="session")
def browser():
    """Chromium, through Playwright."""
    api = pytest.importorskip("playwright.sync_api", reason="pip install emolab[browser]")
    if CHROMIUM is None:
        pytest.skip("no Chromium: install Debian's package chromium, or name one in CHROMIUM")
    with api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        found.close()


@pytest.fixture
def open_notebook(jupyter, browser):
    """`open_notebook(name, cells, dark=False)`: the page of a new notebook with these code cells, all of them run.
    `cells` may also be a whole notebook, as JSON. Its kernel ends with the test.
    """
    address, folder, settings = jupyter
    contexts = []

    def open_it(name, cells, dark=False, width=1280):
        (folder / name).write_text(cells if isinstance(cells, str) else notebook_of(cells), encoding="utf-8")
        theme = settings / "@jupyterlab" / "apputils-extension" / "themes.jupyterlab-settings"
        theme.parent.mkdir(parents=True, exist_ok=True)
        theme.write_text(json.dumps({"theme": f"JupyterLab {'Dark' if dark else 'Light'}"}), encoding="utf-8")
        (theme.parent / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}', encoding="utf-8")
        context = browser.new_context(viewport={"width": width, "height": 1000}, permissions=["microphone"],
                                      color_scheme="dark" if dark else "light")  # fmt: skip
        contexts.append(context)
        page = context.new_page()
        page.goto(f"{address}/doc/tree/{name}?reset")
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=120_000)
        choose_kernel(page)
        run_all(page)
        return page

    yield open_it
    for context in contexts:
        for page in context.pages:
            picture(page, "last-page")
        context.close()
    for session in _ask(f"{address}/api/sessions"):
        _ask(f"{address}/api/sessions/{session['id']}", "DELETE")


def notebook_of(cells):
    """A notebook with these code cells, as JSON."""
    made = [{"cell_type": "code", "execution_count": None, "id": f"c{i}", "metadata": {}, "outputs": [], "source": cell}
            for i, cell in enumerate(cells)]  # fmt: skip
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    return json.dumps({"cells": made, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5})


def _ask(address, method="GET"):
    with urllib.request.urlopen(urllib.request.Request(address, method=method), timeout=30) as answer:
        return json.loads(answer.read() or b"null")


@pytest.fixture
def kernel_seconds(jupyter):
    """`kernel_seconds()`: processor time in seconds that the kernels of the server's notebooks have used so far."""
    server = next(p for p in psutil.Process().children(recursive=True) if "jupyterlab" in " ".join(p.cmdline()))

    def used():
        times = [p.cpu_times() for p in server.children(recursive=True) if "ipykernel" in " ".join(p.cmdline())]
        return sum(found.user + found.system for found in times)

    return used
