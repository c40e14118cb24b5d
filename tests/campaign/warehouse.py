"""A warehouse of a chain's own: a database of the embedded server, what stands in its raw tables, and its accidents."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

RAW = "raw_bitrix24"


@dataclass(frozen=True)
class RawRow:
    """A row of a raw table; `received` orders versions of the same moment, `deleted` is the loader's mark."""

    id: str
    modified_at: str | None
    payload: dict[str, Any]
    received: Any
    deleted: bool


class Raw:
    """The raw tables of a database."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self.connection = connection

    def tables(self, schema: str = RAW) -> set[str]:
        found = self.connection.execute(
            "select table_name from information_schema.tables where table_schema = %s", [schema]
        )
        return {name for (name,) in found.fetchall()}

    def rows(self, stream: str, schema: str = RAW) -> list[RawRow]:
        """All rows of a stream; none where its table was never made."""
        if stream not in self.tables(schema):
            return []
        query = sql.SQL(
            "select id, modified_at, payload, _sdc_received_at, _sdc_deleted_at is not null from {}"
        ).format(sql.Identifier(schema, stream))
        return [RawRow(*row) for row in self.connection.execute(query).fetchall()]


class Warehouse(Raw):
    """One database, reached over the server's socket folder as user postgres."""

    def __init__(self, sockets: str, name: str) -> None:
        self.sockets, self.name = sockets, name
        with self._connect("postgres") as server:
            server.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
            server.execute(
                sql.SQL("create database {} template template0 encoding 'UTF8' locale 'C'").format(
                    sql.Identifier(name)
                )
            )
        super().__init__(self._connect(name))

    def _connect(self, name: str) -> psycopg.Connection:
        return psycopg.connect(
            host=self.sockets,
            user="postgres",
            dbname=name,
            autocommit=True,
            application_name="campaign",
        )

    @property
    def url(self) -> str:
        """As the loader wants it."""
        return f"postgresql+psycopg://postgres@/{self.name}?host={self.sockets}"

    def close(self) -> None:
        self.connection.close()

    # --- accidents

    def cut(self) -> bool:
        """End every connection of the loader; False where it has none."""
        ended = self.connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = %s and application_name <> 'campaign' and backend_type = 'client backend'",
            [self.name],
        )
        return bool(ended.fetchall())

    @contextmanager
    def ambush(self, stream: str, action: Callable[[], None]) -> Iterator[None]:
        """Hold the loader up when it wants to write a stream's table, act, and let it go on.

        So an accident strikes in the middle of a transaction, whatever the machine's speed. Where the table
        does not exist yet, or nothing is written into it, nothing happens.
        """
        if stream not in self.tables():
            yield
            return
        over = threading.Event()
        guard = self._connect(self.name)
        guard.autocommit = False
        # Readers pass, writers wait.
        guard.execute(sql.SQL("lock table {} in exclusive mode").format(sql.Identifier(RAW, stream)))

        def watch() -> None:
            with self._connect(self.name) as eyes:
                while not over.wait(0.02):
                    waiting = eyes.execute(
                        "select 1 from pg_locks where not granted and relation = %s::regclass",
                        [f"{RAW}.{stream}"],
                    )
                    if waiting.fetchone():
                        action()
                        over.wait(0.2)
                        break
            guard.rollback()

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()
            guard.close()
