"""The on-run-end hook that publishes marts, tried in a database of its own with a project of five models."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.conftest import DBT, ROOT, Stack

DATABASE = "publication_test"
FILES = {
    "dbt_project.yml": """
        name: mini
        profile: voronka
        macro-paths: [macros]
        flags: {send_anonymous_usage_stats: false}
        vars: {as_of: null, schema_suffix: null}
        models:
          mini:
            staging: {+schema: staging, +materialized: view}
            marts: {+schema: marts_next, +materialized: table}
        on-run-end: ["{{ publish_marts(results) }}"]
    """,
    "models/staging/stg_numbers.sql": "select number from raw_numbers.numbers",
    "models/marts/fct_numbers.sql": "select number from {{ ref('stg_numbers') }}",
    "models/marts/mart_doubles.sql": "select number * 2 as number from {{ ref('fct_numbers') }}",
    "models/marts/mart_both.sql": """
        {{ config(materialized='view') }}
        with singles as (select * from {{ ref('fct_numbers') }}), doubles as (select * from {{ ref('mart_doubles') }})
        select singles.number as single, doubles.number as double from singles cross join doubles
    """,
    "models/marts/mart_sum.sql": """
        {{ config(materialized='view') }}
        select single + double as total from {{ ref('mart_both') }}
    """,
    "models/marts/_models.yml": """
        models:
          - name: fct_numbers
            config:
              contract: {enforced: true}
              indexes: [{columns: [number], unique: true}]
            columns:
              - {name: number, data_type: integer, constraints: [{type: not_null}]}
    """,
    "tests/assert_number_is_small.sql": "select * from {{ ref('fct_numbers') }} where number > 100",
}


class Project:
    """A small dbt project with Voronka's own macros, and what its marts hold."""

    def __init__(self, folder: Path, env: dict[str, str], url: str) -> None:
        self.folder, self.url = folder, url
        self.env = {
            **env,
            "WAREHOUSE_DBNAME": DATABASE,
            "DBT_PROJECT_DIR": str(folder),
            "DBT_PROFILES_DIR": str(ROOT / "dbt_project"),
            "DBT_TARGET_PATH": str(folder / "target"),
            "DBT_LOG_PATH": str(folder / "logs"),
        }
        for name, text in FILES.items():
            self.write(name, text)
        for macros in ("publish_marts.sql", "schemas.sql"):
            shutil.copy(ROOT / "dbt_project" / "macros" / macros, folder / "macros" / macros)

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        (self.folder / "macros").mkdir(exist_ok=True)
        lines = text.strip("\n").splitlines()
        indent = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
        path.write_text("\n".join(line[indent:] for line in lines) + "\n")

    def dbt(self, command: str, number: int, succeeds: bool = True) -> str:
        """Run dbt where the portal's only fact is `number`; its output."""
        self.execute(f"update raw_numbers.numbers set number = {number}")
        done = subprocess.run(
            [DBT, "--no-use-colors", *shlex.split(command)],
            env=self.env,
            cwd=self.folder,
            capture_output=True,
            text=True,
        )
        assert (done.returncode == 0) is succeeds, done.stdout
        return done.stdout

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.url) as connection:
            connection.execute(statement)

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(query).fetchall()

    @property
    def published(self) -> tuple[object, ...]:
        """The number, its double and their sum, as the marts say."""
        (row,) = self.rows(
            "select (select number from marts.fct_numbers), (select number from marts.mart_doubles),"
            " (select total from marts.mart_sum)"
        )
        return row


@pytest.fixture(scope="module")
def database(stack: Stack) -> Iterator[str]:
    """The superuser's URL of an empty database in which dbt's role may create schemas."""
    lines = (
        line.split("=", 1) for line in (stack.home / "secrets.env").read_text().splitlines() if "=" in line
    )
    password = next(shlex.split(value)[0] for name, value in lines if name == "POSTGRES_PASSWORD")
    server = f"postgresql://postgres:{password}@{stack.env['WAREHOUSE_HOST']}:{stack.env['WAREHOUSE_PORT']}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"drop database if exists {DATABASE} with (force)")
        connection.execute(f"create database {DATABASE}")
        user = stack.env["WAREHOUSE_DBT_USER"]
        connection.execute(f"grant connect, create, temporary on database {DATABASE} to {user}")
    yield f"{server}/{DATABASE}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"drop database if exists {DATABASE} with (force)")


@pytest.fixture(scope="module")
def project(stack: Stack, database: str, tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = Project(tmp_path_factory.mktemp("publication"), stack.env, database)
    user = stack.env["WAREHOUSE_DBT_USER"]
    made.execute("create schema raw_numbers")
    made.execute("create table raw_numbers.numbers as select 1 as number")
    made.execute(f"grant usage on schema raw_numbers to {user}")
    made.execute(f"grant select on raw_numbers.numbers to {user}")
    made.dbt("build", number=1)
    assert made.published == (1, 2, 3)
    return made


def test_tables_move_with_index_and_contract_and_leave_views(project: Project, stack: Stack) -> None:
    unique = "select count(*) from pg_indexes where schemaname = 'marts' and indexdef like '%UNIQUE%'"
    assert project.rows(unique) == [(1,)]
    nullable = "select is_nullable from information_schema.columns where table_schema = 'marts' and table_name = 'fct_numbers'"
    assert project.rows(nullable) == [("NO",)]
    kinds = "select distinct table_type from information_schema.tables where table_schema = 'marts_next'"
    assert project.rows(kinds) == [("VIEW",)]
    reader = stack.env["WAREHOUSE_BI_USER"]
    assert project.rows(f"select has_schema_privilege('{reader}', 'marts', 'usage')") == [(True,)]
    readable = f"has_table_privilege('{reader}', oid, 'select')"
    published = "relnamespace = 'marts'::regnamespace and relkind in ('r', 'v')"
    assert project.rows(f"select count(*), bool_and({readable}) from pg_class where {published}") == [
        (4, True)
    ]


def test_the_next_build_replaces_all(project: Project) -> None:
    project.dbt("build", number=2)
    assert project.published == (2, 4, 6)


def test_a_failing_data_test_publishes_nothing(project: Project) -> None:
    before = project.published
    said = project.dbt("build", number=101, succeeds=False)
    assert "Nothing published: " in said and "assert_number_is_small" in said
    assert project.published == before
    # What the failed run left behind is no parent to publish upon.
    said = project.dbt("build --select mart_doubles", number=101, succeeds=False)
    assert "fct_numbers in marts_next is left from a run that failed" in said
    assert project.published == before
    project.dbt("build", number=5)
    assert project.published == (5, 10, 15)


def test_a_part_of_the_marts_can_be_built(project: Project) -> None:
    project.dbt("build --select fct_numbers", number=7)
    # The views on it live on and read the new table; the table beside it stays until it is built.
    assert project.published == (7, 10, 17)
    project.dbt("build --select mart_doubles", number=7)
    assert project.published == (7, 14, 21)
    project.dbt("build --select mart_both", number=7)
    assert project.published == (7, 14, 21)


def test_views_of_others_on_a_mart_survive_with_their_rights(project: Project, stack: Stack) -> None:
    user, reader = stack.env["WAREHOUSE_DBT_USER"], stack.env["WAREHOUSE_BI_USER"]
    project.execute(f"create schema own authorization {user}")
    project.execute("create view own.totals as select total from marts.mart_sum")
    project.execute(f"alter view own.totals owner to {user}")
    project.execute(f"grant select on own.totals to {reader}")
    project.dbt("build", number=9)
    assert project.rows("select total from own.totals") == [(27,)]
    assert project.rows(f"select has_table_privilege('{reader}', 'own.totals', 'select')") == [(True,)]


def test_only_a_build_into_the_live_schemas_publishes(project: Project) -> None:
    before = project.published
    aside = ("build --vars '{schema_suffix: trial}'", "build --vars '{as_of: 2026-06-30}'")
    for command in ("run", "build --empty", *aside):
        project.dbt(command, number=13)
        assert project.published == before, command
    for schema in ("marts_trial", "marts_as_of_2026_06_30"):
        assert project.rows(f"select number from {schema}.fct_numbers") == [(13,)]


def test_a_view_that_the_next_build_would_drop_is_refused(project: Project) -> None:
    before = project.published
    fragile = "models/marts/mart_fragile.sql"
    project.write(fragile, "{{ config(materialized='view') }} select number from {{ ref('stg_numbers') }}")
    said = project.dbt("build", number=15, succeeds=False)
    assert "mart_fragile (reads staging.stg_numbers)" in said
    assert project.published == before
    (project.folder / fragile).unlink()
    project.dbt("build", number=15)
    assert project.published == (15, 30, 45)
