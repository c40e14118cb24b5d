"""A demonstration portal with tables of any size, started anew for each measurement: its bucket is empty then."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import psutil

from tests.conftest import ROOT, free_port

TOKEN = "bench"
CLOCK = "2026-11-23T12:00:00+03:00"
PYTHON = ROOT / ".voronka" / "envs" / "demo" / "bin" / "python"
START_SECONDS = 120


@dataclass
class Portal:
    """A running portal; `webhook` is the address for clients."""

    port: int
    process: psutil.Process

    @property
    def webhook(self) -> str:
        return f"http://127.0.0.1:{self.port}/rest/1/{TOKEN}/"

    def ask(self, method: str, what: str, **body: Any) -> dict[str, Any]:
        answer = httpx.request(
            method,
            f"http://127.0.0.1:{self.port}/__demo/{what}",
            params={"token": TOKEN},
            json=body or None,
            timeout=60,
        )
        return dict(answer.raise_for_status().json())

    def rows(self, stream: str) -> int:
        """How many rows of a stream there are by the portal's own books."""
        return int(self.ask("GET", "truth")["streams"][stream])

    def requests(self) -> int:
        """Requests since the last `forget`, refused ones included."""
        return int(self.ask("GET", "requests")["requests"])

    def refused(self) -> int:
        return sum(self.ask("GET", "requests")["errors"].values())

    def forget(self) -> None:
        self.ask("DELETE", "requests")

    def first_request(self) -> FirstRequest:
        """Start to watch for the next request; the portal must not have been asked since `forget`."""
        return FirstRequest(self)


class FirstRequest:
    """Notices when the portal is asked for the first time, to some 20 ms."""

    def __init__(self, portal: Portal) -> None:
        self.at: float | None = None
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, args=(portal,), daemon=True)
        self._thread.start()

    def _watch(self, portal: Portal) -> None:
        with httpx.Client(base_url=f"http://127.0.0.1:{portal.port}", params={"token": TOKEN}) as client:
            while not self._end.wait(0.02):
                if client.get("/__demo/requests").json()["requests"]:
                    self.at = time.time()
                    return

    def moment(self) -> float:
        """Unix seconds of the first request.

        Raises:
            RuntimeError: there was none.
        """
        self._end.set()
        self._thread.join()
        if self.at is None:
            raise RuntimeError("the portal was not asked")
        return self.at


@contextmanager
def serving(*options: str) -> Iterator[Portal]:
    """A portal on a free port, with options of `python -m demo serve`; its clock stands still."""
    port = free_port()
    command = [str(PYTHON), "-m", "demo", "serve", "--port", str(port), "--token", TOKEN]
    command += ["--scale", "0.02", "--clock", CLOCK, *options]
    process = psutil.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    portal = Portal(port, process)
    try:
        until = time.monotonic() + START_SECONDS
        while True:
            if process.poll() is not None:
                raise RuntimeError(f"the portal did not start: {' '.join(command)}")
            try:
                portal.ask("GET", "clock")
                break
            except httpx.TransportError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)
        portal.forget()
        yield portal
    finally:
        process.terminate()
        process.wait(30)
