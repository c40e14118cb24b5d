"""One stream's rows on their way into its table."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from operator import itemgetter
from typing import Any

import sqlalchemy
from psycopg import sql
from sqlalchemy.dialects.postgresql import JSONB
from target_postgres.connector import PostgresConnector
from target_postgres.sinks import PostgresSink

from target_postgres_jsonb.copytext import NULL, as_json, as_text
from target_postgres_jsonb.messages import Line

METADATA = (
    "_sdc_extracted_at",
    "_sdc_received_at",
    "_sdc_batched_at",
    "_sdc_deleted_at",
    "_sdc_sequence",
    "_sdc_table_version",
    "_sdc_sync_started_at",
)
# Those that differ from row to row.
COPIED = ("_sdc_extracted_at", "_sdc_received_at", "_sdc_sequence", "_sdc_table_version")
ROWS_A_WRITE = 256
FORGETS = "select to_regprocedure('erasure.take(regclass, text)') is not null"


def _utc(moment: dt.datetime) -> bytes:
    """The loader's columns are timestamps without zone, and mean UTC."""
    return moment.astimezone(dt.timezone.utc).replace(tzinfo=None).isoformat().encode()


class Connector(PostgresConnector):
    """Sessions in UTC: what a server's own zone would do to columns without zone depends on how they are written."""

    @cache  # noqa: B019 (there is one connector, and it lives as long as the process)
    def tables(self, schema: str | None) -> dict[str, set[str]]:
        """Columns of each table that was there when first asked."""
        found: dict[str, set[str]] = {}
        with self._connect() as connection:
            for table, column in connection.execute(
                sqlalchemy.text(
                    "select table_name, column_name from information_schema.columns"
                    " where table_schema = coalesce(:schema, current_schema())"
                ),
                {"schema": schema},
            ):
                found.setdefault(table, set()).add(column)
        return found

    @cache  # noqa: B019 (the same)
    def indexes(self, schema: str | None) -> set[str]:
        """Names of the indexes that were there when first asked."""
        with self._connect() as connection:
            found = connection.execute(
                sqlalchemy.text(
                    "select indexname from pg_indexes where schemaname = coalesce(:schema, current_schema())"
                ),
                {"schema": schema},
            )
            return {name for (name,) in found}

    def create_engine(self) -> sqlalchemy.Engine:
        engine = super().create_engine()

        @sqlalchemy.event.listens_for(engine, "begin")
        def _(connection: sqlalchemy.Connection) -> None:
            # For the transaction only, so that a pooler between us and the server may do as it likes.
            connection.exec_driver_sql("set local time zone 'UTC'")

        return engine


@dataclass(frozen=True)
class Statements:
    """What a batch of one stream says to the server."""

    stage: sql.Composed
    copy: sql.Composed
    forget: sql.Composed
    merge: sql.Composed
    stamp: sql.Composed

    @classmethod
    def of(cls, schema: str | None, name: str, key: Sequence[str], columns: Sequence[str]) -> Statements:
        """For table `name` with the primary key `key` and its `columns` but for the loader's own."""
        table = sql.Identifier(*filter(None, (schema, name)))
        every = [*columns, *METADATA]
        given = {
            **{
                column: sql.SQL("incoming.{}").format(sql.Identifier(column))
                for column in (*columns, *COPIED)
            },
            "_sdc_batched_at": sql.SQL("%(now)s"),
            "_sdc_deleted_at": sql.SQL("null"),
            "_sdc_sync_started_at": sql.SQL("%(sync)s"),
        }
        compared = [*(column for column in columns if column not in key), "_sdc_deleted_at"]
        parts = {
            "table": table,
            "columns": _listed(every),
            "copied": _listed([*columns, *COPIED]),
            "given": sql.SQL(", ").join([given[column] for column in every]),
            "key": _listed(key),
            "new": sql.SQL(", ").join(
                [
                    sql.SQL("{0} = excluded.{0}").format(sql.Identifier(column))
                    for column in every
                    if column not in key
                ]
            ),
            "old_values": _listed(compared, "present"),
            "new_values": _listed(compared, "excluded"),
            "same_row": sql.SQL(" and ").join(
                [sql.SQL("present.{0} = incoming.{0}").format(sql.Identifier(column)) for column in key]
            ),
        }

        def say(text: str) -> sql.Composed:
            return sql.SQL(text).format(**parts)

        return cls(
            stage=say("create temporary table incoming (like {table}) on commit drop"),
            copy=say("copy incoming ({copied}) from stdin"),
            # Who is erased (docs/personal-data.md) does not come in again; `voronka forget` made the function.
            forget=sql.SQL("select erasure.take('pg_temp.incoming', {})").format(sql.Literal(name)),
            merge=say(
                "insert into {table} as present ({columns}) select {given} from incoming"
                " on conflict ({key}) do update set {new}"
                " where ({old_values}) is distinct from ({new_values})"
            ),
            stamp=say(
                "update {table} as present set _sdc_table_version = incoming._sdc_table_version from incoming"
                " where {same_row} and present._sdc_table_version is distinct from incoming._sdc_table_version"
            ),
        )


def _listed(columns: Sequence[str], table: str | None = None) -> sql.Composed:
    return sql.SQL(", ").join([sql.Identifier(*filter(None, (table, column))) for column in columns])


class JsonbSink(PostgresSink):
    """Holds a batch as COPY text, a row a key, and merges it in one transaction.

    Rows that the table has already, and has not marked as deleted, are not written again: their `_sdc_received_at`
    and `_sdc_batched_at` keep telling when they became what they are. Of full streams they get the new table version,
    which is all that tells them from the vanished.
    """

    connector_class = Connector

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.key_properties:
            raise ValueError(
                f"Stream {self.stream_name} has no key: this loader has no way to tell its rows apart"
            )
        properties = self.schema["properties"]
        self._columns = [name for name in properties if name not in METADATA]
        self._fields = [(name, self._writer(properties[name])) for name in self._columns]
        self._key = itemgetter(*[self._columns.index(name) for name in self.key_properties])
        self._statements = Statements.of(
            self.schema_name, self.table_name, self.key_properties, self._columns
        )
        self._rows: dict[Any, bytes] = {}
        self._versioned = False
        self._mark: tuple[int, str | None, int | None] | None = None
        self._mark_text = b""

    def _writer(self, schema: Mapping[str, Any]) -> Any:
        return as_json if isinstance(self.connector.to_sql_type(dict(schema)), JSONB) else as_text

    @property
    def include_sdc_metadata_properties(self) -> bool:
        return True

    @property
    def current_size(self) -> int:
        return len(self._rows)

    def setup(self) -> None:
        """Make the table, or the columns it lacks. One that has them all is not looked at further: the parent asks
        the server a dozen questions a stream. An index finds what was loaded since an incremental build.
        """
        there = self.connector.tables(self.schema_name).get(self.table_name, set())
        if not there.issuperset(self.schema["properties"]):
            super().setup()
        name = f"{self.table_name}_loaded"
        if name not in self.connector.indexes(self.schema_name):
            statement = sql.SQL(
                "create index if not exists {} on {} (greatest(_sdc_batched_at, _sdc_deleted_at))"
            ).format(sql.Identifier(name), sql.Identifier(*filter(None, (self.schema_name, self.table_name))))
            with self.connector._connect() as connection, connection.begin():
                connection.connection.cursor().execute(statement)

    def add(self, line: Line) -> int:
        """Take a record; of several with one key the last counts. Returns the bytes that it holds."""
        record = line.record
        fields = [write(record.get(name)) for name, write in self._fields]
        key = self._key(fields)
        mark = (int(time.time() * 1000), line.time_extracted, line.version)
        if mark != self._mark:
            self._mark, self._mark_text = mark, self._marked(*mark)
        fields.append(self._mark_text)
        row = b"\t".join(fields)
        self._rows[key] = row
        return len(row)

    def _marked(self, now: int, extracted: str | None, version: int | None) -> bytes:
        """The metadata that a row brings, in the order of COPIED; `now` in milliseconds since 1970."""
        self._versioned = self._versioned or version is not None
        moments = (
            extracted and dt.datetime.fromisoformat(extracted),
            dt.datetime.fromtimestamp(now / 1000, dt.timezone.utc),
        )
        fields = [_utc(moment) if moment else NULL for moment in moments]
        fields += [b"%d" % now, NULL if version is None else b"%d" % version]
        return b"\t".join(fields)

    def process_batch(self, context: Any) -> None:
        """Write what is held and forget it; nothing is forgotten that was not committed."""
        now = dt.datetime.now(dt.timezone.utc).replace(tzinfo=None)
        with self.connector._connect() as connection, connection.begin():
            cursor = connection.connection.cursor()
            cursor.execute(self._statements.stage)
            with cursor.copy(self._statements.copy) as copy:
                rows = iter(self._rows.values())
                while some := list(islice(rows, ROWS_A_WRITE)):
                    some.append(b"")
                    copy.write(b"\n".join(some))
            if cursor.execute(FORGETS).fetchone()[0]:
                cursor.execute(self._statements.forget)
            cursor.execute(self._statements.merge, {"now": now, "sync": self.sync_started_at})
            if self._versioned:
                cursor.execute(self._statements.stamp)
        self.record_counter_metric.increment(len(self._rows))
        self._rows = {}

    def activate_version(self, new_version: int) -> None:
        if self._rows:
            self.process_batch({})
        super().activate_version(new_version)
