"""The loader alone, fed by hand: what a batch leaves in a table, and when the state is told."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.extract.loader_settings import loader_settings

STREAM = "deals"
SCHEMA = {
    "id": {"type": "string"},
    "modified_at": {"type": ["string", "null"]},
    "payload": {"type": "object"},
}
NOON = "2026-06-01T12:00:00+03:00"


def schema(key: tuple[str, ...] = ("id",), **more: Any) -> dict[str, Any]:
    properties = {**SCHEMA, **more}
    return {
        "type": "SCHEMA",
        "stream": STREAM,
        "schema": {"type": "object", "properties": properties},
        "key_properties": list(key),
    }


def row(
    key: Any, payload: Any = None, modified_at: str | None = NOON, version: int | None = None, **more: Any
) -> dict[str, Any]:
    record = {"id": key, "modified_at": modified_at, "payload": payload or {}, **more}
    message = {"type": "RECORD", "stream": STREAM, "record": record, "time_extracted": NOON}
    return message if version is None else {**message, "version": version}


def state(value: int) -> dict[str, Any]:
    return {"type": "STATE", "value": {"bookmarks": {STREAM: {"after": value}}}}


def activate(version: int) -> dict[str, Any]:
    return {"type": "ACTIVATE_VERSION", "stream": STREAM, "version": version}


def text(*messages: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(message).encode() + b"\n" for message in messages)


class Loader:
    """The loader's command line, on a database of the session's PostgreSQL."""

    def __init__(self, executable: str, socket: str, folder: Path) -> None:
        self.executable, self.folder = executable, folder
        url = f"postgresql+psycopg://postgres@/extract?host={socket}"
        self.settings = {**loader_settings(), "sqlalchemy_url": url, "default_target_schema": "raw_bitrix24"}

    def start(self, executable: str | None = None, **config: Any) -> subprocess.Popen[bytes]:
        file = self.folder / "loader.json"
        file.write_text(json.dumps({**self.settings, **config}))
        return subprocess.Popen(
            [executable or self.executable, "--config", str(file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def __call__(
        self, *messages: dict[str, Any], raw: bytes = b"", executable: str | None = None, **config: Any
    ) -> list[Any]:
        """Load messages, then the bytes `raw`; returns the states that were told."""
        process = self.start(executable, **config)
        out, log = process.communicate(text(*messages) + raw, timeout=120)
        assert process.returncode == 0, log.decode()
        return [json.loads(line) for line in out.splitlines()]


@pytest.fixture
def warehouse(postgres: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(host=postgres, user="postgres", dbname="extract", autocommit=True) as connection:
        connection.execute("drop schema if exists raw_bitrix24 cascade")
        yield connection


@pytest.fixture
def load(loader: str, postgres: str, warehouse: psycopg.Connection, tmp_path: Path) -> Loader:
    return Loader(loader, postgres, tmp_path)


Rows = Callable[[str], list[Any]]


@pytest.fixture
def rows(warehouse: psycopg.Connection) -> Rows:
    """Columns of the table, a row an id."""

    def ask(columns: str) -> list[Any]:
        return warehouse.execute(
            f"select {columns} from raw_bitrix24.{STREAM} order by id, modified_at"
        ).fetchall()

    return ask


def test_unchanged_rows_are_not_written_again(load: Loader, rows: Rows) -> None:
    versions = schema(key=("id", "modified_at"))
    load(versions, row("1", {"a": 1}), row("2", {"a": 1, "b": [None]}))
    before = rows("id, ctid, xmin::text, _sdc_received_at, _sdc_batched_at")
    # Another order and spelling of the same JSON is the same row.
    load(versions, row("1", {"a": 2}), row("2", {"b": [None], "a": 1.0}), row("1", {"a": 3}, "2026-06-02"))
    after = rows("id, ctid, xmin::text, _sdc_received_at, _sdc_batched_at")
    assert after[2] == before[1]
    assert after[0][3] > before[0][3] and after[0][4] > before[0][4]
    assert rows("id, modified_at, payload") == [
        ("1", NOON, {"a": 2}),
        ("1", "2026-06-02", {"a": 3}),
        ("2", NOON, {"a": 1, "b": [None]}),
    ]


def test_the_time_of_the_api_is_compared_where_it_is_no_key(load: Loader, rows: Rows) -> None:
    load(schema(), row("1", {"a": 1}, None), row("2", {"a": 1}, None))
    load(schema(), row("1", {"a": 1}, NOON), row("2", {"a": 1}, None))
    assert rows("id, modified_at") == [("1", NOON), ("2", None)]


def test_last_row_of_a_key_wins(load: Loader, rows: Rows) -> None:
    load(schema(), row("1", {"a": 1}), row("2", {"a": 1}), row("1", {"a": 2}), row(1, {"a": 3}))
    assert rows("id, payload") == [("1", {"a": 3}), ("2", {"a": 1})]


def test_versions_mark_the_vanished_and_bring_back_the_returned(load: Loader, rows: Rows) -> None:
    some = {key: {"name": key} for key in "123"}
    load(schema(), *(row(key, some[key], version=10) for key in "123"), activate(10))
    marks = "id, _sdc_table_version, _sdc_received_at, _sdc_batched_at, _sdc_deleted_at is not null"
    first = rows(marks)
    assert [(key, version, gone) for key, version, *_, gone in first] == [(key, 10, False) for key in "123"]

    load(schema(), row("1", some["1"], version=11), row("2", {"name": "new"}, version=11), activate(11))
    second = rows(marks)
    assert [(key, version, gone) for key, version, *_, gone in second] == [
        ("1", 11, False),
        ("2", 11, False),
        ("3", 10, True),
    ]
    # The unchanged row is told from the vanished, and yet no news to those who read what was loaded since.
    assert second[0][2:4] == first[0][2:4] and second[2][2:4] == first[2][2:4]
    assert second[1][3] > first[1][3]

    load(schema(), *(row(key, some[key], version=12) for key in "13"), activate(12))
    third = rows(marks)
    assert [(key, version, gone) for key, version, *_, gone in third] == [
        ("1", 12, False),
        ("2", 11, True),
        ("3", 12, False),
    ]
    assert third[2][3] > second[2][3]


def test_moments_are_utc_whatever_the_servers_zone(
    load: Loader, rows: Rows, warehouse: psycopg.Connection
) -> None:
    warehouse.execute("alter database extract set timezone = 'Asia/Vladivostok'")
    try:
        load(schema(), row("1", version=1), row("2", version=1), activate(1))
        load(schema(), row("1", version=2), activate(2))
    finally:
        warehouse.execute("alter database extract reset timezone")
    now = "(now() at time zone 'UTC')"
    marks = ("_sdc_received_at", "_sdc_batched_at", "_sdc_deleted_at")
    assert rows(", ".join(f"abs(extract(epoch from {now} - {mark})) < 3600" for mark in marks)) == [
        (True, True, None),
        (True, True, True),
    ]
    assert rows("_sdc_extracted_at::text")[0] == ("2026-06-01 09:00:00",)


def test_odd_values_are_kept_as_far_as_postgres_can(load: Loader, rows: Rows) -> None:
    odd = {
        "empty": "",
        "nothing": None,
        "list": [],
        "map": {},
        "quotes": '"\\" \\u0000 \\\\ \\N',
        "lines": "a\tb\r\nc\x01",
        "astral": "\U0001f600",
        "long": 2**70,
        "exact": 0.1,
        "ключ": "значение",
    }
    # What PostgreSQL cannot hold: NUL, and halves of character pairs.
    broken = b'{"nul": "a\\u0000b", "half": "a\\ud83d", "kept": "\\ud83d\\ude00 \\\\u0000", "price": 1.50}'
    spaced = b'{"type": "RECORD", "stream": "deals",\t"record": {"id": "4", "payload": {"a":\t[1,\t2]}}}\n'
    head = b'{"type": "RECORD", "stream": "deals", "record": {"id": "3", "payload": '
    load(
        schema(),
        row("1", odd),
        row("2", odd, "tab\t, \\N and \x00"),
        row('q"', {}),
        raw=head + broken + b"}}\n" + spaced,
    )
    found = {key: (moment, payload) for key, moment, payload in rows("id, modified_at, payload")}
    assert found["1"] == (NOON, odd)
    assert found["2"] == ("tab\t, \\N and ", odd)
    assert found["3"] == (
        None,
        {"nul": "ab", "half": "a", "kept": "\U0001f600 \\u0000", "price": 1.5},
    )
    assert found["4"] == (None, {"a": [1, 2]})
    assert found['q"'] == (NOON, {})
    assert rows("payload ->> 'price'")[2] == ("1.50",)


def test_new_columns_come_in_the_middle_of_a_load(load: Loader, rows: Rows) -> None:
    wider = schema(note={"type": ["string", "null"]}, size={"type": ["integer", "null"]})
    load(schema(), row("1"), row("2"), wider, row("2", note="a\tb", size=3), row("3"))
    assert rows("id, note, size") == [("1", None, None), ("2", "a\tb", 3), ("3", None, None)]
    load(schema(), row("1", {"a": 1}), row("4"))
    assert rows("id, payload, note") == [
        ("1", {"a": 1}, None),
        ("2", {}, "a\tb"),
        ("3", {}, None),
        ("4", {}, None),
    ]


@pytest.mark.parametrize("key", [("id",), ("id", "modified_at")])
def test_tables_of_the_released_loader_go_on(load: Loader, rows: Rows, key: tuple[str, ...]) -> None:
    plain = str(Path(load.executable).with_name("target-postgres"))
    released = {"use_copy": True, "validate_records": False, "add_record_metadata": True}
    messages = [schema(key), *(row(number, {"a": int(number)}, version=5) for number in "12"), activate(5)]
    load(*messages, executable=plain, **released)
    before = rows("id, payload, xmin::text, _sdc_batched_at, _sdc_received_at")
    load(schema(key), row("1", {"a": 1}), row("2", {"a": 3}), row("3", {"a": 3}))
    after = rows("id, payload, xmin::text, _sdc_batched_at, _sdc_received_at")
    assert after[0] == before[0]
    assert [(number, payload) for number, payload, *_ in after] == [
        ("1", {"a": 1}),
        ("2", {"a": 3}),
        ("3", {"a": 3}),
    ]


def test_full_batches_are_written_and_their_state_told(load: Loader, rows: Rows) -> None:
    messages = [message for number in range(10) for message in (row(str(number)), state(number))]
    told = load(schema(), *messages, batch_size_rows=4)
    # Each state came after its rows, so that the fourth row leads to the third row's state.
    assert [value["bookmarks"][STREAM]["after"] for value in told] == [2, 6, 9]
    assert len(rows("id")) == 10


def waiting(warehouse: psycopg.Connection) -> bool:
    return bool(warehouse.execute("select 1 from pg_locks where not granted").fetchone())


def eventually(what: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not what():
        assert time.monotonic() < until, "it did not come to that in a minute"
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_state_is_not_told_before_its_rows_are_committed(
    load: Loader, rows: Rows, warehouse: psycopg.Connection, postgres: str, number: signal.Signals
) -> None:
    load(schema(), row("0"))
    process = load.start(batch_size_rows=2)
    assert process.stdin and process.stdout
    with psycopg.connect(host=postgres, user="postgres", dbname="extract") as other:
        other.execute(f"lock table raw_bitrix24.{STREAM} in exclusive mode")
        process.stdin.write(text(schema(), row("1"), state(1), row("2")))
        process.stdin.flush()
        eventually(lambda: waiting(warehouse))
        process.send_signal(number)
        process.wait(60)
    assert process.returncode != 0
    assert process.stdout.read() == b"" and rows("id") == [("0",)]


def test_signal_while_rows_are_marked_ends_the_loader(
    load: Loader, rows: Rows, warehouse: psycopg.Connection, postgres: str
) -> None:
    load(schema(), row("0", version=1), activate(1))
    process = load.start()
    assert process.stdin and process.stdout
    with psycopg.connect(host=postgres, user="postgres", dbname="extract") as other:
        other.execute(f"lock table raw_bitrix24.{STREAM} in exclusive mode")
        process.stdin.write(text(schema(), row("1", version=2), activate(2), state(1)))
        process.stdin.flush()
        eventually(lambda: waiting(warehouse))
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    assert process.returncode != 0
    assert process.stdout.read() == b"" and rows("id") == [("0",)]


def test_half_a_line_is_the_taps_death_not_the_loaders(load: Loader, rows: Rows) -> None:
    told = load(schema(), row("1"), state(1), raw=text(row("2"))[:40])
    assert rows("id") == [("1",)]
    assert [value["bookmarks"][STREAM]["after"] for value in told] == [1]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b'{"type": "RECORD", "stream": "deals", "record": secret}\n', "line 2 of the tap's output"),
        (b'{"type": "GREETING"}\n', "unknown type 'GREETING'"),
        (text({**row("1"), "stream": "leads"}), "stream 'leads' came before its schema"),
        (text({**schema(key=()), "stream": "leads"}), "leads has no key"),
    ],
)
def test_messages_that_are_none_are_named_without_their_data(load: Loader, raw: bytes, message: str) -> None:
    process = load.start()
    _, log = process.communicate(text(schema()) + raw, timeout=60)
    assert process.returncode != 0
    assert message in log.decode() and "secret" not in log.decode()
