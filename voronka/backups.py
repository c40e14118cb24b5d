"""What cannot be made again, saved and brought back: raw rows, uploads, Meltano's state, Superset's metadata, the secrets.

What dbt builds is left out: it is built again from raw. Each database is a file of its own (pg_dump's custom format), so that one
can be brought back without the others.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
from pathlib import Path

import click
import psycopg
from psycopg import sql

from voronka import erasure, paths, postgres, progress, refresh
from voronka.failure import Failure
from voronka.settings import Settings, libpq

# Schemas of the warehouse that no build makes: rows of the portal, uploaded spreadsheets, the log of builds.
SCHEMAS = ("raw_bitrix24", "raw_inputs", "uploads", "build_log", "erasure")
# Built from them, and gone with them where they are replaced.
BUILT = ("staging", "intermediate", "marts_next", "marts")
DATABASES = ("warehouse", "meltano", "superset")
FILES = ("secrets.env", "demo.json")


def folder() -> Path:
    return paths.HOME / "backups"


def _connection(settings: Settings, database: str) -> dict[str, str]:
    """libpq's variables of a database of ours, as the one who owns it: passwords stand in no command line.

    Raises:
        Failure: this process knows no administrator of the server.
    """
    here, server = settings.warehouse, settings.server
    if database == "warehouse" and not here.ours:
        account, where, name = here.dbt, here, here.dbname
    else:
        account, where = settings.administrator, server
        name = here.dbname if database == "warehouse" else database
    return {
        "PGHOST": where.host,
        "PGPORT": str(where.port),
        "PGUSER": account[0],
        "PGPASSWORD": account[1],
        "PGDATABASE": name,
        "PGCONNECT_TIMEOUT": "10",
        **libpq(where.options),
    }


def _run(settings: Settings, program: str, database: str, *args: str) -> None:
    env = {"PATH": os.environ.get("PATH", os.defpath), **_connection(settings, database)}
    progress.run([postgres.programs() / program, *args], log=f"{program}-{database}", env=env, cwd=paths.HOME)


def save(settings: Settings, where: Path, keep: int) -> Path:
    """A folder of its own under `where`, whole or not at all; of those there, the newest `keep` are left.

    Raises:
        Failure: a database could not be read, or the folder not be written.
    """
    name = dt.datetime.now(dt.timezone.utc).strftime("%Y-%m-%dT%H-%M-%SZ")
    target, partial = where / name, where / f".{name}.partial"
    try:
        partial.mkdir(parents=True, mode=0o700)
    except OSError as error:
        raise Failure(
            f"{where} cannot be written ({error.strerror}): give another folder with --to"
        ) from None
    try:
        for database in DATABASES:
            schemas = [f"--schema={schema}" for schema in SCHEMAS] if database == "warehouse" else []
            file = partial / f"{database}.dump"
            _run(settings, "pg_dump", database, "--format=custom", f"--file={file}", *schemas)
            file.chmod(0o600)
            click.echo(f"      {database}: {file.stat().st_size / 1e6:,.1f} MB".replace(",", " "))
        for file_name in (*FILES, erasure.LIST):
            if (paths.HOME / file_name).exists():
                shutil.copy2(paths.HOME / file_name, partial / file_name)
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    for old in sorted(found(where))[:-keep]:
        shutil.rmtree(where / old)
    return target


def found(where: Path) -> list[str]:
    """Names of complete backups in a folder, oldest first."""
    if not where.is_dir():
        return []
    return sorted(entry.name for entry in where.iterdir() if (entry / "warehouse.dump").exists())


def check(backup: Path) -> None:
    """Raises:
    Failure: the folder is no backup of ours.
    """
    missing = [f"{name}.dump" for name in DATABASES if not (backup / f"{name}.dump").exists()]
    if missing:
        raise Failure(f"{backup} is no backup of Voronka: {', '.join(missing)} is not there")


def restore_files(backup: Path) -> None:
    """Secrets and the invented company's birth, where this installation has none: before the database is made."""
    for name in FILES:
        if (backup / name).exists() and not (paths.HOME / name).exists():
            shutil.copy2(backup / name, paths.HOME / name)


def restore(settings: Settings, backup: Path, only: tuple[str, ...]) -> None:
    """Put the backup's databases (all, or those named) in the place of what is there.

    Raises:
        Failure: pg_restore could not; the text names the log. The database concerned is empty then, the others are whole.
    """
    for database in only or DATABASES:
        click.echo(f"      {database}")
        if database == "warehouse":
            with _owner(settings) as warehouse:
                for schema in (*BUILT, *SCHEMAS):
                    warehouse.execute(
                        sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(schema))
                    )
            # What the night builds is gone too: the schedule's next refresh has to build everything.
            refresh.BUILT_OF.unlink(missing_ok=True)
        else:
            with postgres.connect(settings) as server:
                server.execute(
                    sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(database))
                )
            postgres.provision(settings)
        owner = [] if settings.warehouse.ours or database != "warehouse" else ["--no-owner", "--no-acl"]
        target = _connection(settings, database)["PGDATABASE"]
        _run(
            settings, "pg_restore", database, "--exit-on-error", f"--dbname={target}", *owner,
            str(backup / f"{database}.dump"),
        )  # fmt: skip


def _owner(settings: Settings) -> psycopg.Connection:
    """A connection to the warehouse as the one who may drop its schemas."""
    if settings.warehouse.ours:
        return postgres.connect(settings, settings.warehouse.dbname)
    return psycopg.connect(settings.warehouse.url("dbt"), autocommit=True)
