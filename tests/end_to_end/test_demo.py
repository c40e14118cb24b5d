"""From a portal's REST to the rows behind a dashboard, as `make demo` leaves it, and a second time after a day."""

from __future__ import annotations

import datetime as dt
import re
import subprocess
from typing import Any

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


def _fingerprint(warehouse: psycopg.Connection, table: str) -> tuple[Any, ...]:
    """Of a published table: which one it is, and all its rows."""
    return warehouse.execute(
        f"select '{table}'::regclass::oid, count(*), sum(hashtextextended(whole::text, 0)) from {table} as whole"
    ).fetchone()


def _name_deal(raw: psycopg.Connection, deal_id: int, title: str) -> None:
    """A new version of the deal, as the tap brings it."""
    raw.execute(
        "insert into raw_bitrix24.deals (id, modified_at, payload, _sdc_extracted_at, _sdc_received_at, _sdc_batched_at)"
        " select id, later, payload || jsonb_build_object('title', %s::text, 'updatedTime', later), now, now, now"
        " from (select *, now() at time zone 'UTC' as now, to_char(now(), 'YYYY-MM-DD\"T\"HH24:MI:SSTZH:TZM') as later"
        " from raw_bitrix24.deals where id = %s::text order by modified_at desc limit 1) as newest",
        [title, deal_id],
    )


def test_a_failed_test_publishes_nothing(stack: Stack) -> None:
    """A broken rule stops the run before viewers see it, and the next good run publishes again: a mart that is kept up and
    one that is built whole.
    """
    deal = "select max(deal_id) from marts.fct_deals"
    named = "select title from marts.fct_deals where deal_id = %s"
    marts = ("marts.fct_deals", "marts.mart_health__build")
    with psycopg.connect(stack.url("BI")) as bi:
        (deal_id,) = bi.execute(deal).fetchone()
        (before,) = bi.execute(named, [deal_id]).fetchone()
        published = [_fingerprint(bi, mart) for mart in marts]
    with psycopg.connect(stack.url("LOADER"), autocommit=True) as raw:
        _name_deal(raw, deal_id, "Переименована")
        raw.execute(
            "insert into raw_bitrix24.portal (id, payload) values ('other.bitrix24.ru', '{\"is_demonstration\": true}')"
        )
        try:
            broken = stack.dbt("build")
        finally:
            raw.execute("delete from raw_bitrix24.portal where id = 'other.bitrix24.ru'")
    assert broken.returncode == 1, broken.stdout[-2000:]
    with psycopg.connect(stack.url("BI")) as bi:
        assert [_fingerprint(bi, mart) for mart in marts] == published
    good = stack.dbt("build")
    assert good.returncode == 0, good.stdout[-3000:]
    with psycopg.connect(stack.url("BI")) as bi:
        assert bi.execute(named, [deal_id]).fetchone() == ("Переименована",)
        assert all(_fingerprint(bi, mart) != then for mart, then in zip(marts, published, strict=True))
    with psycopg.connect(stack.url("LOADER"), autocommit=True) as raw:
        _name_deal(raw, deal_id, before)


def test_a_past_day_is_built_aside_as_the_readme_says(stack: Stack) -> None:
    """The end of last month, with the unit tests, in schemas of its own: nothing later is in it, the live marts stand."""
    assert "dbt build --vars 'as_of: " in (ROOT / "README.md").read_text()
    day = dt.date.today().replace(day=1) - dt.timedelta(days=1)
    schema = f"marts_as_of_{day:%Y_%m_%d}"
    live = "marts.fct_metric_events"
    with psycopg.connect(stack.url("DBT")) as warehouse:
        before = _fingerprint(warehouse, live)
    result = stack.dbt("build", "--vars", f"as_of: {day}")
    assert result.returncode == 0, result.stdout[-3000:]
    with psycopg.connect(stack.url("DBT")) as warehouse:
        assert _fingerprint(warehouse, live) == before
        last, number = warehouse.execute(
            f"select max(event_date), count(*) from {schema}.fct_metric_events"
        ).fetchone()
    assert last <= day and number > 0
