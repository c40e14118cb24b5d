"""Nothing is lost on the way: for every stream the portal, raw and staging hold the same number of cards."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
import pytest

from tests.warehouse.conftest import Build
from tests.warehouse.portal import Portal


@dataclass(frozen=True)
class Stream:
    """How to count a stream in the three places. `created` is the field of its moment of birth, which fixes the set
    of rows although the portal lives on; empty for dictionaries."""

    method: str
    params: dict[str, str]
    created: str = ""
    staging_created: str = ""
    filter: str = "filter"
    raw_rows: str = "count(distinct id)"


def _items(entity: int) -> Stream:
    return Stream("crm.item.list", {"entityTypeId": str(entity)}, "createdTime", "created_at")


def _history(entity: int) -> Stream:
    return Stream("crm.stagehistory.list", {"entityTypeId": str(entity)}, "CREATED_TIME", "{history}")


STREAMS = {
    "leads": _items(1),
    "deals": _items(2),
    "contacts": _items(3),
    "companies": _items(4),
    "quotes": _items(7),
    "smart_invoices": _items(31),
    "lead_stage_history": _history(1),
    "deal_stage_history": _history(2),
    "smart_invoice_stage_history": _history(31),
    "activities": Stream("crm.activity.list", {}, "CREATED", "created_at"),
    "calls": Stream("voximplant.statistic.get", {}, "CALL_START_DATE", "started_at", "FILTER"),
    "orders": Stream("sale.order.list", {}, "dateInsert", "created_at"),
    "smart_processes": Stream("crm.type.list", {}),
    "statuses": Stream("crm.status.list", {}),
    "users": Stream("user.get", {}),
    "departments": Stream("department.get", {}),
}


def _one(connection: psycopg.Connection, query: str, *parameters: object) -> int:
    found = connection.execute(query, parameters).fetchone()
    assert found
    return int(found[0])


@pytest.mark.parametrize("name", STREAMS)
def test_portal_equals_raw_equals_staging(
    name: str, portal: Portal, warehouse: psycopg.Connection, build: Build
) -> None:
    stream = STREAMS[name]
    params = dict(stream.params)
    # Rows of full streams are marked when they vanish, cards are known as deleted by the sweeps.
    raw = (
        f"select {stream.raw_rows} from raw_bitrix24.{name} where _sdc_deleted_at is null and id not in"
        f" (select card_id::text from staging.stg_bitrix24__deleted_cards where stream = '{name}')"
    )
    staged = f"select count(*) from staging.stg_bitrix24__{name}"
    bounds: tuple[object, ...] = ()
    if stream.created:
        params[f"{stream.filter}[<{stream.created}]"] = build.loaded.isoformat(timespec="seconds")
        bounds = (build.loaded.replace(microsecond=0),)
        raw += f" and (payload ->> '{stream.created}')::timestamptz < %s"
        column = "entered_at" if stream.staging_created == "{history}" else stream.staging_created
        staged += f" where {column} < %s"
    in_portal = portal.total(stream.method, params)
    assert in_portal > 0, f"{name}: the demonstration portal has none, so that nothing is proven"
    assert _one(warehouse, raw, *bounds) == in_portal, f"{name}: raw differs from the portal"
    assert _one(warehouse, staged, *bounds) == in_portal, f"{name}: staging differs from the portal"


def test_pipelines(portal: Portal, warehouse: psycopg.Connection) -> None:
    processes = warehouse.execute(
        "select entity_type_id from staging.stg_bitrix24__smart_processes"
    ).fetchall()
    types = [2, 31, *(number for (number,) in processes)]
    in_portal = sum(portal.total("crm.category.list", {"entityTypeId": entity}) for entity in types)
    raw = _one(warehouse, "select count(*) from raw_bitrix24.pipelines where _sdc_deleted_at is null")
    assert raw == in_portal
    assert _one(warehouse, "select count(*) from staging.stg_bitrix24__pipelines") == in_portal


def test_cards_of_smart_processes(portal: Portal, warehouse: psycopg.Connection, build: Build) -> None:
    processes = warehouse.execute(
        "select entity_type_id from staging.stg_bitrix24__smart_processes"
    ).fetchall()
    assert processes
    until = build.loaded.replace(microsecond=0)
    for (process,) in processes:
        created = {"entityTypeId": process, "filter[<createdTime]": until.isoformat(timespec="seconds")}
        staged = _one(
            warehouse,
            "select count(*) from staging.stg_bitrix24__smart_process_items"
            " where entity_type_id = %s and created_at < %s",
            process,
            until,
        )
        assert staged == portal.total("crm.item.list", created), f"smart process {process}"


def test_product_rows_of_deals(portal: Portal, warehouse: psycopg.Connection) -> None:
    """Rows of the deals that have some; the portal counts them deal by deal, so take as many as fit a batch."""
    query = """
        select (payload ->> 'ownerId')::bigint, jsonb_array_length(payload -> 'productRows')
        from raw_bitrix24.deal_product_rows
        where jsonb_array_length(payload -> 'productRows') > 0
        order by md5(id) limit 50
    """
    sample = warehouse.execute(query).fetchall()
    assert len(sample) == 50
    filters = [{"filter[=ownerType]": "D", "filter[=ownerId]": str(deal)} for deal, _ in sample]
    in_portal = portal.totals("crm.item.productrow.list", filters)
    assert [(deal, rows) for deal, rows in sample] == [
        (deal, rows) for (deal, _), rows in zip(sample, in_portal, strict=True)
    ]
    staged = _one(
        warehouse, "select count(*) from staging.stg_bitrix24__deal_product_rows where row_position > 0"
    )
    raw = _one(
        warehouse,
        "select sum(jsonb_array_length(payload -> 'productRows')) from raw_bitrix24.deal_product_rows"
        " where _sdc_deleted_at is null",
    )
    assert staged == raw


def test_the_run_ledger_says_what_was_loaded(warehouse: psycopg.Connection) -> None:
    """The first run wrote one line a stream, with at least the rows that the portal counted, and ended well."""
    runs = warehouse.execute(
        "select payload ->> 'stream', payload ->> 'status', (payload ->> 'rows')::int,"
        " (payload ->> 'portal_total')::int from raw_bitrix24.extract_runs"
        " where payload ->> 'run_id' = (select min(payload ->> 'run_id') from raw_bitrix24.extract_runs)"
    ).fetchall()
    assert {name for name, *_ in runs} >= set(STREAMS) | {"pipelines", "deal_product_rows", "currencies"}
    assert {status for _, status, *_ in runs} == {"ok"}
    short = [(name, rows, total) for name, _, rows, total in runs if total is not None and rows < total]
    assert short == [], "streams that wrote fewer rows than the portal counted (stream, rows, portal's total)"
