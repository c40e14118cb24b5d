"""Rounds of changes with a refresh after each, and then every table against a build of everything at the same moment.

python -m tests.warehouse.rounds --rounds 20 --seed 7
"""

from __future__ import annotations

import random
import subprocess
from datetime import datetime, timezone

import click
import psycopg

from tests.bench import company
from tests.bench.pipeline import Warehouse, warehouse
from tests.bench.scale import fill
from tests.conftest import DBT, ROOT

SUFFIX = "at_once"
SCHEMAS = ("staging", "intermediate", "marts")


def build(
    env: dict[str, str], moment: str, suffix: str = "", *arguments: str, command: str = "build"
) -> None:
    # `dbt run` builds models only.
    without = ("--exclude-resource-type", "unit_test") if command == "build" else ()
    variables = f"{{moment: '{moment}', schema_suffix: {suffix or 'null'}}}"
    done = subprocess.run(
        [str(DBT), command, *arguments, *without, "--vars", variables],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(done.stdout[-3000:])


def _now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%S.%f+00")


def differences(dbt: psycopg.Connection) -> dict[str, int]:
    """Rows that only one of the two builds has, by table."""
    found: dict[str, int] = {}
    compared = 0
    for schema in SCHEMAS:
        tables = dbt.execute(
            "select table_name, string_agg(quote_ident(column_name), ', ' order by ordinal_position)"
            " from information_schema.columns where table_schema = %s"
            r" and table_name not like '%%\_\_changes' group by table_name",
            [f"{schema}_{SUFFIX}"],
        ).fetchall()
        for table, columns in tables:
            kept = f"select {columns} from {schema}.{table}"
            once = f"select {columns} from {schema}_{SUFFIX}.{table}"
            ((count,),) = dbt.execute(
                f"select count(*) from (({kept} except all {once}) union all ({once} except all {kept})) as one"
            ).fetchall()
            compared += 1
            if count:
                found[f"{schema}.{table}"] = count
    if compared < 100:
        raise RuntimeError(f"only {compared} tables were found")
    return found


def play(database: Warehouse, rounds: int, seed: int) -> dict[str, int]:
    """Change, refresh, and so on; the tables that are not what a build at once makes of the same raw rows."""
    draw = random.Random(seed)

    def change() -> None:
        with database.connect() as loader, loader.transaction():
            share = draw.choice((0.01, 0.02, 0.05))
            company.change(loader, share, draw.randrange(1000))
            company.ring_again(loader, share, draw.randrange(1000))
            if draw.random() < 0.5:
                company.sweep_away(loader, share / 10, draw.randrange(1000))

    build(database.env, _now())
    for number in range(rounds):
        change()
        if number % 2 == 1:
            # As a build that failed late: what is kept up is ahead of what is published, and the next build catches up.
            build(database.env, _now(), "", "--selector", "refresh", command="run")
            change()
        moment = _now()
        # Now and then a night passes in which everything is built; the last time too, for what only the night builds.
        last = number == rounds - 1
        build(database.env, moment, "", *([] if last or draw.random() < 0.2 else ["--selector", "refresh"]))
    build(database.env, moment, SUFFIX, "--exclude-resource-type", "test")
    e = database.env
    with psycopg.connect(
        host=e["WAREHOUSE_HOST"],
        port=e["WAREHOUSE_PORT"],
        dbname=e["WAREHOUSE_DBNAME"],
        user=e["WAREHOUSE_DBT_USER"],
        password=e["WAREHOUSE_DBT_PASSWORD"],
    ) as dbt:
        return differences(dbt)


@click.command()
@click.option("--rounds", default=20, show_default=True)
@click.option("--seed", default=1, show_default=True)
def main(rounds: int, seed: int) -> None:
    """Compare builds after many small changes with one build at once."""
    with warehouse() as database:
        fill(database, 0)
        found = play(database, rounds, seed)
    click.echo(found or f"{rounds} rounds: every table is what a build at once makes of it")
    raise SystemExit(bool(found))


if __name__ == "__main__":
    main()
