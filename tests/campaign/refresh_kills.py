"""`make kills`: a whole refresh with a process killed outright at each step, what viewers saw meanwhile, and what came of it.

The portal's clock stands still, some weeks back, and is moved on before each case, so that the refresh finds what a portal would
have brought by then. A case starts `voronka refresh --job refresh`, waits for its step (told by the statements in the database,
by what the portal is asked and by the processes), kills its victim with signal 9, and lets what is left run out. Cases come in
chains, each a step further than the one before: a refresh that reaches its step has got over the last kill, and the one behind
a chain is left alone and has to publish. Meanwhile a viewer asks a chart of Superset and the published marts. Allowed are the
numbers of one build, whole, or an error where database or Superset is down; the same build has to say the same each time, and
the one that ends a chain something else than the one before. At the end raw is compared with the portal, row by row, and all
tables with a build at once of the same rows at the same moment.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

import click
import httpx
import psutil
import psycopg

from tests.campaign.company import Portal
from tests.campaign.truth import BINDINGS, STREAMS, SWEPT, Truth
from tests.campaign.truth import differences as unlike_the_portal
from tests.campaign.warehouse import Raw
from tests.conftest import CORE, ROOT, Stack
from tests.warehouse.rounds import build, differences

SLUG = "kpi-otdela-prodazh"
CHART = "Показатели за период"
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
    # The end of that long statement is cut off there.
    "publication": ("dbt", ("set local lock_timeout",)),
}
PROCESSES = {"read": "tap", "logins": "provision"}
# The nightly look for deleted cards: their ids are read (many pages of this list, which a refresh asks for one), then written.
SWEEP, SWEPT_METHOD = "sweep", "crm.activity.list"
SWEEP_WRITES, SWEPT_TABLE = "sweep's rows", "card_ids"
AT_WORK = {"meltano", "tap", "target", "dbt"}
OF_SUPERSET = ("superset worker", "superset")
CASES = [
    *(("read", victim) for victim in ("tap", "target", "meltano", "voronka", "postgres")),
    *((SWEEP, victim) for victim in ("tap", "meltano", "postgres")),
    *((SWEEP_WRITES, victim) for victim in ("target", "backend")),
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
# The company's day: two looks at it, the first behind the hour of the sweep.
HOURS = (11, 17)
BACK = timedelta(weeks=8)
# Starts the portal alone, so that its clock can be set before anything is loaded.
PORTAL = """
from voronka import cli, environments
from voronka.settings import Settings
environments.prepare("demo")
settings = Settings()
cli._start_portal(settings, cli._start_services(settings))
"""


@dataclass
class Result:
    """What came of a case; `problems` is empty where all was as it should be."""

    step: str
    victim: str
    killed: bool = False
    ended: int | None = None
    published_before_recovery: bool = False
    answers: Counter[str] = field(default_factory=Counter)
    recovery_seconds: float | None = None
    changed: bool = True
    problems: list[str] = field(default_factory=list)


class Viewer(threading.Thread):
    """Asks each second: the marts as Superset's account, a chart by Superset's API, always for fresh numbers."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(daemon=True)
        self._stack, self._end = stack, threading.Event()
        self.answers: Counter[str] = Counter()
        self.problems: list[str] = []
        self._of_build: dict[tuple[str, str], str] = {}
        self._client: httpx.Client | None = None
        self._error = ""
        self._body: dict[str, object] = {}

    def wait_for_the_chart(self) -> None:
        """Until it has been seen once: some cases are over sooner than a login to a Superset that was killed just now."""
        deadline = time.monotonic() + PATIENCE / 4
        while not self.answers["chart"] and time.monotonic() < deadline:
            time.sleep(0.2)

    def stop(self) -> None:
        self._end.set()
        self.join()

    def run(self) -> None:
        while not self._end.wait(1.0):
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

    def saw_a_change(self) -> bool:
        """Whether the chart said something else at the end than at first: else it could not tell one build from another."""
        charts = [answer for (what, _), answer in self._of_build.items() if what == "chart"]
        return len(charts) < 2 or charts[0] != charts[-1]

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
            "queries": [{"columns": ["metric"], "metrics": ["value"], "row_limit": 1000}],
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
        self.portal = portal_of(stack)

    def move_on(self, *, to_the_next_day: bool) -> None:
        """Let the company work for some hours, so that the next build has other numbers; a sweep is due on another day."""
        now = datetime.fromisoformat(self.portal.clock())
        hours = [] if to_the_next_day else [hour for hour in HOURS if hour > now.hour]
        then = at_work(now, hours[0]) if hours else at_work(now + timedelta(days=1), HOURS[0])
        if then > datetime.now(timezone.utc):
            raise RuntimeError("the portal's clock has caught up with ours: begin anew, in another --home")
        set_clock(self.stack, then)

    def built_at(self) -> str:
        return str(self._asked("select built_at from marts.mart_health__build")[0])

    def numbers(self) -> tuple[object, ...]:
        """What the viewer compares, without the moment of the build."""
        return self._asked(TOGETHER)[1:]

    def _asked(self, query: str) -> tuple[object, ...]:
        """A row of the marts; a server that was killed a moment ago is waited for."""
        deadline = time.monotonic() + PATIENCE / 4
        while True:
            try:
                with psycopg.connect(self.stack.url("BI"), connect_timeout=5) as marts:
                    return marts.execute(query).fetchone() or ()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)

    def play(self, step: str, victim: str, *, recover: bool = True) -> Result:
        """One case: what the portal has brought since the last build is loaded, with an accident; then, to `recover`, without."""
        result = Result(step, victim)
        before, numbers = self.built_at(), self.numbers()
        viewer = Viewer(self.stack)
        viewer.start()
        try:
            viewer.wait_for_the_chart()
            known = processes(self.stack.home)
            refresh = self.stack.start("refresh", "--job", "refresh")
            threading.Thread(target=refresh.stdout.read, daemon=True).start()
            # What the last case left at work is for the new command to end, and no step of it.
            psutil.wait_procs([left for name in AT_WORK for left in known.get(name, [])], PATIENCE / 4)
            result.killed = self._strike(step, victim, refresh)
            if not result.killed:
                result.problems.append("the step was not seen")
            refresh.wait(PATIENCE)
            result.ended = refresh.returncode
            # supervisord brings back what it watches; the viewer goes on asking.
            time.sleep(3)
            with suppress(psycopg.Error):
                result.published_before_recovery = self.built_at() != before
            if recover:
                self._recover(result, before)
                result.changed = self.numbers() != numbers
            time.sleep(2)
        finally:
            viewer.stop()
        if recover:
            result.changed = result.changed and viewer.saw_a_change()
        result.answers = viewer.answers
        result.problems += viewer.problems[:5]
        if not viewer.answers["marts"] or not viewer.answers["chart"]:
            result.problems.append(f"the viewer saw nothing: {dict(viewer.answers)}")
        return result

    def _recover(self, result: Result, before: str) -> None:
        began = time.monotonic()
        again = self.stack.voronka("refresh", "--job", "refresh", timeout=PATIENCE)
        result.recovery_seconds = time.monotonic() - began
        if again.returncode:
            result.problems.append(f"the next refresh failed: {again.stdout[-1500:]}")
        elif self.built_at() == before:
            result.problems.append("the next refresh published nothing")
        if left := AT_WORK & processes(self.stack.home).keys():
            result.problems.append(f"left running: {', '.join(sorted(left))}")

    def _strike(self, step: str, victim: str, refresh: object) -> bool:
        """Wait for the step, then kill; whether it came."""
        deadline, struck = time.monotonic() + PATIENCE, False
        prepared = self._victims(victim) if victim in (*OF_SUPERSET, "postgres") else []
        # Where the server itself is killed, this connection may not even be closed.
        with (
            suppress(psycopg.OperationalError),
            psycopg.connect(self._server, autocommit=True) as server,
            self._held_up(step),
        ):
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

    @contextmanager
    def _held_up(self, step: str) -> Iterator[None]:
        """What a small portal is done with at once takes longer, until the blow has been struck."""
        if step == SWEEP:
            self._struck = self.portal.struck()["SLOW"]
            self.portal.order(kind="SLOW", method=SWEPT_METHOD, count="all", seconds=2.0)
            try:
                yield
            finally:
                self.portal.clear_orders()
        elif step == SWEEP_WRITES:
            with psycopg.connect(self._server) as guard:
                # Readers pass, the loader waits.
                guard.execute(f"lock table raw_bitrix24.{SWEPT_TABLE} in exclusive mode")
                yield
        else:
            yield

    def _at(self, step: str, server: psycopg.Connection) -> int | None:
        """The backend that works on the step now (0: a process, or the portal, tells it)."""
        if step == SWEEP:
            time.sleep(0.05)
            # The first request asks for what is new as well.
            return 0 if self.portal.struck()["SLOW"] > self._struck + 1 else None
        if step == SWEEP_WRITES:
            row = server.execute(
                "select pid from pg_locks where not granted and relation = %s::regclass",
                [f"raw_bitrix24.{SWEPT_TABLE}"],
            ).fetchone()
            return row[0] if row else None
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

    def unlike_the_portal(self) -> list[str]:
        """What raw holds otherwise than the portal, after one more day and an undisturbed refresh."""
        self.move_on(to_the_next_day=True)
        done = self.stack.voronka("refresh", "--job", "refresh", timeout=PATIENCE)
        if done.returncode:
            return [f"the last refresh failed: {done.stdout[-1500:]}"]
        # Bindings of calls older than the first load's window are not asked for.
        streams = [stream for stream in STREAMS if stream != BINDINGS]
        with psycopg.connect(self._server, autocommit=True) as server:
            return unlike_the_portal(Raw(server), Truth(self.portal), streams, SWEPT)

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


def portal_of(stack: Stack) -> Portal:
    _, token = stack.login("", "DEMO_TOKEN")
    return Portal(f"http://127.0.0.1:{stack.ports['VORONKA_PORTAL_PORT']}", token)


def at_work(day: datetime, hour: int) -> datetime:
    """The hour of that day, or of the next that is no Saturday or Sunday."""
    while day.weekday() > 4:
        day += timedelta(days=1)
    return day.replace(hour=hour, minute=0, second=0, microsecond=0)


def set_clock(stack: Stack, moment: datetime) -> None:
    """The portal lives in that moment, now and when it is started again."""
    portal_of(stack).set_clock(moment.isoformat())
    (stack.home / "clock").write_text(moment.isoformat())


@contextmanager
def installation(home: Path | None) -> Iterator[Stack]:
    stack = Stack.kept(home) if home else Stack.new()
    kept = stack.home / "clock"
    try:
        subprocess.run([str(CORE), "-c", PORTAL], cwd=ROOT, env=stack.environ, check=True)
        known = kept.exists()
        now = datetime.fromisoformat(kept.read_text() if known else portal_of(stack).clock())
        set_clock(stack, now if known else at_work(now - BACK, HOURS[0]))
        loaded = None if known else stack.voronka("refresh")
        if loaded and loaded.returncode:
            raise RuntimeError(f"the first refresh failed: {loaded.stdout[-3000:]}")
        stack.serve()
        yield stack
    finally:
        if home:
            stack.voronka("stop")
        else:
            stack.close()


def chains(only: tuple[str, ...]) -> list[list[tuple[str, str]]]:
    """The cases that begin so, in chains: the first victim of each step, then the second of each."""
    at: dict[str, list[tuple[str, str]]] = {}
    for case in CASES:
        if " ".join(case).startswith(only):
            at.setdefault(case[0], []).append(case)
    longest = max(map(len, at.values()), default=0)
    return [[cases[turn] for cases in at.values() if turn < len(cases)] for turn in range(longest)]


@click.command()
@click.option("--only", default="", help="Cases that begin so, e.g. marts,tests dbt.")
@click.option(
    "--home", type=click.Path(path_type=Path), help="Keep the installation here, and take it up again."
)
@click.option(
    "--compare/--no-compare",
    default=True,
    help="At the end compare raw with the portal, and all tables with a build at once.",
)
def main(only: str, home: Path | None, compare: bool) -> None:
    """Kill each process at each step of a refresh; exit code 1 where viewers or the next refresh suffered."""
    wrong = 0
    with installation(home) as stack:
        killings = Killings(stack)
        click.echo(
            "| step | killed | refresh ended | seen meanwhile | next refresh | verdict |\n|---|---|---|---|---|---|"
        )
        for chain in chains(tuple(word.strip() for word in only.split(","))):
            for step, victim in chain:
                killings.move_on(to_the_next_day=step in (SWEEP, SWEEP_WRITES))
                result = killings.play(step, victim, recover=(step, victim) == chain[-1])
                if not result.changed:
                    result.problems.append("the portal went on, and the numbers did not")
                wrong += bool(result.problems)
                seen = ", ".join(f"{what} {count}" for what, count in sorted(result.answers.items()))
                after = (
                    "the next case" if result.recovery_seconds is None else f"{result.recovery_seconds:.0f} s"
                )
                click.echo(
                    f"| {step} | {victim} | {result.ended}{', published' * result.published_before_recovery} | {seen}"
                    f" | {after} | {'; '.join(result.problems) or 'ok'} |"
                )
                sys.stdout.flush()
        if compare:
            unlike = killings.unlike_the_portal()
            click.echo("\n" + ("\n".join(unlike) or "raw is what the portal has"))
            found = killings.compare()
            click.echo(str(found or "every table is what a build at once makes of the same rows"))
            wrong += bool(unlike) + bool(found)
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
