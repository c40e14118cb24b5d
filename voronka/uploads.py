"""The schema that spreadsheets are uploaded into, and the one account that writes there and reaches nothing else."""

from __future__ import annotations

import psycopg
from psycopg import sql

from voronka.failure import Failure
from voronka.settings import Settings

SCHEMA = "uploads"


def provision(settings: Settings) -> None:
    """Make the schema and its rights, in the embedded database and in one of your own; safe to repeat.

    dbt owns the schema, so that it may drop what was uploaded, and reads what the uploader makes in it.

    Raises:
        Failure: the account cannot log in, or can read what is none of its business.
    """
    here = settings.warehouse
    if here.upload is None:
        return
    uploader, reader = sql.Identifier(here.upload[0]), sql.Identifier(here.dbt[0])
    schema = sql.Identifier(SCHEMA)
    try:
        with psycopg.connect(here.url("dbt"), autocommit=True, connect_timeout=5) as warehouse:
            warehouse.execute(sql.SQL("create schema if not exists {}").format(schema))
            warehouse.execute(sql.SQL("revoke all on schema {} from public").format(schema))
            warehouse.execute(sql.SQL("grant usage, create on schema {} to {}").format(schema, uploader))
        with psycopg.connect(here.url("upload"), autocommit=True, connect_timeout=5) as uploads:
            # Tables belong to whoever uploads them, and only their owner can let dbt read those to come.
            uploads.execute(
                sql.SQL("alter default privileges in schema {} grant select on tables to {}").format(
                    schema, reader
                )
            )
            reached = uploads.execute(
                "select string_agg(nspname, ', ') from pg_namespace"
                " where nspname in ('raw_bitrix24', 'raw_inputs', 'staging', 'intermediate', 'marts', 'marts_next')"
                " and has_schema_privilege(nspname, 'usage')"
            ).fetchone()
    except psycopg.OperationalError as error:
        reason = str(error).strip().splitlines()[-1]
        raise Failure(
            f"The schema of uploads cannot be made: {reason}. Correct DATABASE_URL or DATABASE_UPLOAD_URL,"
            " or leave the second out: there are no uploads then."
        ) from None
    if reached and reached[0]:
        raise Failure(
            f"The account {here.upload[0]} of uploads reaches the schemas {reached[0]}: revoke its rights,"
            " or give DATABASE_UPLOAD_URL an account without any."
        )


def discard(settings: Settings) -> None:
    """Drop what was uploaded: it belongs to a portal that is making room for another."""
    with psycopg.connect(settings.warehouse.url("dbt"), autocommit=True) as warehouse:
        tables = warehouse.execute(
            "select tablename from pg_tables where schemaname = %s", [SCHEMA]
        ).fetchall()
        for (table,) in tables:
            warehouse.execute(sql.SQL("drop table {} cascade").format(sql.Identifier(SCHEMA, table)))
