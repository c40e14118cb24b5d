"""`make kills`: a whole refresh with a process killed outright at each step, what viewers saw meanwhile, and what came of it.

Each case changes cards, starts `voronka refresh --job refresh`, waits for its step (told by the statements in the database
and by the processes), kills its victim with signal 9, lets what is left run out, and then gives the same command again.
Meanwhile a viewer asks a chart of Superset and the published marts. Allowed are the numbers of one build, whole, or an error
where database or Superset is down; the same build has to say the same each time. At the end everything is compared, table by
table, with a build at once of the same rows at the same moment.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

import click
import httpx
import psutil
import psycopg

from tests.bench import company
from tests.conftest import Stack
from tests.warehouse.rounds import build, differences

SLUG = "kpi-otdela-prodazh"
CHART = "По отделам"
# Numbers of one build that have to agree with one another, read in one statement.
TOGETHER = """
select
  (select built_at::text from marts.mart_health__build),
  (select count(*) from marts.fct_deals),
  (select count(*) from marts.fct_metric_events),
  (select count(*) from marts.fct_metric_events where metric_code = 'deals_created'),
  (select sum(value) from marts.mart_kpi__daily where metric_code = 'deals_created'),
  (select count(*) from marts.mart_kpi__won_deals),
  (select sum(amount) from marts.fct_deals where won_at is not null)
"""
# Of a step: whose statements tell it, and what is in them.
STATEMENTS = {
    "load": ("loader", ("copy incoming", "insert into")),
    "staging": ("dbt", ('"model.voronka.stg_',)),
    "intermediate": ("dbt", ('"model.voronka.int_',)),
    "marts": ("dbt", ('"model.voronka.fct_', '"model.voronka.mart_')),
    "tests": ("dbt", ('"test.voronka.',)),
    "publication": ("dbt", ("do $publish$",)),
}
PROCESSES = {"read": "tap", "logins": "provision"}
OF_THE_DATABASE = ("backend", "postgres")
OF_SUPERSET = ("superset worker", "superset")
CASES = [
    *(("read", victim) for victim in ("tap", "target", "meltano", "voronka", "postgres")),
    *(("load", victim) for victim in ("target", "backend")),
    *(("staging", victim) for victim in ("dbt", "meltano", "voronka", "backend", "postgres")),
    *(("intermediate", victim) for victim in ("dbt", "backend")),
    *(("marts", victim) for victim in ("dbt", "meltano", "voronka", "backend", "postgres", *OF_SUPERSET)),
    *(("tests", victim) for victim in ("dbt", "voronka", "postgres")),
    *(
        ("publication", victim)
        for victim in ("dbt", "meltano", "voronka", "backend", "postgres", *OF_SUPERSET)
    ),
    *(("logins", victim) for victim in ("provision", "voronka", "superset", "postgres")),
]
PATIENCE = 600


@dataclass
class Result:
    """What came of a case; `problems` is empty where all was as it should be."""

    step: str
    victim: str
    killed: bool = False
    ended: int | None = None
    published_before_recovery: bool = False
    answers: Counter[str] = field(default_factory=Counter)
    recovery_seconds: float = 0.0
    problems: list[str] = field(default_factory=list)


class Viewer(threading.Thread):
    """Asks twice a second: the marts as Superset's account, a chart by Superset's API, always for fresh numbers."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(daemon=True)
        self._stack, self._end = stack, threading.Event()
        self.answers: Counter[str] = Counter()
        self.problems: list[str] = []
        self._of_build: dict[tuple[str, str], str] = {}
        self._client: httpx.Client | None = None
        self._error = ""
        self._body: dict[str, object] = {}

    def stop(self) -> None:
        self._end.set()
        self.join()

    def run(self) -> None:
        while not self._end.wait(0.5):
            before = self._marts()
            self._error = ""
            chart = self._chart()
            after = self._marts()
            if self._error and before and after:
                self.problems.append(self._error)
            if before and chart and before == after:
                self._same("chart", before, chart)

    def _same(self, what: str, built: str, answer: str) -> None:
        known = self._of_build.setdefault((what, built), answer)
        if known != answer:
            self.problems.append(f"{what}: the build of {built} said {known}, then {answer}")

    def _marts(self) -> str | None:
        try:
            with psycopg.connect(self._stack.url("BI"), connect_timeout=3) as marts:
                row = marts.execute(TOGETHER).fetchone()
        except psycopg.OperationalError as error:
            self.answers["database down"] += 1
            if "terminating connection" not in str(error) and "statement timeout" in str(error):
                self.problems.append(f"marts: {error}")
            return None
        except psycopg.Error as error:
            self.problems.append(f"marts: {error}")
            return None
        assert row
        self.answers["marts"] += 1
        if not row[0] or not row[1] or row[3] != row[4]:
            self.problems.append(f"marts: numbers of one build do not agree: {row}")
        self._same("marts", row[0], repr(row))
        return str(row[0])

    def _chart(self) -> str | None:
        try:
            if self._client is None:
                self._log_in()
            answer = self._client.post("/api/v1/chart/data", json=self._body)  # type: ignore[union-attr]
            if answer.status_code == 401:
                self._client = None
                return None
            found = answer.json()["result"][0]["data"] if answer.status_code == 200 else None
        except (httpx.HTTPError, KeyError, ValueError):
            self._client = None
            self.answers["Superset down"] += 1
            return None
        if found is None:
            self.answers["chart: error"] += 1
            said = answer.text.lower()
            if not any(
                word in said
                for word in ("connection", "recovery", "starting up", "shutting down", "terminat")
            ):
                # With the database down, Superset has neither numbers nor metadata; else this is an error of ours.
                self._error = f"chart: HTTP {answer.status_code}: {answer.text[:300]}"
            return None
        self.answers["chart"] += 1
        if not found:
            self.problems.append("chart: no rows")
        return hashlib.md5(json.dumps(found, sort_keys=True).encode()).hexdigest()[:8]

    def _log_in(self) -> None:
        client = httpx.Client(base_url=self._stack.superset_url, timeout=60)
        name, password = self._stack.viewer
        token = client.post(
            "/api/v1/security/login", json={"username": name, "password": password, "provider": "db"}
        ).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        head = client.get(f"/api/v1/dashboard/{SLUG}").json()["result"]
        charts = client.get(f"/api/v1/dashboard/{SLUG}/charts").json()["result"]
        chart = next(chart for chart in charts if chart["slice_name"] == CHART)
        self._body = {
            "datasource": {"id": int(chart["form_data"]["datasource"].split("__")[0]), "type": "table"},
            "queries": [
                {"columns": ["department"], "metrics": ["deals_won", "revenue_won"], "row_limit": 1000}
            ],
            "form_data": {"slice_id": chart["id"], "dashboardId": head["id"]},
            "result_format": "json",
            "result_type": "full",
            "force": True,
        }
        self._client = client


def _name(process: psutil.Process) -> str | None:
    """What a process of the installation is, by what it runs."""
    words = process.cmdline()
    programs = {Path(word).name for word in words[:3]}
    if "gunicorn" in programs or any("gunicorn" in word for word in words[:2]):
        parent = process.parent()
        return "superset worker" if parent and "gunicorn" in " ".join(parent.cmdline()) else "superset"
    if process.name() == "postgres":
        return "postgres" if "-D" in words else None
    if "-m" in words and "voronka" in words and "refresh" in words:
        return "voronka"
    if any(Path(word).name == "provision.py" for word in words):
        return "provision"
    for program, name in {
        "tap-bitrix24": "tap",
        "target-postgres-jsonb": "target",
        "dbt": "dbt",
        "meltano": "meltano",
    }.items():
        if program in programs:
            return name
    return None


def processes(home: Path) -> dict[str, list[psutil.Process]]:
    found: dict[str, list[psutil.Process]] = {}
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.environ().get("VORONKA_HOME") == str(home) and (name := _name(process)):
                found.setdefault(name, []).append(process)
    return found


class Killings:
    """Cases on one installation."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        _, password = stack.login("postgres", "POSTGRES_PASSWORD")
        e = stack.env
        self._server = f"postgresql://postgres:{password}@127.0.0.1:{stack.ports['VORONKA_PG_PORT']}/{e['WAREHOUSE_DBNAME']}"
        self._number = int(time.time()) % 100_000

    def change(self) -> None:
        """An interval of the company's life, so that the next build has other numbers."""
        self._number += 1
        with psycopg.connect(self.stack.url("LOADER"), autocommit=True) as loader:
            company.change(loader, 0.01, self._number)

    def built_at(self) -> str:
        with psycopg.connect(self.stack.url("BI"), connect_timeout=5) as marts:
            return str(marts.execute("select built_at from marts.mart_health__build").fetchone()[0])

    def play(self, step: str, victim: str, *, change: bool = True) -> Result:
        """One case; without `change` raw gets nothing that the portal does not have."""
        result = Result(step, victim)
        if change:
            self.change()
        before = self.built_at()
        viewer = Viewer(self.stack)
        viewer.start()
        try:
            refresh = self.stack.start("refresh", "--job", "refresh")
            threading.Thread(target=refresh.stdout.read, daemon=True).start()
            result.killed = self._strike(step, victim, refresh)
            if not result.killed:
                result.problems.append("the step was not seen")
            refresh.wait(PATIENCE)
            result.ended = refresh.returncode
            # supervisord brings back what it watches; the viewer goes on asking.
            time.sleep(3)
            with suppress(psycopg.Error):
                result.published_before_recovery = self.built_at() != before
            began = time.monotonic()
            again = self.stack.voronka("refresh", "--job", "refresh", timeout=PATIENCE)
            result.recovery_seconds = time.monotonic() - began
            if again.returncode:
                result.problems.append(f"the next refresh failed: {again.stdout[-1500:]}")
            elif self.built_at() == before:
                result.problems.append("the next refresh published nothing")
            if left := {"meltano", "tap", "target", "dbt"} & processes(self.stack.home).keys():
                result.problems.append(f"left running: {', '.join(sorted(left))}")
            time.sleep(2)
        finally:
            viewer.stop()
        result.answers = viewer.answers
        result.problems += viewer.problems[:5]
        if not viewer.answers["marts"] or not viewer.answers["chart"]:
            result.problems.append(f"the viewer saw nothing: {dict(viewer.answers)}")
        return result

    def _strike(self, step: str, victim: str, refresh: object) -> bool:
        """Wait for the step, then kill; whether it came."""
        deadline, struck = time.monotonic() + PATIENCE, False
        prepared = self._victims(victim) if victim in (*OF_SUPERSET, "postgres") else []
        # Where the server itself is killed, this connection may not even be closed.
        with suppress(psycopg.OperationalError), psycopg.connect(self._server, autocommit=True) as server:
            while time.monotonic() < deadline and refresh.poll() is None:  # type: ignore[attr-defined]
                backend = self._at(step, server)
                if backend is None:
                    continue
                if victim == "backend":
                    os.kill(backend, signal.SIGKILL)
                    struck = True
                    return True
                for process in prepared or self._victims(victim):
                    with suppress(psutil.NoSuchProcess):
                        process.kill()
                        struck = True
                        return True
        return struck

    def _at(self, step: str, server: psycopg.Connection) -> int | None:
        """The backend that works on the step now (0: a process tells it)."""
        if step in PROCESSES:
            if PROCESSES[step] in processes(self.stack.home):
                time.sleep(1.0)
                return 0
            return None
        role, words = STATEMENTS[step]
        user = self.stack.env[f"WAREHOUSE_{role.upper()}_USER"]
        row = server.execute(
            "select pid from pg_stat_activity where usename = %s and state <> 'idle' and query ilike any(%s) limit 1",
            [user, [f"%{word}%" for word in words]],
        ).fetchone()
        return row[0] if row else None

    def _victims(self, victim: str) -> list[psutil.Process]:
        return processes(self.stack.home).get(victim, [])

    def compare(self) -> dict[str, int]:
        """Tables that differ from a build at once of the same rows at the same moment."""
        moment = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%S.%f+00")
        build(self.stack.env, moment)
        build(self.stack.env, moment, "at_once", "--exclude-resource-type", "test")
        with psycopg.connect(self.stack.warehouse_url, autocommit=True) as dbt:
            try:
                return differences(dbt)
            finally:
                for schema in ("staging", "intermediate", "marts", "marts_next", "raw_inputs"):
                    dbt.execute(f"drop schema if exists {schema}_at_once cascade")


@contextmanager
def installation(home: Path | None) -> Iterator[Stack]:
    known = home is not None and (home / "ports.json").exists()
    stack = Stack.kept(home) if home else Stack.new()
    try:
        if known:
            stack.serve()
        else:
            stack.ready()
        yield stack
    finally:
        if home:
            stack.voronka("stop")
        else:
            stack.close()


@click.command()
@click.option("--only", default="", help="Cases that begin so, e.g. marts,tests dbt.")
@click.option(
    "--home", type=click.Path(path_type=Path), help="Keep the installation here, and take it up again."
)
@click.option(
    "--compare/--no-compare", default=True, help="Compare all tables with a build at once at the end."
)
def main(only: str, home: Path | None, compare: bool) -> None:
    """Kill each process at each step of a refresh; exit code 1 where viewers or the next refresh suffered."""
    wanted = tuple(word.strip() for word in only.split(","))
    cases = [case for case in CASES if " ".join(case).startswith(wanted)]
    wrong = 0
    with installation(home) as stack:
        killings = Killings(stack)
        click.echo(
            "| step | killed | refresh ended | seen meanwhile | next refresh | verdict |\n|---|---|---|---|---|---|"
        )
        for step, victim in cases:
            result = killings.play(step, victim)
            wrong += bool(result.problems)
            seen = ", ".join(f"{what} {count}" for what, count in sorted(result.answers.items()))
            click.echo(
                f"| {step} | {victim} | {result.ended}{', published' * result.published_before_recovery} | {seen}"
                f" | {result.recovery_seconds:.0f} s | {'; '.join(result.problems) or 'ok'} |"
            )
            sys.stdout.flush()
        if compare:
            found = killings.compare()
            wrong += bool(found)
            click.echo(f"\n{found or 'every table is what a build at once makes of the same rows'}")
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
