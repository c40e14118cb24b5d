"""Tap → loader → PostgreSQL: what the warehouse holds after loads, changes, and accidents."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import ROOT
from tests.extract.conftest import card
from tests.extract.fake_portal import FakePortal
from tests.extract.loader_settings import loader_settings

# docs/architecture.md: versions are kept of what has the moment in its key.
VERSIONED = {
    "activities",
    "card_ids",
    "companies",
    "contacts",
    "currencies",
    "deals",
    "leads",
    "orders",
    "quotes",
    "smart_invoices",
    "smart_process_items",
}
OTHERS = {
    "activity_bindings",
    "calls",
    "deal_product_rows",
    "deal_stage_history",
    "departments",
    "extract_runs",
    "fields",
    "lead_stage_history",
    "order_owners",
    "payments",
    "pipelines",
    "portal",
    "products",
    "smart_invoice_stage_history",
    "smart_process_stage_history",
    "smart_processes",
    "statuses",
    "users",
}


@dataclass
class Loaded:
    """Exit codes of tap and loader, and the state that Meltano would keep."""

    tap: int
    loader: int
    state: dict[str, Any] | None
    log: str


Load = Callable[..., Loaded]


@pytest.fixture
def warehouse(postgres: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(host=postgres, user="postgres", dbname="extract", autocommit=True) as connection:
        connection.execute("drop schema if exists raw_bitrix24, erasure cascade")
        yield connection


@pytest.fixture
def load(
    portal: FakePortal,
    warehouse: psycopg.Connection,
    postgres: str,
    loader: str,
    tap_command: list[str],
    tmp_path: Path,
) -> Load:
    url = f"postgresql+psycopg://postgres@/extract?host={postgres}"
    settings = {**loader_settings(), "sqlalchemy_url": url, "default_target_schema": "raw_bitrix24"}
    (tmp_path / "loader.json").write_text(json.dumps(settings))

    def call(
        state: dict[str, Any] | None = None, started: Callable[..., None] | None = None, **config: Any
    ) -> Loaded:
        """Run the pipe as Meltano does; `started` gets the tap's process."""
        (tmp_path / "tap.json").write_text(json.dumps({"webhook_url": portal.webhook, **config}))
        (tmp_path / "state.json").write_text(json.dumps(state or {}))
        with (tmp_path / "tap.log").open("w") as log:
            tap = subprocess.Popen(
                [
                    *tap_command,
                    "--config",
                    str(tmp_path / "tap.json"),
                    "--state",
                    str(tmp_path / "state.json"),
                ],
                stdout=subprocess.PIPE,
                stderr=log,
            )
            target = subprocess.Popen(
                [loader, "--config", str(tmp_path / "loader.json")],
                stdin=tap.stdout,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            assert tap.stdout
            tap.stdout.close()
            if started:
                started(tap)
            out, err = target.communicate(timeout=120)
            code = tap.wait(timeout=60)
        states = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
        return Loaded(code, target.returncode, states[-1] if states else None, err)

    return call


@pytest.fixture(autouse=True)
def company(portal: FakePortal) -> None:
    portal.now = "2026-06-01T12:00:00+03:00"
    portal.tables = {
        "crm.item.list:2": [card(n, title=f"Сделка\x00 {n}") for n in range(1, 601)],
        "crm.item.productrow.list": [
            {"id": n, "ownerId": 1 + n % 40, "ownerType": "D"} for n in range(1, 91)
        ],
        "crm.category.list:2": [{"id": n, "entityTypeId": 2} for n in range(3)],
        "user.get": [{"ID": str(n), "NAME": "Анна"} for n in range(1, 61)],
        "crm.currency.list": [
            {"CURRENCY": "RUB", "AMOUNT": "1.0000"},
            {"CURRENCY": "USD", "AMOUNT": "80.0000"},
        ],
        "voximplant.statistic.get": [
            {"ID": str(n), "CALL_START_DATE": "2026-05-30T10:00:00+03:00", "CALL_VOTE": None}
            for n in range(1, 61)
        ],
    }


def rows(warehouse: psycopg.Connection, sql: str) -> list[Any]:
    return warehouse.execute(sql).fetchall()


def counts(warehouse: psycopg.Connection, *streams: str) -> dict[str, int]:
    return {name: rows(warehouse, f"select count(*) from raw_bitrix24.{name}")[0][0] for name in streams}


def test_first_load_makes_the_contracts_tables(load: Load, warehouse: psycopg.Connection) -> None:
    done = load()
    assert (done.tap, done.loader) == (0, 0), done.log
    keys = rows(
        warehouse,
        "select conrelid::regclass::text, pg_get_constraintdef(oid) from pg_constraint"
        " where contype = 'p' and connamespace = 'raw_bitrix24'::regnamespace",
    )
    assert {name.removeprefix("raw_bitrix24."): text for name, text in keys} == {
        **dict.fromkeys(VERSIONED, "PRIMARY KEY (id, modified_at)"),
        **dict.fromkeys(OTHERS, "PRIMARY KEY (id)"),
    }
    columns = rows(
        warehouse,
        "select distinct column_name, data_type from information_schema.columns"
        " where table_schema = 'raw_bitrix24' and column_name not like '\\_sdc%'",
    )
    assert set(columns) == {("id", "text"), ("modified_at", "text"), ("payload", "jsonb")}
    assert counts(warehouse, "deals", "users", "calls", "deal_product_rows", "currencies") == {
        "deals": 600,
        "users": 60,
        "calls": 60,
        "deal_product_rows": 600,
        "currencies": 2,
    }
    ledger = rows(warehouse, "select distinct payload ->> 'stream' from raw_bitrix24.extract_runs")
    assert {name for (name,) in ledger} >= (VERSIONED | OTHERS) - {"card_ids", "extract_runs"}
    assert rows(warehouse, "select payload ->> 'title' from raw_bitrix24.deals where id = '7'") == [
        ("Сделка 7",)
    ]


def test_second_load_keeps_versions_and_marks_the_vanished(
    load: Load, warehouse: psycopg.Connection, portal: FakePortal
) -> None:
    state = load().state
    portal.now = "2026-06-02T12:00:00+03:00"
    portal.tables["crm.item.list:2"][6] = card(7, "2026-06-02T11:00:00+03:00", title="Новое имя")
    portal.tables["crm.item.list:2"][0] = card(1, "2026-06-01T11:58:00+03:00", title="В пределах нахлёста")
    portal.tables["crm.item.productrow.list"] = [
        row for row in portal.tables["crm.item.productrow.list"] if row["ownerId"] != 7
    ]
    portal.tables["crm.currency.list"][1]["AMOUNT"] = "90.0000"
    portal.tables["voximplant.statistic.get"][3]["CALL_VOTE"] = "5"
    gone = portal.tables["user.get"].pop(3)
    done = load(state)
    assert (done.tap, done.loader) == (0, 0), done.log

    assert counts(warehouse, "deals", "users", "calls", "currencies") == {
        "deals": 602,
        "users": 60,
        "calls": 60,
        "currencies": 4,
    }
    assert rows(
        warehouse, "select modified_at, payload ->> 'title' from raw_bitrix24.deals where id = '7' order by 1"
    ) == [("2026-05-01T10:00:00+03:00", "Сделка 7"), ("2026-06-02T11:00:00+03:00", "Новое имя")]
    assert rows(warehouse, "select payload from raw_bitrix24.deal_product_rows where id = '7'") == [
        ({"ownerId": 7, "ownerType": "D", "productRows": []},)
    ]
    assert rows(
        warehouse,
        "select modified_at, payload ->> 'AMOUNT' from raw_bitrix24.currencies where id = 'USD' order by 1",
    ) == [("2026-06-01", "80.0000"), ("2026-06-02", "90.0000")]
    assert rows(warehouse, "select payload ->> 'CALL_VOTE' from raw_bitrix24.calls where id = '4'") == [
        ("5",)
    ]
    marked = "select id from raw_bitrix24.users where _sdc_deleted_at is not null"
    assert rows(warehouse, marked) == [(gone["ID"],)]
    assert rows(
        warehouse, "select count(*) from raw_bitrix24.pipelines where _sdc_deleted_at is not null"
    ) == [(0,)]

    portal.tables["user.get"].insert(3, gone)
    assert load(done.state).tap == 0
    assert rows(warehouse, marked) == []


def test_unchanged_portal_changes_nothing(load: Load, warehouse: psycopg.Connection) -> None:
    state = load().state
    before = rows(warehouse, "select id, modified_at, payload from raw_bitrix24.deals order by 1, 2")
    load(state)
    assert rows(warehouse, "select id, modified_at, payload from raw_bitrix24.deals order by 1, 2") == before


def test_who_is_erased_does_not_come_in_again(
    load: Load, warehouse: psycopg.Connection, portal: FakePortal
) -> None:
    """The portal has the cards still: a changed one, a new call and a new deal come without the person."""
    phone = {"PHONE_NUMBER": "+7 912 345-67-89", "CALL_START_DATE": "2026-06-01T10:00:00+03:00"}
    portal.tables["crm.item.list:3"] = [
        card(5, name="Анна", lastName="Зимина", phone="89123456789", hasPhone="Y"),
        card(6, name="Олег", lastName="Летов", phone="89990000000", hasPhone="Y"),
    ]
    state = load().state
    warehouse.execute((ROOT / "voronka" / "erasure.sql").read_text())
    warehouse.execute("insert into erasure.forgotten values ('contacts:5', 'person', '+70000012345', true)")
    warehouse.execute("insert into erasure.forgotten values ('deals:7', 'texts', null, true)")
    for stream in ("contacts", "deals"):
        warehouse.execute("select erasure.take(%s::regclass, %s)", [f"raw_bitrix24.{stream}", stream])
    portal.now = "2026-06-02T12:00:00+03:00"
    changed = "2026-06-02T11:00:00+03:00"
    portal.tables["crm.item.list:3"][0] = card(
        5, changed, name="Анна", lastName="Зимина-Летова", phone="89123456789"
    )
    portal.tables["crm.item.list:2"][6] = card(
        7, changed, title="Анна просит скидку", stageId="C3:WON", opportunity=5
    )
    portal.tables["crm.item.list:2"].append(card(601, changed, title="Зимина, новая", contactIds=[5]))
    portal.tables["voximplant.statistic.get"] += [
        {"ID": "900", "CRM_ENTITY_TYPE": "CONTACT", "CRM_ENTITY_ID": "5", **phone},
        {"ID": "901", "CRM_ENTITY_TYPE": "CONTACT", "CRM_ENTITY_ID": "6", **phone},
    ]
    done = load(state)
    assert (done.tap, done.loader) == (0, 0), done.log
    assert rows(
        warehouse,
        "select payload ->> 'lastName', payload ->> 'name', payload ->> 'phone' from raw_bitrix24.contacts"
        " order by id, modified_at",
    ) == [("Данные удалены", "№ 5", "+70000012345")] * 2 + [("Летов", "Олег", "89990000000")]
    assert rows(
        warehouse,
        "select id, payload ->> 'title', payload ->> 'stageId', payload ->> 'opportunity' from raw_bitrix24.deals"
        f" where modified_at = '{changed}' order by id",
    ) == [("601", "Данные удалены", None, None), ("7", "Данные удалены", "C3:WON", "5")]
    assert rows(
        warehouse, "select payload ->> 'PHONE_NUMBER' from raw_bitrix24.calls where id >= '900' order by id"
    ) == [
        ("+70000012345",),
        ("+7 912 345-67-89",),
    ]
    # Read once more, nothing is new.
    stamps = "select id, modified_at, _sdc_batched_at from raw_bitrix24.contacts order by 1, 2"
    before = rows(warehouse, stamps)
    load(done.state)
    assert rows(warehouse, stamps) == before


def test_tap_killed_in_the_middle(load: Load, warehouse: psycopg.Connection, portal: FakePortal) -> None:
    """The loader keeps what it got, with the state that belongs to it; the next run brings the rest."""
    portal.tables["crm.item.list:2"] = [card(n) for n in range(1, 9001)]

    def kill_after_some_batches(tap: subprocess.Popen[bytes]) -> None:
        def watch(number: int) -> None:
            if number >= 3:
                tap.kill()

        portal.after_batch = watch

    first = load(None, kill_after_some_batches, streams=["deals"])
    portal.after_batch = lambda number: None
    assert first.tap == -9 and first.loader == 0
    (half,) = rows(warehouse, "select count(*) from raw_bitrix24.deals")[0]
    assert 0 < half < 9000
    portal.batches.clear()
    second = load(first.state, streams=["deals"])
    assert (second.tap, second.loader) == (0, 0), second.log
    assert rows(warehouse, "select count(*), count(distinct id), max(id::int) from raw_bitrix24.deals") == [
        (9000, 9000, 9000)
    ]
    assert second.state
    assert second.state["bookmarks"]["deals"]["replication_key_value"] == "2026-06-01T11:55:00+03:00"
    if first.state and "cursor" in first.state["bookmarks"].get("deals", {}):
        assert len(portal.batches) <= 1 + -(-(9000 - half) // 2500) + 2


def test_failed_stream_shows_in_the_ledger(
    load: Load, warehouse: psycopg.Connection, portal: FakePortal
) -> None:
    portal.errors["voximplant.statistic.get"] = [{"error": "insufficient_scope", "error_description": ""}]
    done = load()
    assert (done.tap, done.loader) == (1, 0)
    found = rows(
        warehouse,
        "select payload ->> 'stream', payload ->> 'error' from raw_bitrix24.extract_runs"
        " where payload ->> 'status' = 'failed'",
    )
    assert [stream for stream, _ in found] == ["calls"] and "scope" in found[0][1]
    assert counts(warehouse, "deals", "calls") == {"deals": 600, "calls": 0}
