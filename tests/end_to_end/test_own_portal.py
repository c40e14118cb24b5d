"""A company's own portal: a webhook in the settings, and a PostgreSQL of its own."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator

import httpx
import psycopg
import pytest

from tests.conftest import ROOT, Installation, Stack, free_port

TOKEN = "0wnp0rtalc0de"
PORTAL = ROOT / ".voronka" / "envs" / "demo" / "bin" / "python"


@pytest.fixture
def start_portal() -> Iterator[Callable[..., str]]:
    """Starts a small portal without limits, with the options given, and returns its webhook's address."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(*options: str) -> str:
        port = free_port()
        arguments = f"-m demo serve --port {port} --token {TOKEN} --scale 0.03 --no-limits".split()
        command = [str(PORTAL), *arguments, *options]
        processes.append(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL))
        webhook = f"http://127.0.0.1:{port}/rest/1/{TOKEN}/"
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                httpx.get(f"{webhook}server.time")
                return webhook
            except httpx.TransportError:
                time.sleep(0.2)
        raise AssertionError("the portal did not start")

    yield start
    for process in processes:
        process.terminate()
        process.wait(60)


@pytest.fixture
def installation() -> Iterator[Installation]:
    fresh = Installation.new()
    try:
        yield fresh
    finally:
        fresh.close()


def test_refresh_loads_it_into_a_database_of_ones_own(
    start_portal: Callable[..., str], installation: Installation, stack: Stack
) -> None:
    renamed = free_port()
    webhook = start_portal("--also-port", str(renamed))
    _, password = stack.login("postgres", "POSTGRES_PASSWORD")
    server = f"127.0.0.1:{stack.ports['VORONKA_PG_PORT']}"
    with psycopg.connect(f"postgresql://postgres:{password}@{server}/postgres", autocommit=True) as admin:
        admin.execute("create role company login password 'company-password'")
        admin.execute("create database company owner company")
    database = f"postgresql://company:company-password@{server}/company"
    installation.extra = {"BITRIX24_WEBHOOK_URL": webhook, "DATABASE_URL": database}

    result = installation.voronka("refresh")

    assert result.returncode == 0, result.stdout
    assert TOKEN not in result.stdout
    truth = httpx.get(f"{webhook.split('/rest/')[0]}/__demo/truth", params={"token": TOKEN}).json()
    with psycopg.connect(database) as warehouse:
        deals = warehouse.execute("select count(distinct id) from raw_bitrix24.deals").fetchone()
        assert deals == (truth["streams"]["deals"],)
        assert warehouse.execute("select count(*) from marts.fct_metric_events").fetchone() > (0,)

    # The portal gets another name. Its old address sends the tap on, and says so in its row; then the settings follow.
    old, new = (address.split("/rest/")[0] for address in (webhook, f"http://127.0.0.1:{renamed}/rest/"))
    with psycopg.connect(database) as warehouse:
        portal = "select id, payload ->> 'url' from raw_bitrix24.portal"
        assert warehouse.execute(portal).fetchall() == [(old.split("//")[1], old)]
        warehouse.execute(
            "update raw_bitrix24.portal set payload = payload || jsonb_build_object('url', %s::text)", [new]
        )
    installation.extra["BITRIX24_WEBHOOK_URL"] = webhook.replace(old, new)
    result = installation.voronka("refresh")
    assert result.returncode == 0, result.stdout
    with psycopg.connect(database) as warehouse:
        assert warehouse.execute(portal).fetchall() == [(new.split("//")[1], new)]

    for log in (installation.home / "logs").rglob("*.log"):
        text = log.read_text(errors="replace")
        assert TOKEN not in text and "company-password" not in text, log.name


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--scopes", "crm,user,department"], "telephony"),
        (["--not-admin"], "administrator"),
    ],
)
def test_what_the_webhook_may_not_read_is_named(
    start_portal: Callable[..., str], installation: Installation, options: list[str], says: str
) -> None:
    installation.extra = {"BITRIX24_WEBHOOK_URL": start_portal(*options)}
    result = installation.voronka("refresh")
    assert result.returncode == 1
    [line] = [line for line in result.stdout.splitlines() if line.startswith("voronka: ")]
    assert says in line
    assert TOKEN not in result.stdout
