"""Import, roles and logins on a real Superset: all or nothing, repeatable, and no more rights than needed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import httpx
import psycopg
import pytest
import yaml

from tests.conftest import ROOT, Stack
from tests.dashboards.bundle_reading import (
    BUNDLE,
    SUPERSET_PYTHON,
    assets,
    charts_of,
    columns_of,
    dashboards,
)

SLUG = "kpi-otdela-prodazh"


def script(
    stack: Stack, name: str, *args: str, folder: Path = BUNDLE, stdin: str = "", **extra: str
) -> subprocess.CompletedProcess[str]:
    """Run a script of superset/server, as `voronka` does, but from the checkout's root, where `superset` is also a folder."""
    command = [str(SUPERSET_PYTHON), str(folder / "server" / f"{name}.py"), *args]
    env = {**os.environ, **stack.env, **extra}
    return subprocess.run(
        command, env=env, cwd=ROOT, input=stdin, capture_output=True, text=True, timeout=300
    )


def counts(stack: Stack) -> tuple[int, ...]:
    with psycopg.connect(stack.env["SUPERSET_DATABASE_URI"].replace("+psycopg2", "")) as metadata:
        tables = (
            "dbs",
            "tables",
            "slices",
            "dashboards",
            "dashboard_slices",
            "dashboard_roles",
            "ab_user",
            "ab_role",
        )
        return tuple(metadata.execute(f"select count(*) from {table}").fetchone()[0] for table in tables)  # type: ignore[index]


@pytest.fixture(scope="module")
def api(stack: Stack) -> httpx.Client:
    """A client that carries the viewer's token."""
    login, password = stack.viewer
    client = httpx.Client(base_url=stack.superset_url, timeout=60)
    body = {"username": login, "password": password, "provider": "db"}
    token = client.post("/api/v1/security/login", json=body).json()["access_token"]
    client.headers["Authorization"] = f"Bearer {token}"
    return client


def test_datasets_have_the_columns_of_the_published_marts(stack: Stack) -> None:
    with psycopg.connect(stack.url("BI")) as warehouse:
        for path, dataset in assets("datasets").items():
            rows = warehouse.execute(
                "select column_name from information_schema.columns where table_schema = %s and table_name = %s",
                [dataset["schema"], dataset["table_name"]],
            ).fetchall()
            physical = {column["column_name"] for column in dataset["columns"] if not column["expression"]}
            assert physical == {name for (name,) in rows}, path
            assert set(columns_of(dataset)) >= physical


def test_provisioning_again_changes_nothing_and_tells_no_password(stack: Stack) -> None:
    before = counts(stack)
    people = {
        "admin": dict(zip(("username", "password"), stack.admin, strict=True)),
        "director": dict(zip(("username", "password"), stack.viewer, strict=True)),
    }
    result = script(stack, "provision", stdin=json.dumps(people))
    assert result.returncode == 0, result.stdout + result.stderr
    assert stack.viewer[1] not in result.stdout + result.stderr
    assert counts(stack) == before


def test_a_broken_bundle_imports_nothing_and_names_the_file(stack: Stack, tmp_path: Path) -> None:
    copy = tmp_path / "bundle"
    shutil.copytree(BUNDLE, copy)
    chart = copy / "charts" / "kpi" / "itogi.yaml"
    content = yaml.safe_load(chart.read_text(encoding="utf-8"))
    chart.write_text(yaml.safe_dump(content | {"no_such_key": 1}, allow_unicode=True), encoding="utf-8")
    added = copy / "charts" / "kpi" / "added.yaml"
    added.write_text(
        yaml.safe_dump(content | {"uuid": "00000000-0000-4000-8000-000000000001"}), encoding="utf-8"
    )
    before = counts(stack)
    result = script(stack, "import_assets", folder=copy)
    assert result.returncode != 0
    assert "charts/kpi/itogi.yaml" in result.stderr and "no_such_key" in result.stderr
    assert counts(stack) == before


def test_import_again_changes_no_count_and_removes_what_left_the_bundle(stack: Stack, tmp_path: Path) -> None:
    copy = tmp_path / "bundle"
    shutil.copytree(BUNDLE, copy)
    added = copy / "charts" / "kpi" / "added.yaml"
    content = yaml.safe_load((copy / "charts" / "kpi" / "itogi.yaml").read_text(encoding="utf-8"))
    added.write_text(
        yaml.safe_dump(content | {"uuid": "00000000-0000-4000-8000-000000000001"}), encoding="utf-8"
    )
    before = counts(stack)
    assert script(stack, "import_assets", folder=copy).returncode == 0
    assert counts(stack)[2] == before[2] + 1
    result = script(stack, "import_assets")
    assert re.search(
        r"^imported 2 databases, \d+ datasets, \d+ charts, \d+ dashboards; 1 stale removed",
        result.stdout,
        re.M,
    )
    assert counts(stack) == before


def test_verify_reports_each_chart_and_fails_where_one_fails(stack: Stack) -> None:
    person = json.dumps(dict(zip(("username", "password"), stack.viewer, strict=True)))
    good = script(stack, "verify", "--url", stack.superset_url, stdin=person)
    assert good.returncode == 0, good.stdout
    numbers = {slug: len(charts_of(dashboard)) for slug, dashboard in dashboards().items()}
    for slug, number in numbers.items():
        assert f"verified {number} of {number} charts of {slug}" in good.stdout
    # Nobody has made a mistake in the demonstration's tables.
    empty = re.findall(r"^(.+) · 0 rows", good.stdout, re.M)
    assert empty == ["Ошибки в таблицах по строкам"]
    assert len(re.findall(r" · [1-9]\d* rows · \d+ ms", good.stdout)) == sum(numbers.values()) - len(empty)
    wrong = json.dumps({"username": stack.viewer[0], "password": "no such password"})
    refused = script(stack, "verify", SLUG, "--url", stack.superset_url, stdin=wrong)
    assert refused.returncode == 2 and "refuses the login" in refused.stdout
    change = (
        "update sql_metrics set expression = replace(expression, %s, %s) where metric_name = 'deals_lost'"
    )
    metadata_url = stack.env["SUPERSET_DATABASE_URI"].replace("+psycopg2", "")
    with psycopg.connect(metadata_url, autocommit=True) as metadata:
        metadata.execute(change, ["SUM(deals_lost)", "SUM(no_such_column)"])
        try:
            failing = script(stack, "verify", SLUG, "--url", stack.superset_url, stdin=person)
        finally:
            metadata.execute(change, ["SUM(no_such_column)", "SUM(deals_lost)"])
    assert failing.returncode == 1
    assert re.search(r"^Причины отказов · error · HTTP 4\d\d", failing.stdout, re.M)


def differing(one: Path, other: Path) -> list[str]:
    """Paths of YAML files that two copies of the bundle do not have alike."""
    names = {p.relative_to(root).as_posix() for root in (one, other) for p in root.rglob("*.yaml")}
    return sorted(
        name
        for name in names
        if not (one / name).exists()
        or not (other / name).exists()
        or (one / name).read_bytes() != (other / name).read_bytes()
    )


def test_export_right_after_import_changes_nothing(stack: Stack, tmp_path: Path) -> None:
    assert script(stack, "import_assets").returncode == 0
    copy = tmp_path / "bundle"
    shutil.copytree(BUNDLE, copy)
    result = script(stack, "export_assets", VORONKA_EXPORT_TO=str(copy))
    assert result.returncode == 0, result.stderr
    assert "exported 0 changed, 0 removed" in result.stdout
    assert differing(BUNDLE, copy) == []


def test_export_writes_what_was_changed_in_the_browser_and_nothing_else(stack: Stack, tmp_path: Path) -> None:
    """A heading changed, a chart resized: two files differ, each by one line, Cyrillic as it is read."""
    copy = tmp_path / "bundle"
    shutil.copytree(BUNDLE, copy)
    name, path = "Норматив по дням", "charts/zvonki/norma-dni.yaml"
    dashboard = "dashboards/normativ-ishodyaschih.yaml"
    with psycopg.connect(
        stack.env["SUPERSET_DATABASE_URI"].replace("+psycopg2", ""), autocommit=True
    ) as metadata:
        params = json.loads(
            metadata.execute("select params from slices where slice_name = %s", [name]).fetchone()[0]
        )  # type: ignore[index]
        # The browser saves more than was changed.
        params |= {
            "page_length": 31,
            "datasource": "7__table",
            "slice_id": 7,
            "dashboards": [2],
            "extra_form_data": {},
        }
        metadata.execute(
            "update slices set params = %s where slice_name = %s",
            [json.dumps(params), name],
        )
        position = json.loads(
            metadata.execute(
                "select position_json from dashboards where slug = 'normativ-ishodyaschih'"
            ).fetchone()[0]  # type: ignore[index]
        )
        position["CHART-norma-dni"]["meta"]["height"] += 7
        metadata.execute(
            "update dashboards set position_json = %s where slug = 'normativ-ishodyaschih'",
            [json.dumps(position)],
        )
    try:
        result = script(stack, "export_assets", VORONKA_EXPORT_TO=str(copy))
    finally:
        assert script(stack, "import_assets").returncode == 0
    assert result.returncode == 0, result.stderr
    assert differing(BUNDLE, copy) == [path, dashboard]
    for changed in (path, dashboard):
        before = (BUNDLE / changed).read_text(encoding="utf-8").splitlines()
        after = (copy / changed).read_text(encoding="utf-8").splitlines()
        assert len(before) == len(after)
        assert sum(one != other for one, other in zip(before, after, strict=True)) == 1


def test_an_answer_stored_twice_at_once_fails_nobody(stack: Stack) -> None:
    """The later of two who store the same answer does not see the earlier one yet."""
    code = """
import uuid
from superset.app import create_app
import logging; logging.disable(logging.CRITICAL)
with create_app().app_context():
    from superset import db
    from superset.daos.key_value import KeyValueDAO
    from superset.extensions import cache_manager
    cache, key = cache_manager.data_cache, str(uuid.uuid4())
    first = cache.set(key, {"rows": 1})
    see, KeyValueDAO.get_entry = KeyValueDAO.get_entry, staticmethod(lambda *args: None)
    second = cache.set(key, {"rows": 2})
    KeyValueDAO.get_entry = staticmethod(see)
    alive = db.session.execute(db.text("select 1")).scalar()
    print("RESULT", first, second, alive, cache.get(key))
"""
    env = {**os.environ, **stack.env, "SUPERSET_CONFIG_PATH": str(BUNDLE / "server" / "superset_config.py")}
    command = [str(SUPERSET_PYTHON), "-c", code]
    result = subprocess.run(
        command, env=env, cwd=BUNDLE.parent / "tests", capture_output=True, text=True, timeout=300
    )
    assert "RESULT True False 1 {'rows': 1}" in result.stdout.splitlines(), (
        result.stdout + result.stderr[-2000:]
    )


def test_nobody_sees_anything_without_a_login(stack: Stack) -> None:
    assert httpx.get(f"{stack.superset_url}/superset/dashboard/{SLUG}/").status_code == 302
    assert httpx.get(f"{stack.superset_url}/api/v1/dashboard/{SLUG}").status_code in (401, 404)


def test_a_viewer_reaches_charts_through_the_dashboard_alone(api: httpx.Client) -> None:
    head = api.get(f"/api/v1/dashboard/{SLUG}").json()["result"]
    charts = api.get(f"/api/v1/dashboard/{SLUG}/charts").json()["result"]
    chart = next(chart for chart in charts if chart["slice_name"] == "По отделам")
    source = int(chart["form_data"]["datasource"].split("__")[0])
    body = {
        "datasource": {"id": source, "type": "table"},
        "queries": [{"columns": [], "metrics": ["deals_won"], "row_limit": 1}],
        "result_format": "json",
        "result_type": "full",
    }
    assert api.post("/api/v1/chart/data", json=body).status_code == 403
    through = body | {"form_data": {"slice_id": chart["id"], "dashboardId": head["id"]}}
    assert api.post("/api/v1/chart/data", json=through).status_code == 200
    assert api.get("/api/v1/dataset/").json().get("count", 0) == 0
    sql = {"database_id": 1, "sql": "select 1", "client_id": "abc"}
    assert api.post("/api/v1/sqllab/execute/", json=sql).status_code in (400, 401, 403)
    assert api.put(f"/api/v1/dashboard/{head['id']}", json={"dashboard_title": "x"}).status_code in (
        400,
        403,
        404,
    )
    assert api.get("/api/v1/security/users/").status_code == 403
