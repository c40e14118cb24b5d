"""What the warehouse's checks share: the portal read anew, and the warehouse as dbt's role sees it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import psycopg
import pytest

from tests.conftest import Stack
from tests.warehouse.portal import Portal


@pytest.fixture(scope="module")
def portal(stack: Stack) -> Iterator[Portal]:
    reader = Portal(stack.portal_url)
    yield reader
    reader.close()


@pytest.fixture(scope="module")
def warehouse(stack: Stack) -> Iterator[psycopg.Connection]:
    with psycopg.connect(stack.warehouse_url, autocommit=True) as connection:
        yield connection


@dataclass(frozen=True)
class Build:
    """The published build: loaded up to `loaded` at least, computed as of `built`; both in the portal's zone."""

    loaded: dt.datetime
    built: dt.datetime
    zone: ZoneInfo


@pytest.fixture(scope="module")
def build(stack: Stack, warehouse: psycopg.Connection) -> Build:
    zone = ZoneInfo(stack.env.get("VORONKA_TIMEZONE") or "Europe/Moscow")
    found = warehouse.execute("select data_as_of, built_at from marts.mart_health__build").fetchone()
    assert found, "mart_health__build is empty: no stream was ever loaded well"
    return Build(found[0].astimezone(zone), found[1].astimezone(zone), zone)
