"""Ask for the data of every chart of dashboards as a viewer's browser does, over HTTP, and say what came.

    echo '{"username": …, "password": …}' | python verify.py kpi-otdela-prodazh --url http://127.0.0.1:8088

Without a slug, of all dashboards of policy.yaml. Prints `chart · rows · ms` for each; the exit code is 1 where a chart
answers with an error, or without rows though policy.yaml does not list it as rightly empty. A chart that the running
period leaves empty (on the first morning of a month) is asked for the previous one, or the next, of what is ahead.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import requests
from bundle import policy
from kept_filters import is_chart, reaches

RUNNING, OTHERS = "Текущий", ("Предыдущий", "Следующий")


class VerifyError(Exception):
    """The dashboard could not be asked at all; the text says why."""


@dataclass
class Dashboard:
    """A dashboard as its viewer gets it: charts' form data by id, default filters with the ids of charts in their scope,
    and the scope of each filter by its column.
    """

    id: int
    charts: dict[int, dict[str, Any]]
    filters: list[tuple[dict[str, Any], set[int]]] = field(default_factory=list)
    scopes: dict[str, set[int]] = field(default_factory=dict)

    def filters_of(self, chart: int) -> list[dict[str, Any]]:
        """The default filters that reach a chart: [{col, op, val}]."""
        return [clause for clause, scope in self.filters if chart in scope]


def log_in(url: str, username: str, password: str) -> requests.Session:
    """A session that carries the viewer's token.

    Raises:
        VerifyError: Superset does not answer or refuses the login.
    """
    session = requests.Session()
    body = {"username": username, "password": password, "provider": "db", "refresh": False}
    try:
        answer = session.post(f"{url}/api/v1/security/login", json=body, timeout=60)
    except requests.RequestException as error:
        raise VerifyError(f"Superset does not answer at {url}: {type(error).__name__}") from None
    if answer.status_code != 200:
        raise VerifyError(
            f"Superset refuses the login {username} (HTTP {answer.status_code}): provision it first"
        )
    session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    return session


def _get(session: requests.Session, url: str) -> Any:
    answer = session.get(url, timeout=60)
    if answer.status_code != 200:
        raise VerifyError(
            f"HTTP {answer.status_code} for {url}: is the dashboard imported, and the viewer's role on it?"
        )
    return answer.json()["result"]


def read_dashboard(session: requests.Session, url: str, slug: str) -> Dashboard:
    """Charts, default filters and their scopes.

    Raises:
        VerifyError: the viewer may not see the dashboard, or it has no charts.
    """
    head = _get(session, f"{url}/api/v1/dashboard/{slug}")
    charts = {
        chart["id"]: chart["form_data"] | {"slice_name": chart["slice_name"]}
        for chart in _get(session, f"{url}/api/v1/dashboard/{slug}/charts")
    }
    if not charts:
        raise VerifyError(f"the dashboard {slug} has no charts")
    metadata, position = json.loads(head["json_metadata"]), json.loads(head["position_json"])
    placed = [node for node in position.values() if is_chart(node)]
    dashboard = Dashboard(head["id"], charts)
    for native in metadata["native_filter_configuration"]:
        scope = {node["meta"]["chartId"] for node in placed if reaches(native, node)}
        for target in native["targets"]:
            if "column" in target:
                dashboard.scopes[target["column"]["name"]] = scope
        for clause in native["defaultDataMask"].get("extraFormData", {}).get("filters", []):
            dashboard.filters.append((clause, scope))
    return dashboard


def query_of(form: dict[str, Any], clauses: list[dict[str, Any]]) -> dict[str, Any]:
    """The query that a chart's form data stands for, dashboard filters included."""
    raw = form.get("query_mode") == "raw"
    columns = form.get("all_columns") if raw else form.get("groupby") or form.get("groupbyRows")
    columns = [columns] if isinstance(columns, str) else list(columns or [])
    if form.get("x_axis"):
        columns.insert(0, form["x_axis"])
    metrics = [] if raw else [*form.get("metrics", []), *([form["metric"]] if form.get("metric") else [])]
    limit = form.get("timeseries_limit_metric")
    return {
        "columns": columns,
        "metrics": None if raw else metrics,
        "filters": [
            *(
                {"col": f["subject"], "op": f["operator"], "val": f["comparator"]}
                for f in form.get("adhoc_filters") or []
            ),
            *clauses,
        ],
        "orderby": (
            [json.loads(item) for item in form.get("order_by_cols") or []]
            if raw
            else [[limit, not form.get("order_desc", True)]]
            if limit
            else []
        ),
        "row_limit": _rows(form),
    }


def _rows(form: dict[str, Any]) -> int:
    """How many rows a browser asks at first: a page, where the server turns them."""
    if form.get("server_pagination"):
        return int(form["server_page_length"])
    return int(form.get("row_limit") or 1000)


def queries_of(form: dict[str, Any], clauses: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The queries of a chart: one, or two where a line lies over bars, or where the server turns pages and counts rows."""
    queries = [query_of(form, clauses)]
    if form.get("server_pagination"):
        queries.append(queries[0] | {"is_rowcount": True, "row_limit": 0, "orderby": []})
    if form.get("metrics_b"):
        second = {key.removesuffix("_b"): value for key, value in form.items() if key.endswith("_b")}
        queries.append(query_of(form | second, clauses))
    return queries


def body_of(
    dashboard: Dashboard, chart: int, clauses: list[dict[str, Any]], *, force: bool
) -> dict[str, Any]:
    """What a browser posts to /api/v1/chart/data for a chart under these filters; `force` goes past the cache."""
    form = dashboard.charts[chart]
    source, _, kind = form["datasource"].partition("__")
    return {
        "datasource": {"id": int(source), "type": kind},
        "queries": queries_of(form, clauses),
        "form_data": {"slice_id": chart, "dashboardId": dashboard.id},
        "result_format": "json",
        "result_type": "full",
        "force": force,
    }


def ask(
    session: requests.Session, url: str, dashboard: Dashboard, chart: int, period: str | None
) -> tuple[int, int]:
    """Rows and milliseconds of one chart; `period` replaces the running one where the chart is filtered by it.

    Raises:
        VerifyError: the answer is an error; its text is Superset's.
    """
    clauses = [
        clause | {"val": [period]} if period and clause["col"] == "period_choice" else clause
        for clause in dashboard.filters_of(chart)
    ]
    body = body_of(dashboard, chart, clauses, force=True)
    began = time.monotonic()
    answer = session.post(f"{url}/api/v1/chart/data", json=body, timeout=120)
    taken = round((time.monotonic() - began) * 1000)
    if answer.status_code != 200:
        try:
            reason = json.dumps(answer.json(), ensure_ascii=False)
        except ValueError:
            reason = answer.text
        raise VerifyError(f"HTTP {answer.status_code}: {reason[:400]}")
    return min(result["rowcount"] for result in answer.json()["result"]), taken


def verify(session: requests.Session, url: str, slug: str) -> int:
    """Print a line for each chart; the number of charts that failed."""
    dashboard = read_dashboard(session, url, slug)
    may_be_empty = policy()["dashboards"].get(slug, {}).get("may_be_empty") or {}
    failed, began = 0, time.monotonic()
    for chart, form in dashboard.charts.items():
        name, note = form["slice_name"], ""
        try:
            rows, taken = ask(session, url, dashboard, chart, None)
            is_periodic = any(clause["val"] == [RUNNING] for clause in dashboard.filters_of(chart))
            for other in OTHERS:
                if not rows and is_periodic:
                    rows, taken = ask(session, url, dashboard, chart, other)
                    note = f" · running period empty, asked for «{other}»" if rows else ""
        except VerifyError as error:
            failed += 1
            print(f"{name} · error · {error}")
            continue
        if not rows and name not in may_be_empty:
            failed += 1
            note = " · no rows: error"
        print(f"{name} · {rows} rows · {taken} ms{note}")
    number = len(dashboard.charts)
    print(f"verified {number - failed} of {number} charts of {slug} in {time.monotonic() - began:.1f} s")
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("slugs", nargs="*", help="slugs of dashboards; all of policy.yaml without one")
    parser.add_argument("--url", required=True, help="where Superset answers, http://127.0.0.1:8088")
    given = parser.parse_args()
    try:
        person = json.load(sys.stdin)
        url = given.url.rstrip("/")
        session = log_in(url, person["username"], person["password"])
        failed = sum(verify(session, url, slug) for slug in given.slugs or policy()["dashboards"])
        return 1 if failed else 0
    except (json.JSONDecodeError, KeyError):
        print('error: standard input must be {"username": …, "password": …}')
    except VerifyError as error:
        print(f"error: {error}")
    return 2


if __name__ == "__main__":
    sys.exit(main())
