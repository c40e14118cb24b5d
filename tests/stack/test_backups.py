"""Back up, destroy, restore: what cannot be built again comes back, each database without the others."""

from __future__ import annotations

import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import Installation

ROWS = 500


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    fresh = Installation.new()
    try:
        yield fresh
    finally:
        fresh.close()


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    where = Path(tempfile.mkdtemp(prefix="voronka-backups-"))
    yield where
    shutil.rmtree(where, ignore_errors=True)


def run(installation: Installation, *args: str) -> subprocess.CompletedProcess[str]:
    ran = installation.voronka(*args, timeout=300)
    assert ran.returncode == 0, ran.stdout
    return ran


def databases(installation: Installation) -> dict[str, str]:
    env = installation.env
    loader = f"{env['WAREHOUSE_LOADER_USER']}:{env['WAREHOUSE_LOADER_PASSWORD']}"
    return {
        "warehouse": f"postgresql://{loader}@{env['WAREHOUSE_HOST']}:{env['WAREHOUSE_PORT']}/{env['WAREHOUSE_DBNAME']}",
        "meltano": env["MELTANO_DATABASE_URI"].replace("+psycopg", ""),
        "superset": env["SUPERSET_DATABASE_URI"].replace("+psycopg2", ""),
    }


TABLES = {"warehouse": "raw_bitrix24.deals", "meltano": "state", "superset": "dashboards"}


def fill(installation: Installation, since: int) -> None:
    """Rows as the loader, Meltano and Superset would write them, under their own accounts."""
    for name, url in databases(installation).items():
        table = TABLES[name]
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"create table if not exists {table} (id bigint primary key, payload jsonb)")
            connection.execute(
                f"insert into {table} select n, jsonb_build_object('title', 'Сделка ' || n, 'почта', null)"
                f" from generate_series({since}, {since + ROWS - 1}) as n"
            )


def content(installation: Installation, name: str) -> Any:
    with psycopg.connect(databases(installation)[name], autocommit=True) as connection:
        return connection.execute(
            f"select count(*), md5(string_agg(id || payload::text, ',' order by id)) from {TABLES[name]}"
        ).fetchone()


def test_what_was_destroyed_comes_back_with_its_secrets(installation: Installation, folder: Path) -> None:
    run(installation, "backup", "--to", str(folder))
    fill(installation, 1)
    before = {name: content(installation, name) for name in TABLES}
    secrets = (installation.home / "secrets.env").read_text()
    run(installation, "backup", "--to", str(folder))
    saved = sorted(folder.iterdir())
    assert len(saved) == 2
    assert stat.S_IMODE(saved[-1].stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in saved[-1].glob("*.dump")} == {0o600}

    run(installation, "backup")
    kept = [entry.name for entry in (installation.home / "backups").iterdir()]
    run(installation, "clean")
    assert not (installation.home / "secrets.env").exists()
    assert [entry.name for entry in (installation.home / "backups").iterdir()] == kept
    run(installation, "restore", str(saved[-1]))
    assert (installation.home / "secrets.env").read_text() == secrets
    assert {name: content(installation, name) for name in TABLES} == before
    # Rights came back too: dbt reads what the loader wrote, dashboards do not.
    env = installation.env
    for role, may in (("DBT", True), ("BI", False)):
        account = f"{env[f'WAREHOUSE_{role}_USER']}:{env[f'WAREHOUSE_{role}_PASSWORD']}"
        url = f"postgresql://{account}@{env['WAREHOUSE_HOST']}:{env['WAREHOUSE_PORT']}/{env['WAREHOUSE_DBNAME']}"
        with psycopg.connect(url, autocommit=True) as connection:
            if may:
                assert connection.execute("select count(*) from raw_bitrix24.deals").fetchone() == (ROWS,)
            else:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute("select count(*) from raw_bitrix24.deals")


def test_one_database_comes_back_without_the_others(installation: Installation, folder: Path) -> None:
    saved = sorted(folder.iterdir())[-1]
    before = {name: content(installation, name) for name in TABLES}
    fill(installation, ROWS + 1)
    built = installation.home / "built.sha256"
    built.write_text("the models of now")
    after = {name: content(installation, name) for name in TABLES}
    run(installation, "restore", str(saved), "--only", "superset")
    assert content(installation, "superset") == before["superset"]
    assert {name: content(installation, name) for name in ("warehouse", "meltano")} == {
        name: after[name] for name in ("warehouse", "meltano")
    }
    assert built.exists()
    run(installation, "restore", str(saved), "--only", "warehouse")
    # Tables of the night are gone: the schedule's next refresh builds everything.
    assert not built.exists()
    assert content(installation, "warehouse") == before["warehouse"]


def test_old_backups_make_room_and_a_wrong_folder_is_named(installation: Installation, folder: Path) -> None:
    run(installation, "backup", "--to", str(folder), "--keep", "1")
    assert len(list(folder.iterdir())) == 1
    with tempfile.TemporaryDirectory() as empty:
        wrong = installation.voronka("restore", empty)
    assert wrong.returncode == 1
    assert "is no backup of Voronka: warehouse.dump, meltano.dump, superset.dump is not there" in wrong.stdout
    unwritable = installation.voronka("backup", "--to", "/proc/nowhere")
    assert unwritable.returncode == 1 and "cannot be written" in unwritable.stdout
