"""What is built and compared: demonstration companies of other seeds, and portals nobody here has seen."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from tests.conftest import Installation
from tests.proof.access import access
from tests.proof.actions import cards_to_act_on
from tests.proof.ahead import look_ahead, targets_ahead
from tests.proof.checks import Check, Marts
from tests.proof.checks import compare as compare_figures
from tests.proof.clients import client_base
from tests.proof.forecasts import grades
from tests.proof.history import open_history
from tests.proof.payments import by_orders, by_stages
from tests.proof.plans import plans
from tests.proof.portals import Kind, drawn, files_of_people
from tests.proof.products import products
from tests.proof.quality import quality
from tests.proof.rating import rating, sheet
from tests.proof.raw import RawPortal
from tests.proof.registers import events, missed, tags
from tests.proof.stays import stuck
from tests.proof.truth import Payment, Truth, by_invoices
from tests.proof.warehouse import Warehouse, database, project


def connect(environment: dict[str, str]) -> psycopg.Connection:
    """To the warehouse of an installation, as dbt."""
    return psycopg.connect(
        host=environment["WAREHOUSE_HOST"],
        port=environment["WAREHOUSE_PORT"],
        dbname=environment["WAREHOUSE_DBNAME"],
        user=environment["WAREHOUSE_DBT_USER"],
        password=environment["WAREHOUSE_DBT_PASSWORD"],
        autocommit=True,
    )


def built_at(connection: psycopg.Connection) -> dt.datetime:
    row = connection.execute("select built_at from marts.mart_health__build").fetchone()
    assert row, "mart_health__build is empty: no stream was ever loaded well"
    return row[0]


PARTS: tuple[Callable[[Marts], list[Check]], ...] = (
    compare_figures, plans, rating, sheet, client_base, stuck, look_ahead, targets_ahead, products, grades,
    open_history, cards_to_act_on, access, events, missed, tags, quality,
)  # fmt: skip


def compare(marts: Marts) -> list[Check]:
    """Everything that is worked out twice."""
    return [check for part in PARTS for check in part(marts)]


def of_warehouse(environment: dict[str, str]) -> list[Check]:
    """The published marts of a warehouse against its own raw rows."""
    not_selling = [int(id) for id in environment["VORONKA_NOT_SELLING_PIPELINES"].split(",") if id.strip()]
    with connect(environment) as connection:
        truth = Truth(connection, built_at(connection), environment["VORONKA_TIMEZONE"], not_selling)
        return compare(Marts(connection, truth))


def of_demonstration(installation: Installation) -> list[Check]:
    """Load and build an invented company without dashboards, and compare."""
    done = installation.voronka("refresh")
    assert done.returncode == 0, done.stdout
    return of_warehouse(installation.env)


@dataclass(frozen=True)
class Strange:
    """A portal drawn at random; `as_of` asks for a past day, with sixty days after it loaded too."""

    seed: int
    kind: Kind
    as_of: str | None = None
    not_selling: str = ""
    settings: dict[str, object] = field(default_factory=dict)
    paid: Callable[[Truth], Iterable[Payment]] = by_invoices
    """What is a payment where the settings say so."""


PAID = ("FINAL_ДА", "C4:NEW", "C4:FINAL_ДА", "C37:GONE")
STRANGE = {
    "Kamchatka, tenge": Strange(
        11, Kind("Asia/Kamchatka", "KZT", first_id=2**31 + 10), not_selling="37"
    ),
    "New York, no leads": Strange(
        12, Kind("America/New_York", "USD", leads=False),
        settings={"payments_source": "deal_payments"}, paid=by_orders,
    ),
    "leap day": Strange(13, Kind("Europe/Moscow", "RUB"), as_of="2024-02-29"),
    "first week of a year": Strange(
        14, Kind("Asia/Almaty", "RUB", telephony=False), as_of="2027-01-02",
        settings={"payments_source": "deal_stage", "payment_stages": list(PAID)}, paid=by_stages(*PAID),
    ),
}  # fmt: skip


def now_of(strange: Strange) -> dt.datetime:
    if strange.as_of is None:
        return dt.datetime.now(dt.timezone.utc)
    return end_of(strange) + dt.timedelta(days=60)


def end_of(strange: Strange) -> dt.datetime:
    assert strange.as_of
    return dt.datetime.combine(
        dt.date.fromisoformat(strange.as_of) + dt.timedelta(days=1),
        dt.time(),
        ZoneInfo(strange.kind.timezone),
    )


def load(warehouse: Warehouse, portal: RawPortal, now: dt.datetime) -> None:
    with warehouse.connect() as connection:
        portal.write(connection, now)


def of_two_loads(host: str, folder: Path) -> list[Check]:
    """A portal loaded and built, loaded again with what happened in its last forty days, and built on top."""
    now, zone = dt.datetime.now(dt.timezone.utc), "Asia/Yekaterinburg"
    portal = drawn(15, now, Kind(zone, cards=120))
    first = portal.until(now - dt.timedelta(days=40))
    with database(host, "two_loads", folder, VORONKA_TIMEZONE=zone) as warehouse:
        load(warehouse, first, now - dt.timedelta(days=40))
        built = warehouse.build("--exclude", "resource_type:test")
        assert built.ok, built.output
        with warehouse.connect() as connection:
            portal.without(first).add_to(connection, now)
        built = warehouse.build()
        assert built.ok, built.output
        with warehouse.connect() as connection:
            return compare(Marts(connection, Truth(connection, built_at(connection), zone)))


def of_strange(name: str, host: str, folder: Path) -> list[Check]:
    """Load a strange portal, run the real build with all its data tests, and compare."""
    strange = STRANGE[name]
    now, zone = now_of(strange), strange.kind.timezone
    copy = project(folder, files_of_people(now if strange.as_of is None else end_of(strange)))
    variables = {
        "VORONKA_TIMEZONE": zone, "VORONKA_NOT_SELLING_PIPELINES": strange.not_selling, "DBT_PROJECT_DIR": str(copy),
    }  # fmt: skip
    with database(host, f"strange_{strange.seed}", folder, **variables) as warehouse:
        load(warehouse, drawn(strange.seed, now, strange.kind), now)
        settings = {**strange.settings, **({"as_of": strange.as_of} if strange.as_of else {})}
        built = warehouse.build(*(["--vars", json.dumps(settings)] if settings else []))
        assert built.ok, built.output
        not_selling = [int(id) for id in strange.not_selling.split(",") if id]
        known: dict[str, Any] = {"not_selling": not_selling, "paid": strange.paid, "seeds": copy / "seeds"}
        with warehouse.connect() as connection:
            if strange.as_of:
                truth = Truth(connection, end_of(strange), zone, past=True, **known)
                return compare(Marts(connection, truth, f"marts_as_of_{strange.as_of.replace('-', '_')}"))
            truth = Truth(connection, built_at(connection), zone, **known)
            return compare(Marts(connection, truth))
