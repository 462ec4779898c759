"""The most memory that something holds while a block of code runs."""

from __future__ import annotations

import threading
from collections.abc import Callable


class PeakMemory:
    """Watches `held`, a number of bytes, every `seconds` and once at the end; `peak` is the most of it."""

    def __init__(self, held: Callable[[], int], seconds: float) -> None:
        self.held, self.seconds, self.peak = held, seconds, 0

    def __enter__(self) -> PeakMemory:
        self.peak = self.held()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        ended = False
        while not ended:
            ended = self._ended.wait(self.seconds)
            self.peak = max(self.peak, self.held())
