"""Staging and the tap's catalogue agree; what a warehouse does not have breaks no build."""

from __future__ import annotations

import re

import psycopg
import yaml

from tests.conftest import ROOT, Stack

STAGING = ROOT / "dbt_project" / "models" / "staging" / "bitrix24"
SUFFIX = "lacking"


def optional_streams() -> set[str]:
    return {
        name
        for path in STAGING.glob("*.sql")
        for name in re.findall(r"optional_source\('([a-z_]+)'\)", path.read_text(encoding="utf-8"))
    }


def catalogue() -> list[dict[str, object]]:
    return yaml.safe_load((ROOT / "extract/tap_bitrix24/streams.yml").read_text(encoding="utf-8"))["streams"]


def test_every_stream_of_the_tap_is_a_source() -> None:
    sources = yaml.safe_load((STAGING / "_bitrix24__sources.yml").read_text(encoding="utf-8"))["sources"]
    tables = {table["name"] for table in sources[0]["tables"]}
    assert tables == {str(entry["name"]) for entry in catalogue()} | {"portal", "card_ids", "extract_runs"}


def test_what_the_portal_may_lack_is_read_as_optional() -> None:
    assert {str(e["name"]) for e in catalogue() if e.get("optional")} <= optional_streams()


def test_streams_read_once_a_day_do_not_age_the_dashboards() -> None:
    model = (ROOT / "dbt_project/models/marts/health/mart_health__build.sql").read_text(encoding="utf-8")
    (named,) = re.findall(r"set read_daily = (\[.*?\])", model)
    assert set(yaml.safe_load(named)) == {str(e["name"]) for e in catalogue() if e.get("every_hours")}


def test_staging_builds_without_tables_that_were_never_loaded(
    stack: Stack, warehouse: psycopg.Connection
) -> None:
    with psycopg.connect(stack.url("LOADER"), autocommit=True) as loader:
        found = loader.execute("select tablename from pg_tables where schemaname = 'raw_bitrix24'").fetchall()
        away = sorted({name for (name,) in found} & optional_streams())
        assert len(away) >= 10
        # Renamed, not dropped: staging views of the live schema follow the table, and it comes back as it was.
        for name in away:
            loader.execute(f"alter table raw_bitrix24.{name} rename to {name}__away")
        try:
            done = stack.dbt(
                "run",
                "--select",
                "path:models/staging",
                "--vars",
                f"{{schema_suffix: {SUFFIX}}}",
                "--no-use-colors",
            )
            assert done.returncode == 0, done.stdout
            for model in ("quotes", "smart_process_items", "payments", "field_items", "deleted_cards"):
                rows = warehouse.execute(
                    f"select count(*) from staging_{SUFFIX}.stg_bitrix24__{model}"
                ).fetchone()
                assert rows == (0,), model
        finally:
            for name in away:
                loader.execute(f"alter table raw_bitrix24.{name}__away rename to {name}")
            warehouse.execute(f"drop schema if exists staging_{SUFFIX} cascade")


def test_every_column_of_staging_and_intermediate_is_described(
    stack: Stack, warehouse: psycopg.Connection
) -> None:
    built = warehouse.execute(
        "select table_name, array_agg(column_name::text) from information_schema.columns"
        " where table_schema in ('staging', 'intermediate') group by table_name"
    ).fetchall()
    described: dict[str, set[str]] = {}
    for path in (ROOT / "dbt_project" / "models").rglob("*.yml"):
        for model in yaml.safe_load(path.read_text(encoding="utf-8")).get("models", []):
            described[model["name"]] = {column["name"] for column in model.get("columns", [])}
    bare = {
        table: sorted(set(columns) - described[table])
        for table, columns in built
        if table in described and set(columns) - described[table]
    }
    assert bare == {}
