"""Commands against accidents: taken ports, killed processes, interruptions, a foreign portal."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator

import psutil
import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.conftest import CORE, ROOT, Installation, Stack

TOKEN = "s3cr3tw3bh00kc0de"


@pytest.fixture
def installation() -> Iterator[Installation]:
    fresh = Installation.new()
    try:
        yield fresh
    finally:
        fresh.close()


def processes_of(installation: Installation) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("VORONKA_HOME") == str(installation.home):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def test_a_taken_port_is_named_with_its_setting(installation: Installation) -> None:
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", int(installation.ports["VORONKA_PG_PORT"])))
        squatter.listen()
        result = installation.voronka("refresh")
    assert result.returncode == 1
    assert f"Port {installation.ports['VORONKA_PG_PORT']}" in result.stdout
    assert "VORONKA_PG_PORT" in result.stdout
    assert "Traceback" not in result.stdout


def test_a_setting_that_cannot_be_used_is_named(installation: Installation) -> None:
    installation.extra = {"VORONKA_TIMEZONE": "Moscow"}
    result = installation.voronka("status")
    assert result.returncode == 1
    assert "VORONKA_TIMEZONE is 'Moscow'" in result.stdout

    installation.extra = {"VORONKA_SUPERSET_PORT": "eighty"}
    assert "VORONKA_SUPERSET_PORT is 'eighty'" in installation.voronka("status").stdout

    installation.extra = {"DATABASE_URL": f"mysql://owner:{TOKEN}@db/voronka"}
    result = installation.voronka("refresh")
    assert "DATABASE_URL cannot be read" in result.stdout
    assert TOKEN not in result.stdout


@pytest.mark.parametrize(
    ("webhook", "says"),
    [
        (f"http://portal.example/rest/1/{TOKEN}/", "https"),
        (f"https://127.0.0.1:1/rest/1/{TOKEN}/", "127.0.0.1"),
        ("https://portal.example/", "rest"),
    ],
)
def test_a_wrong_webhook_is_one_line_without_the_token(
    installation: Installation, webhook: str, says: str
) -> None:
    installation.extra = {"BITRIX24_WEBHOOK_URL": webhook}
    result = installation.voronka("refresh")
    assert result.returncode == 1
    [line] = [line for line in result.stdout.splitlines() if line.startswith("voronka: ")]
    assert says in line
    assert "Traceback" not in result.stdout
    assert TOKEN not in result.stdout
    for log in (installation.home / "logs").glob("*.log"):
        assert TOKEN not in log.read_text(errors="replace"), log.name


def test_interrupting_leaves_nothing_running(installation: Installation) -> None:
    process = installation.start("demo")
    assert process.stdout
    for line in process.stdout:
        if "Refresh: extract" in line:
            break
    time.sleep(3)
    assert processes_of(installation)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=90)
    assert process.returncode == 130, said
    assert "Nothing is left running" in said
    deadline = time.monotonic() + 10
    while processes_of(installation) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert [p.cmdline() for p in processes_of(installation)] == []


def test_a_command_that_is_ended_takes_along_what_it_started(installation: Installation) -> None:
    """As Meltano has dbt run: left behind, it would go on to publish."""
    program = """
import os, threading
from voronka import progress
from voronka.failure import Failure
threading.Timer(1, progress.end_running).start()
try:
    progress.run(["sh", "-c", "sleep 600 & wait"], log="ended", env=dict(os.environ))
except Failure as failure:
    print(failure)
"""
    ran = subprocess.run(
        [str(CORE), "-c", program],
        cwd=ROOT,
        env=installation.environ,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert "ended ended with code -15" in ran.stdout, ran.stderr
    assert [process.cmdline() for process in processes_of(installation)] == []


def test_two_commands_do_not_run_at_once(installation: Installation) -> None:
    first = installation.start("refresh")
    assert first.stdout
    first.stdout.readline()
    second = installation.voronka("refresh")
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=90)
    assert second.returncode == 1
    assert "Another voronka command is at work" in second.stdout


def test_killed_processes_are_replaced(stack: Stack) -> None:
    """supervisord and PostgreSQL killed outright, the worst order first: the next command puts both back."""
    with psycopg.connect(stack.url("BI")) as bi:
        before = bi.execute("select count(*) from marts.fct_deals").fetchone()
    for name in ("supervisord", "postgres"):
        for process in processes_of(stack):
            try:
                if process.name() == name:
                    process.kill()
            except psutil.Error:
                continue
    result = stack.voronka("serve")
    assert result.returncode == 0, result.stdout
    with psycopg.connect(stack.url("BI")) as bi:
        assert bi.execute("select count(*) from marts.fct_deals").fetchone() == before
    assert stack.voronka("status").stdout.count("running") >= 2


def test_status_shows_services_freshness_and_logins(stack: Stack) -> None:
    said = stack.voronka("status").stdout
    assert "postgres   running" in said
    assert "superset   running" in said
    assert "Данные на" in said
    assert stack.viewer[1] in said


def test_passwords_are_generated_and_stay_out_of_logs_and_git(stack: Stack) -> None:
    secrets = [
        line.split("=", 1)[1].strip("'") for line in (stack.home / "secrets.env").read_text().splitlines()
    ]
    assert len(set(secrets)) == len(secrets)
    assert all(len(secret) >= 12 for secret in secrets)
    assert (stack.home / "secrets.env").stat().st_mode & 0o077 == 0
    for log in (stack.home / "logs").rglob("*.log"):
        text = log.read_text(errors="replace")
        assert not [secret for secret in secrets if secret in text], log.name
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert ".env" not in tracked
    assert not [name for name in tracked if name.startswith((".voronka/", ".meltano/"))]


def test_viewers_database_role_reads_marts_only(stack: Stack) -> None:
    with psycopg.connect(stack.url("BI"), autocommit=True) as bi:
        assert bi.execute("select count(*) from marts.dim_managers").fetchone() > (0,)
        for statement in (
            "select 1 from raw_bitrix24.deals",
            "select 1 from staging.stg_bitrix24__deals",
            "select 1 from marts_next.fct_deals",
            "create table marts.mine (id int)",
            "delete from marts.fct_deals",
        ):
            with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction)):
                bi.execute(statement)
        assert bi.execute("show statement_timeout").fetchone() == ("30s",)


def test_trust_authentication_is_nowhere(stack: Stack) -> None:
    url = stack.url("BI").replace(stack.env["WAREHOUSE_BI_PASSWORD"], "wrong")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(url)
    assert "trust" not in [
        word
        for line in (stack.home / "postgres" / "pg_hba.conf").read_text().splitlines()
        if not line.startswith("#")
        for word in line.split()
    ]


def test_another_portal_is_not_mixed_in(stack: Stack) -> None:
    """A warehouse that holds a company's own portal takes no other one; the demonstration makes room for it."""
    of_portal = "update raw_bitrix24.portal set id = %s, payload = payload || %s"
    with psycopg.connect(stack.url("LOADER"), autocommit=True) as raw:
        host, was = raw.execute("select id, payload from raw_bitrix24.portal").fetchone()
        other = {"url": "https://firma.bitrix24.ru", "is_demonstration": False}
        raw.execute(of_portal, ["firma.bitrix24.ru", Jsonb(other)])
        try:
            result = stack.voronka("refresh")
        finally:
            raw.execute(of_portal, [host, Jsonb(was)])
    assert result.returncode == 1
    assert "firma.bitrix24.ru" in result.stdout


def test_lint_is_clean() -> None:
    environ = {name: value for name, value in os.environ.items() if name != "MAKEFLAGS"}
    result = subprocess.run(["make", "lint"], cwd=ROOT, env=environ, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-2000:]
