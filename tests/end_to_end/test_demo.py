"""From a portal's REST to the rows behind a dashboard, as `make demo` leaves it, and a second time after a day."""

from __future__ import annotations

import datetime as dt
import re
import subprocess

import psycopg

from tests.conftest import ROOT, Stack


def test_demo_says_where_it_is_and_how_long_it_took(stack: Stack) -> None:
    said = "".join(stack.said)
    assert f"{stack.superset_url}/superset/dashboard/kpi-otdela-prodazh/" in said
    assert stack.viewer[1] in said and stack.admin[1] in said
    assert len(re.findall(r"(?m)^ +done in [\d.]+ s$", said)) == 7


def test_demo_again_repairs_and_refreshes(stack: Stack) -> None:
    with psycopg.connect(stack.url("LOADER")) as raw:
        runs = raw.execute(
            "select count(distinct payload ->> 'run_id') from raw_bitrix24.extract_runs"
        ).fetchone()
    result = stack.voronka("demo")
    assert result.returncode == 0, result.stdout
    assert "all as pinned" in result.stdout
    with psycopg.connect(stack.url("LOADER")) as raw:
        after = raw.execute(
            "select count(distinct payload ->> 'run_id') from raw_bitrix24.extract_runs"
        ).fetchone()
    assert after == (runs[0] + 1,)


def test_meltano_runs_by_hand_as_the_readme_says(stack: Stack) -> None:
    command = "meltano run refresh"
    assert command in (ROOT / "README.md").read_text()
    result = subprocess.run(["bash", "-c", command], env=stack.env, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, (result.stdout + result.stderr)[-3000:]
    schedule = subprocess.run(
        ["meltano", "schedule", "list"], env=stack.env, cwd=ROOT, capture_output=True, text=True
    )
    assert "refresh" in schedule.stdout


def test_a_failed_test_publishes_nothing(stack: Stack) -> None:
    """A broken rule stops the run before viewers see it, and the next good run publishes again."""
    with psycopg.connect(stack.url("BI")) as bi:
        before = bi.execute("select 'marts.fct_deals'::regclass::oid").fetchone()
    with psycopg.connect(stack.url("LOADER"), autocommit=True) as raw:
        raw.execute(
            "insert into raw_bitrix24.portal (id, payload) values ('other.bitrix24.ru', '{\"is_demonstration\": true}')"
        )
        try:
            broken = stack.dbt("build")
        finally:
            raw.execute("delete from raw_bitrix24.portal where id = 'other.bitrix24.ru'")
    assert broken.returncode == 1, broken.stdout[-2000:]
    with psycopg.connect(stack.url("BI")) as bi:
        assert bi.execute("select 'marts.fct_deals'::regclass::oid").fetchone() == before
    good = stack.dbt("build")
    assert good.returncode == 0, good.stdout[-3000:]
    with psycopg.connect(stack.url("BI")) as bi:
        assert bi.execute("select 'marts.fct_deals'::regclass::oid").fetchone() != before


def test_a_past_day_is_built_aside_as_the_readme_says(stack: Stack) -> None:
    """The end of last month, with the unit tests, in schemas of its own: nothing later is in it, the live marts stand."""
    assert "dbt build --vars 'as_of: " in (ROOT / "README.md").read_text()
    day = dt.date.today().replace(day=1) - dt.timedelta(days=1)
    schema = f"marts_as_of_{day:%Y_%m_%d}"
    live = "select 'marts.fct_metric_events'::regclass::oid, count(*) from marts.fct_metric_events"
    with psycopg.connect(stack.url("DBT")) as warehouse:
        before = warehouse.execute(live).fetchone()
    result = stack.dbt("build", "--vars", f"as_of: {day}")
    assert result.returncode == 0, result.stdout[-3000:]
    with psycopg.connect(stack.url("DBT")) as warehouse:
        assert warehouse.execute(live).fetchone() == before
        last, number = warehouse.execute(
            f"select max(event_date), count(*) from {schema}.fct_metric_events"
        ).fetchone()
    assert last <= day and number > 0
