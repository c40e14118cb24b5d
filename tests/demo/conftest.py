"""A small portal in this process, and the same portal served over HTTP and HTTPS by `python -m demo`."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from starlette.testclient import TestClient

from demo.company.world import Story, parse_moment
from demo.rest.app import make_app
from demo.rest.service import Service, Settings
from tests.conftest import free_port

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "test-code"
CLOCK = "2026-06-17T15:30:00+03:00"
STORY = Story(seed=7, start=date(2025, 7, 1), scale=0.3, zone="Europe/Moscow")


class Portal:
    """Calls methods of a portal in this process and gives the parsed answers."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.app = make_app(service)
        self.http = TestClient(self.app, raise_server_exceptions=True)

    def post(self, method: str, body: Any = None, user: int = 1, code: str = TOKEN) -> httpx.Response:
        return self.http.post(f"/rest/{user}/{code}/{method}", json=body if body is not None else {})

    def call(self, method: str, body: Any = None) -> dict[str, Any]:
        answer = self.post(method, body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def rows(self, method: str, body: Any = None) -> list[dict[str, Any]]:
        result = self.call(method, body)["result"]
        return result if isinstance(result, list) else next(iter(result.values()))

    def batch(self, cmd: dict[str, str] | list[str], halt: int = 0) -> dict[str, Any]:
        return self.call("batch", {"halt": halt, "cmd": cmd})["result"]

    def total(self, method: str, body: dict[str, Any] | None = None) -> int:
        return self.call(method, body)["total"]

    def truth(self) -> dict[str, Any]:
        return self.http.get("/__demo/truth", params={"token": TOKEN}).json()

    def set_clock(self, moment: str) -> dict[str, Any]:
        answer = self.http.post("/__demo/clock", params={"token": TOKEN}, json={"clock": moment})
        # The token of the control room may also travel in a header, see test_transport.
        assert answer.status_code == 200, answer.text
        return answer.json()


def make_portal(story: Story = STORY, clock: str = CLOCK, **settings: Any) -> Portal:
    settings.setdefault("limits", False)
    return Portal(Service(story, Settings(TOKEN, parse_moment(clock), **settings)))


def command(method: str, **parameters: Any) -> str:
    """A command of a batch: nested parameters in PHP's spelling, url-encoded once."""
    parts: list[str] = []

    def add(name: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                add(f"{name}[{key}]", item)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                add(f"{name}[{index}]", item)
        else:
            parts.append(f"{quote(name, safe='')}={quote(str(value), safe='')}")

    for key, value in parameters.items():
        add(key, value)
    return f"{method}?{'&'.join(parts)}"


@pytest.fixture(scope="session")
def portal() -> Portal:
    """A quiet portal that no test changes."""
    return make_portal()


@pytest.fixture
def moving() -> Callable[..., Portal]:
    """Makes portals that a test may change."""
    return make_portal


@dataclass
class Served:
    """A portal served by a process of its own."""

    base: str
    authority: Path | None

    @property
    def webhook(self) -> str:
        return f"{self.base}/rest/1/{TOKEN}/"

    def truth(self) -> dict[str, Any]:
        verify = ssl.create_default_context(cafile=self.authority) if self.authority else True
        return httpx.get(
            f"{self.base}/__demo/truth", params={"token": TOKEN}, verify=verify, timeout=60
        ).json()


@contextmanager
def serving(*options: str, authority: Path | None = None) -> Iterator[Served]:
    port = free_port()
    arguments = [sys.executable, "-m", "demo", "serve", "--port", str(port), "--clock", CLOCK, *options]
    arguments += ["--seed", str(STORY.seed), "--start", STORY.start.isoformat(), "--scale", str(STORY.scale)]
    if authority:
        arguments += ["--https", str(authority)]
    environment = {**os.environ, "VORONKA_DEMO_TOKEN": TOKEN, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        arguments, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    served = Served(f"{'https' if authority else 'http'}://127.0.0.1:{port}", authority)
    try:
        deadline = time.monotonic() + 60
        while True:
            if process.poll() is not None:
                raise RuntimeError(f"the portal ended: {process.stdout.read() if process.stdout else ''}")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if time.monotonic() > deadline:
                raise RuntimeError("the portal does not listen after 60 s")
            time.sleep(0.1)
        yield served
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture(scope="session")
def served() -> Iterator[Served]:
    with serving("--no-limits") as running:
        yield running


@pytest.fixture(scope="session")
def served_https(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving("--no-limits", authority=tmp_path_factory.mktemp("tls") / "authority.pem") as running:
        yield running


def example(name: str) -> Any:
    return json.loads((ROOT / "tests" / "fixtures" / "bitrix24_examples" / f"{name}.json").read_text())
