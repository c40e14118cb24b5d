"""Deleted cards, through dbt and back: a sweep misses deals, the next one finds one of them again."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator

import psycopg
import pytest

from tests.conftest import Stack

BUCKET = 10_000
STAGING = ["run", "--select", "+stg_bitrix24__deals", "--no-use-colors"]


class Sweeps:
    """Sweeps of the deals as the tap would write them, each a minute after the one before."""

    def __init__(self, stack: Stack, loader: psycopg.Connection) -> None:
        self.stack, self.loader = stack, loader
        # Later than every sweep of the tap.
        self.at = dt.datetime.now(dt.timezone.utc)
        rows = loader.execute("select distinct id::bigint from raw_bitrix24.deals").fetchall()
        self.all = {number for (number,) in rows}
        self.made: list[str] = []

    def write(self, missing: set[int]) -> None:
        """Write the buckets of all deals but the missing ones, and build staging."""
        self.at += dt.timedelta(minutes=1)
        for bucket in sorted({number // BUCKET for number in self.all}):
            present = sorted(n for n in self.all - missing if n // BUCKET == bucket)
            payload = {
                "stream": "deals", "entity_type_id": 2, "bucket": bucket,
                "first": bucket * BUCKET, "last": (bucket + 1) * BUCKET - 1, "ids": [[n, n] for n in present],
            }  # fmt: skip
            self.loader.execute(
                "insert into raw_bitrix24.card_ids (id, modified_at, payload, _sdc_received_at, _sdc_batched_at)"
                " values (%s, %s, %s, now() at time zone 'UTC', now() at time zone 'UTC')",
                [f"deals:{bucket}", self.at.isoformat(), json.dumps(payload)],
            )
        self.made.append(self.at.isoformat())
        self.build()

    def build(self, *extra: str) -> None:
        done = self.stack.dbt(*STAGING, *extra)
        assert done.returncode == 0, done.stdout

    def undo(self) -> None:
        self.loader.execute("delete from raw_bitrix24.card_ids where modified_at = any(%s)", [self.made])
        self.build("--full-refresh")


@pytest.fixture
def sweeps(stack: Stack) -> Iterator[Sweeps]:
    with psycopg.connect(stack.url("LOADER"), autocommit=True) as loader:
        made = Sweeps(stack, loader)
        yield made
        made.undo()


def deleted(warehouse: psycopg.Connection, schema: str = "staging") -> dict[int, dt.datetime]:
    rows = warehouse.execute(
        f"select card_id, deleted_at from {schema}.stg_bitrix24__deleted_cards where stream = 'deals'"
    ).fetchall()
    return dict(rows)


def staged(warehouse: psycopg.Connection, ids: list[int]) -> int:
    found = warehouse.execute(
        "select count(*) from staging.stg_bitrix24__deals where deal_id = any(%s)", [ids]
    ).fetchone()
    assert found
    return int(found[0])


def test_deleted_deals_leave_and_restored_ones_return(sweeps: Sweeps, warehouse: psycopg.Connection) -> None:
    gone, back = sorted(sweeps.all)[:2]
    before = deleted(warehouse)
    assert not {gone, back} & set(before), "the sample must be alive to begin with"

    sweeps.write(missing=set(before))
    assert staged(warehouse, [gone, back]) == 2

    sweeps.write(missing={gone, back} | set(before))
    missed = sweeps.at
    assert staged(warehouse, [gone, back]) == 0
    assert {deal: at for deal, at in deleted(warehouse).items() if deal in (gone, back)} == {
        gone: missed,
        back: missed,
    }

    sweeps.write(missing={gone} | set(before))
    assert staged(warehouse, [gone, back]) == 1
    after = deleted(warehouse)
    assert after[gone] == missed and back not in after

    # What grew sweep by sweep is what a build at once makes of all of them.
    sweeps.build("--vars", "{schema_suffix: sweeps_at_once}")
    try:
        assert deleted(warehouse, "staging_sweeps_at_once") == after
    finally:
        warehouse.execute("drop schema staging_sweeps_at_once cascade")
