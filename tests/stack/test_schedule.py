"""Refreshes by the clock, and what people are told of them."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import psycopg
import pytest

from tests.conftest import CORE, ROOT, Stack


@contextmanager
def listener(status: int = 200) -> Iterator[tuple[int, list[tuple[str, dict[str, list[str]]]]]]:
    """A portal's webhook, as far as an alert knows it: port, and (path, form) of each message."""
    heard: list[tuple[str, dict[str, list[str]]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            heard.append((self.path, parse_qs(body)))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port, heard
    finally:
        server.shutdown()


def address(port: int) -> str:
    return (
        f"form://127.0.0.1:{port}/rest/1/secret-token/im.message.add.json?:DIALOG_ID=chat1&:message=MESSAGE"
    )


def voronka(stack: Stack, *args: str, **extra: str) -> subprocess.CompletedProcess[str]:
    command = [str(CORE), "-m", "voronka", *args]
    env = {**stack.environ, **extra}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)


@pytest.fixture
def calm(stack: Stack) -> Iterator[None]:
    """Nothing has been told yet."""
    (stack.home / "alerts.json").unlink(missing_ok=True)
    yield
    (stack.home / "alerts.json").unlink(missing_ok=True)


def test_a_problem_is_told_once_and_once_more_when_it_is_gone(stack: Stack, calm: None) -> None:
    started = voronka(stack, "alerts")
    assert started.returncode == 0, started.stderr
    with listener() as (port, heard), psycopg.connect(stack.warehouse_url, autocommit=True) as warehouse:
        warehouse.execute(
            "update marts.mart_health__inputs set is_problem = true, message = 'нет строк' where input = 'targets'"
        )
        try:
            first = voronka(stack, "alerts", VORONKA_ALERTS=address(port))
            again = voronka(stack, "alerts", VORONKA_ALERTS=address(port))
        finally:
            warehouse.execute(
                "update marts.mart_health__inputs set is_problem = false, message = '—' where input = 'targets'"
            )
        gone = voronka(stack, "alerts", VORONKA_ALERTS=address(port))
    assert "1 new: sent" in first.stdout and "нет строк" in first.stdout, first.stdout + first.stderr
    assert "0 new" in again.stdout and "1 new" in gone.stdout, again.stdout + gone.stdout
    assert len(heard) == 2
    path, form = heard[0]
    assert path == "/rest/1/secret-token/im.message.add.json" and form["DIALOG_ID"] == ["chat1"]
    assert "нет строк" in form["MESSAGE"][0] and "больше нет" in heard[1][1]["MESSAGE"][0]


def test_an_alert_that_nobody_took_is_sent_again_and_no_token_is_told(stack: Stack, calm: None) -> None:
    with psycopg.connect(stack.warehouse_url, autocommit=True) as warehouse:
        warehouse.execute("update marts.mart_health__inputs set is_problem = true where input = 'ad_spend'")
        try:
            with listener(500) as (port, _):
                refused = voronka(stack, "alerts", VORONKA_ALERTS=address(port))
            with listener() as (port, heard):
                taken = voronka(stack, "alerts", VORONKA_ALERTS=address(port))
        finally:
            warehouse.execute(
                "update marts.mart_health__inputs set is_problem = false where input = 'ad_spend'"
            )
    assert refused.returncode == 1 and "taken by none of VORONKA_ALERTS" in refused.stderr
    assert taken.returncode == 0 and len(heard) == 1
    assert "secret-token" not in refused.stdout + refused.stderr + taken.stdout + taken.stderr


def test_an_address_that_cannot_be_read_is_named_without_its_secrets(stack: Stack) -> None:
    wrong = voronka(stack, "schedule", VORONKA_ALERTS="telegramm://secret-token/12")
    assert wrong.returncode == 1
    assert "VORONKA_ALERTS, address 1 (telegramm://…) cannot be read" in wrong.stderr
    assert "secret-token" not in wrong.stdout + wrong.stderr


def test_the_schedule_runs_the_jobs_of_meltano_and_none_beside_another(tmp_path: Path) -> None:
    """Two schedules due at every second, their refresh replaced by one that notes when it runs: in turn, never at once."""
    program = """
import datetime, json, sys, threading, time
from apscheduler.triggers.cron import CronTrigger
from voronka import alerts, schedule
from voronka.settings import Settings
assert [job for _, _, job in schedule.schedules()] == ["refresh", "nightly"]
class Seconds(CronTrigger):
    @classmethod
    def from_crontab(cls, interval, timezone=None):
        return cls(second="*", timezone=timezone)
schedule.CronTrigger = Seconds
schedule.schedules = lambda: [("a", "* * * * *", "refresh"), ("b", "* * * * *", "nightly")]
running, seen = [], []
def refresh(job):
    running.append(job); seen.append((job, len(running))); time.sleep(0.7); running.remove(job)
schedule.refresh = refresh
threading.Thread(target=schedule.run, args=[Settings()], daemon=True).start()
time.sleep(6)
print(json.dumps(seen))
"""
    env = {**os.environ, "VORONKA_HOME": str(tmp_path), "VORONKA_ALERTS": ""}
    ran = subprocess.run(
        [str(CORE), "-c", program], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    seen = json.loads(ran.stdout.splitlines()[-1])
    assert {job for job, _ in seen} == {"refresh", "nightly"}
    assert {beside for _, beside in seen} == {1}


def test_after_an_upgrade_the_refresh_builds_everything_once(tmp_path: Path) -> None:
    """The refresh reads tables of the night, which may lack a column until then."""
    code = "from voronka import refresh; print(refresh.due('refresh'), refresh.due('nightly'), refresh._models())"

    def due() -> list[str]:
        done = subprocess.run(
            [str(CORE), "-c", code],
            cwd=ROOT,
            env={**os.environ, "VORONKA_HOME": str(tmp_path)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    assert due()[:2] == ["nightly", "nightly"]
    (tmp_path / "built.sha256").write_text(due()[2])
    assert due()[:2] == ["refresh", "nightly"]
    (tmp_path / "built.sha256").write_text("the models of the version before")
    assert due()[:2] == ["nightly", "nightly"]


def test_a_refresh_that_was_killed_is_told_too(tmp_path: Path) -> None:
    """Not a word is printed: people hear of it all the same."""
    program = """
import subprocess
from voronka import alerts, schedule
schedule._voronka = lambda *_: subprocess.CompletedProcess([], -9, "")
alerts.tell = lambda _, failure: print(failure)
schedule.refresh("refresh")
"""
    env = {**os.environ, "VORONKA_HOME": str(tmp_path)}
    ran = subprocess.run([str(CORE), "-c", program], cwd=ROOT, env=env, capture_output=True, text=True)
    assert ran.returncode == 0 and "процесс оборвался (код -9)" in ran.stdout, ran.stderr


def test_a_failed_refresh_is_told_and_leaves_the_numbers(stack: Stack, calm: None) -> None:
    """By the schedule's own function, with a webhook that the portal refuses: the marts stay, the alert says why."""
    count = "select count(*) from marts.fct_deals"
    with psycopg.connect(stack.warehouse_url, autocommit=True) as warehouse, listener() as (port, heard):
        before = warehouse.execute(count).fetchone()
        env = {
            **stack.environ,
            "VORONKA_ALERTS": address(port),
            "BITRIX24_WEBHOOK_URL": stack.portal_url.replace("/rest/1/", "/rest/1/wrong"),
        }
        ran = subprocess.run(
            [str(CORE), "-c", "from voronka import schedule; schedule.refresh('refresh')"],
            cwd=ROOT, env=env, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        assert warehouse.execute(count).fetchone() == before
    assert len(heard) == 1 and "Обновление не удалось" in heard[0][1]["MESSAGE"][0], ran.stdout
