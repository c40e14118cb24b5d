"""What was built up run by run equals what is built at once."""

from __future__ import annotations

import psycopg
import pytest

from tests.bench.pipeline import warehouse
from tests.bench.scale import fill
from tests.conftest import Stack
from tests.warehouse.rounds import play

SUFFIX = "at_once"


@pytest.fixture(scope="module")
def both(stack: Stack) -> psycopg.Connection:
    """The warehouse with `staging` after one more incremental build, and `staging_at_once` beside it."""
    staging = ["build", "--select", "path:models/staging", "--resource-type", "model"]
    for extra in ([], ["--vars", f"{{schema_suffix: {SUFFIX}}}"]):
        done = stack.dbt(*staging, *extra)
        assert done.returncode == 0, done.stdout
    with psycopg.connect(stack.warehouse_url, autocommit=True) as connection:
        yield connection
        connection.execute(f"drop schema staging_{SUFFIX} cascade")


def test_incremental_staging_equals_a_full_build(both: psycopg.Connection) -> None:
    found = both.execute(
        "select table_name from information_schema.tables"
        r" where table_schema = %s and table_name not like '%%\_\_changes'",
        [f"staging_{SUFFIX}"],
    ).fetchall()
    assert len(found) > 20
    differences = {}
    for (table,) in found:
        here, there = f"table staging.{table}", f"table staging_{SUFFIX}.{table}"
        differing = f"({here} except all {there}) union all ({there} except all {here})"
        ((count,),) = both.execute(f"select count(*) from ({differing}) as rows_of_one").fetchall()
        if count:
            differences[table] = count
    assert differences == {}


def test_a_seed_in_an_old_shape_is_loaded_anew(stack: Stack) -> None:
    """An upgrade that adds a column to a seed needs no hand at the warehouse."""
    columns = """
        select column_name from information_schema.columns
        where table_schema = 'raw_inputs' and table_name = 'metric_catalogue'
    """
    with psycopg.connect(stack.warehouse_url, autocommit=True) as connection:
        before = connection.execute(columns).fetchall()
        connection.execute("alter table raw_inputs.metric_catalogue drop column topic_ru")
        done = stack.dbt("seed", "--select", "metric_catalogue")
        assert done.returncode == 0, done.stdout
        assert sorted(connection.execute(columns).fetchall()) == sorted(before)


def test_refreshes_after_changes_equal_a_build_at_once() -> None:
    """Two rounds here; `python -m tests.warehouse.rounds` plays as many as one likes."""
    with warehouse() as database:
        fill(database, 0)
        assert play(database, rounds=2, seed=3) == {}
