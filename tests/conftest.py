"""The one installation that the whole test session shares: made by `voronka demo`, in a home and on ports of its own."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, NoReturn

import pytest

from voronka import environments

ROOT = Path(__file__).resolve().parent.parent
CORE = ROOT / ".voronka" / "envs" / "core" / "bin" / "python"
LOADER = ROOT / ".meltano" / "loaders" / "target-postgres" / "venv" / "bin" / "target-postgres-jsonb"
DBT = ROOT / ".meltano" / "utilities" / "dbt-postgres" / "venv" / "bin" / "dbt"
# A smaller company than the demonstration's: every kind of card and quirk is in it, and the tests stay quick.
SCALE = "0.3"

os.environ.setdefault("VORONKA_LOADER", str(LOADER))


def missing(reason: str) -> NoReturn:
    """Something the machine lacks: skips the test on a person's machine, with the reason, and fails it in CI."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Installation:
    """A Voronka of its own: `home` and ports; commands run as a person runs them."""

    home: Path
    ports: dict[str, str]
    extra: dict[str, str] = field(default_factory=dict)
    # Set but empty in each: whatever a developer's .env says must not reach the tests.
    BLANK: ClassVar = (
        "BITRIX24_WEBHOOK_URL",
        "DATABASE_URL",
        "DATABASE_BI_URL",
        "DATABASE_UPLOAD_URL",
        "VORONKA_POSTGRES_URL",
    )

    @classmethod
    def new(cls, **extra: str) -> Installation:
        # Not pytest's tmp_path: its folders are closed to the account PostgreSQL runs as when we are root.
        home = Path(tempfile.mkdtemp(prefix="voronka-test-"))
        ports = {
            name: str(free_port())
            for name in ("VORONKA_PG_PORT", "VORONKA_PORTAL_PORT", "VORONKA_SUPERSET_PORT")
        }
        return cls(home, ports, extra)

    @classmethod
    def kept(cls, home: Path) -> Installation:
        """One that outlives the command that made it: its ports are written down in it."""
        home = home.resolve()
        file = home / "ports.json"
        if not file.exists():
            home.mkdir(parents=True, exist_ok=True)
            new = cls.new()
            new.home.rmdir()
            file.write_text(json.dumps(new.ports))
        return cls(home, json.loads(file.read_text()))

    @property
    def environ(self) -> dict[str, str]:
        foreign = ("BITRIX24_", "DATABASE_", "VORONKA_", "DBT_", "MELTANO_", "WAREHOUSE_", "SUPERSET_")
        own = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        return {
            **own,
            **dict.fromkeys(self.BLANK, ""),
            "VORONKA_HOME": str(self.home),
            "VORONKA_DEMO_SCALE": SCALE,
            **self.ports,
            **self.extra,
        }

    def start(self, *args: str) -> subprocess.Popen[str]:
        """Start a command as from a terminal: a shell's background job, as CI may be, would pass on a deaf ear to Ctrl-C."""
        return subprocess.Popen(
            [str(CORE), "-m", "voronka", *args],
            cwd=ROOT,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def voronka(self, *args: str, timeout: float = 900) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(CORE), "-m", "voronka", *args],
            cwd=ROOT,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
        )

    @property
    def env(self) -> dict[str, str]:
        """The variables of docs/architecture.md, as `make env` prints them, over the plain environment."""
        lines = self.voronka("environment").stdout.splitlines()
        pairs = (shlex.split(line.removeprefix("export "))[0] for line in lines if line.startswith("export "))
        return {**self.environ, **dict(pair.split("=", 1) for pair in pairs)}

    def close(self) -> None:
        self.voronka("stop")
        shutil.rmtree(self.home, ignore_errors=True)


class Stack(Installation):
    """A complete installation after `voronka demo`: portal, warehouse, published marts, dashboards."""

    def ready(self) -> None:
        process = self.start("demo")
        assert process.stdout
        self.said = []
        for line in process.stdout:
            self.said.append(line)
            sys.__stderr__.write(line)
        assert process.wait() == 0, "".join(self.said)
        self._env = Installation.env.fget(self)  # type: ignore[attr-defined]

    def serve(self) -> None:
        """Take up again what `ready` made, as it was left."""
        served = self.voronka("serve")
        assert served.returncode == 0, served.stdout
        self._env = Installation.env.fget(self)  # type: ignore[attr-defined]

    @property
    def env(self) -> dict[str, str]:
        return self._env

    @property
    def portal_url(self) -> str:
        return self.env["BITRIX24_WEBHOOK_URL"]

    def url(self, role: str = "DBT") -> str:
        """A libpq URL of the warehouse for the role LOADER, DBT, BI or UPLOAD."""
        e = self.env
        user, password = e[f"WAREHOUSE_{role}_USER"], e[f"WAREHOUSE_{role}_PASSWORD"]
        return f"postgresql://{user}:{password}@{e['WAREHOUSE_HOST']}:{e['WAREHOUSE_PORT']}/{e['WAREHOUSE_DBNAME']}"

    @property
    def warehouse_url(self) -> str:
        return self.url("DBT")

    @property
    def superset_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['VORONKA_SUPERSET_PORT']}"

    def login(self, name: str, key: str) -> tuple[str, str]:
        lines = (self.home / "secrets.env").read_text().splitlines()
        return name, next(
            shlex.split(line.split("=", 1)[1])[0] for line in lines if line.startswith(f"{key}=")
        )

    @property
    def viewer(self) -> tuple[str, str]:
        return self.login("director", "DIRECTOR_PASSWORD")

    @property
    def admin(self) -> tuple[str, str]:
        return self.login("admin", "ADMIN_PASSWORD")

    @property
    def manifest_path(self) -> Path:
        return Path(self.env["DBT_TARGET_PATH"]) / "manifest.json"

    def dbt(self, *args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([str(DBT), *args], env=self.env, cwd=ROOT, capture_output=True, text=True)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    installation = Stack.new()
    try:
        installation.ready()
        yield installation
    finally:
        if os.environ.get("VORONKA_KEEP_TEST_STACK"):
            print(f"kept: VORONKA_HOME={installation.home}", file=sys.__stderr__)
        else:
            installation.close()


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium. Missing on a person's machine it skips the test; in CI it fails it."""
    if found := environments.browser():
        return found
    reason = "no Chromium on this machine (as root: apt install chromium): the dashboards were not looked at"
    missing(reason)
