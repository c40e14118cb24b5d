"""`make viewers`: so many people look at dashboards at once; requests a second, how long they wait, errors.

Locust plays people of the portal with their own logins, rights and caches against a running installation: a person opens a
dashboard of the role's, six questions at a time as a browser does, reads, narrows it to a department every second time (which
nobody may have asked before), reads, and opens the next one.
"""

from __future__ import annotations

# Before anything that opens sockets: locust makes them wait without holding the others up.
from locust import HttpUser, between, task  # isort: skip
from locust.env import Environment  # isort: skip

import csv
import itertools
import json
import os
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import gevent
import psycopg
import psycopg.conninfo
import yaml
from gevent.pool import Pool

from tests.access.people import PASSWORD, change_password, log_in

ROOT = Path(__file__).resolve().parents[2]
SERVER = ROOT / "superset" / "server"
sys.path.insert(0, str(SERVER))
from verify import Dashboard, body_of, read_dashboard  # noqa: E402

CONNECTIONS = 6
SPAWN_A_SECOND = 2
SHOWN = ("page", "chart", "first tab", "after a filter")


class Viewer(HttpUser):
    """One of the people, who reads between looks."""

    people: Any = None
    departments: tuple[str, ...] = ()

    def on_start(self) -> None:
        self.person = next(self.people)
        log_in(self.client, self.person["login"], PASSWORD)  # type: ignore[arg-type]
        self.read: dict[str, tuple[Dashboard, list[int]]] = {}

    def _first_tab(self, slug: str) -> tuple[Dashboard, list[int]]:
        if slug not in self.read:
            head = self.client.get(f"/api/v1/dashboard/{slug}", name="dashboard").json()["result"]
            position = json.loads(head["position_json"])
            later = {
                tab
                for node in position.values()
                if isinstance(node, dict) and node.get("type") == "TABS"
                for tab in node["children"][1:]
            }
            here = [
                node["meta"]["chartId"]
                for node in position.values()
                if isinstance(node, dict) and node.get("type") == "CHART" and not later & {*node["parents"]}
            ]
            self.read[slug] = read_dashboard(self.client, str(self.host), slug), here
        return self.read[slug]

    def _all(self, name: str, dashboard: Dashboard, charts: list[int], more: list[dict[str, Any]]) -> None:
        """Ask for all charts, and note when the last one had come."""

        def one(chart: int) -> None:
            body = body_of(dashboard, chart, [*dashboard.filters_of(chart), *more], force=False)
            self.client.post("/api/v1/chart/data", json=body, name="chart")

        began = time.perf_counter()
        Pool(CONNECTIONS).map(one, charts)
        self.environment.events.request.fire(
            request_type="view",
            name=name,
            response_time=(time.perf_counter() - began) * 1000,
            response_length=0,
            exception=None,
            context={},
        )

    @task
    def look(self) -> None:
        slug = random.choice(self.person["dashboards"])
        self.client.get(f"/superset/dashboard/{slug}/", name="page")
        dashboard, charts = self._first_tab(slug)
        self._all("first tab", dashboard, charts, [])
        if random.random() < 0.5:
            gevent.sleep(self.wait_time())
            chosen = {"col": "department", "op": "IN", "val": [random.choice(self.departments)]}
            reached = [chart for chart in charts if chart in dashboard.scopes.get("department", ())]
            self._all("after a filter", dashboard, reached, [chosen])


def people(warehouse: str, home: Path, url: str) -> list[dict[str, Any]]:
    """Logins that may see something, with their dashboards; who still has an issued password changes it first."""
    import httpx

    policy = yaml.safe_load((SERVER / "policy.yaml").read_text(encoding="utf-8"))
    with psycopg.connect(warehouse) as connection:
        roles = dict(connection.execute("select login, role from marts.mart_access__people").fetchall())
    with (home / "new_logins.csv").open(encoding="utf-8", newline="") as file:
        issued = {row["Логин"]: row["Пароль до первого входа"] for row in csv.DictReader(file)}
    found = []
    for login, password in issued.items():
        role = policy["portal_roles"].get(roles.get(login), {"roles": []})
        may = [slug for slug, of in policy["dashboards"].items() if {*of["roles"]} & {*role["roles"]}]
        if not may:
            continue
        with httpx.Client(base_url=url, timeout=60) as client:
            log_in(client, login, password)
            change_password(client, PASSWORD)
        found.append({"login": login, "dashboards": may})
    if not found:
        raise click.ClickException(f"{home / 'new_logins.csv'} names nobody who may see a dashboard")
    return found


def _line(name: str, number: int, rate: float, percentile: Callable[[float], float], failures: int) -> str:
    times = "  ".join(f"p{round(100 * p)} {percentile(p):7.0f} ms" for p in (0.5, 0.95, 0.99))
    return f"{name:16} {number:6} times  {rate:6.1f}/s  {times}  {failures} failed"


@click.command()
@click.option("--users", default=50, show_default=True, help="How many people look at once.")
@click.option("--seconds", default=180, show_default=True, help="How long, after all have come.")
@click.option(
    "--reading",
    default="5,15",
    show_default=True,
    help="Seconds between one look of a person and the next: from, to.",
)
@click.option("--url", help="Where Superset answers; without it on VORONKA_SUPERSET_PORT of this machine.")
def main(users: int, seconds: int, reading: str, url: str | None) -> None:
    """Play viewers against the running installation of the environment (`make env`)."""
    url = url or f"http://127.0.0.1:{os.environ.get('VORONKA_SUPERSET_PORT', '8088')}"
    warehouse = psycopg.conninfo.make_conninfo(
        host=os.environ["WAREHOUSE_HOST"],
        port=os.environ["WAREHOUSE_PORT"],
        dbname=os.environ["WAREHOUSE_DBNAME"],
        user=os.environ["WAREHOUSE_BI_USER"],
        password=os.environ["WAREHOUSE_BI_PASSWORD"],
    )
    crowd = people(warehouse, Path(os.environ["VORONKA_HOME"]), url)
    with psycopg.connect(warehouse) as connection:
        rows = connection.execute(
            "select distinct department from marts.dim_managers where department is not null"
        )
        Viewer.departments = tuple(department for (department,) in rows)
    Viewer.people = itertools.cycle(crowd)
    low, high = map(float, reading.split(","))
    Viewer.wait_time = between(low, high)  # type: ignore[method-assign]
    environment = Environment(user_classes=[Viewer], host=url)
    runner = environment.create_local_runner()
    runner.start(users, spawn_rate=SPAWN_A_SECOND)
    gevent.sleep(users / SPAWN_A_SECOND + high)
    environment.stats.clear_all()
    began = time.time()
    gevent.sleep(seconds)
    lasted = time.time() - began
    entries = {entry.name: entry for entry in environment.stats.entries.values()}
    asked = [entry for name, entry in entries.items() if name not in ("first tab", "after a filter")]
    click.echo(
        f"{users} people of {len(crowd)} logins, {lasted:.0f} s, {sum(e.num_requests for e in asked) / lasted:.1f} requests/s"
    )
    for name in SHOWN:
        if entry := entries.get(name):
            click.echo(
                _line(
                    name,
                    entry.num_requests,
                    entry.num_requests / lasted,
                    entry.get_response_time_percentile,
                    entry.num_failures,
                )
            )
    failed = sum(entry.num_failures for entry in asked)
    for error in itertools.islice(environment.stats.errors.values(), 5):
        click.echo(f"    {error.occurrences} times: {error.name}: {error.error}")
    runner.quit()
    raise SystemExit(bool(failed))


if __name__ == "__main__":
    main()
