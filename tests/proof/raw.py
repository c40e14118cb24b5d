"""A portal as the loader would have left it in raw_bitrix24: rows in the API's own shapes, written by COPY."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg

# Read by source(): a warehouse without one of these is none. All else may be missing.
CORE = (
    "leads", "deals", "contacts", "companies", "lead_stage_history", "deal_stage_history", "activities", "calls",
    "deal_product_rows", "pipelines", "statuses", "users", "departments", "currencies", "portal", "extract_runs",
)  # fmt: skip
OPTIONAL = (
    "quotes", "smart_invoices", "smart_processes", "smart_process_items", "smart_invoice_stage_history",
    "smart_process_stage_history", "activity_bindings", "orders", "payments", "order_owners", "products", "fields",
    "card_ids",
)  # fmt: skip
# Streams read whole: rows that vanished are marked.
UTC = dt.timezone.utc
Payload = dict[str, Any]


@dataclass(frozen=True)
class Row:
    id: str
    modified_at: str | None
    payload: Payload
    deleted_at: dt.datetime | None = None


@dataclass
class RawPortal:
    """The rows of each stream. `zone_offset` aside, moments are given as the API writes them: text with an offset."""

    timezone: str = "Europe/Moscow"
    crm_mode: int = 1
    base_currency: str = "RUB"
    url: str = "https://b24-strange.bitrix24.kz"
    streams: dict[str, list[Row]] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    """Streams whose tables were never made."""

    def __post_init__(self) -> None:
        for stream in (*CORE, *OPTIONAL):
            self.streams.setdefault(stream, [])

    def add(
        self,
        stream: str,
        id: object,
        payload: Payload,
        modified_at: str | None = None,
        deleted_at: dt.datetime | None = None,
    ) -> None:
        self.streams[stream].append(Row(str(id), modified_at, payload, deleted_at))

    # Dictionaries

    def user(self, id: int, name: str = "Иван", last_name: str = "Иванов", **more: Any) -> None:
        payload = {
            "ID": str(id), "ACTIVE": True, "NAME": name, "LAST_NAME": last_name, "EMAIL": f"person{id}@example.com",
            "DATE_REGISTER": "2020-07-15T00:00:00+00:00", "WORK_POSITION": "", "UF_DEPARTMENT": [1],
            "USER_TYPE": "employee",
        }  # fmt: skip
        self.add("users", id, {**payload, **more})

    def department(self, id: int, name: str, parent: int | None = None, head: int | None = None) -> None:
        payload: Payload = {"ID": str(id), "NAME": name, "SORT": 500}
        if parent:
            payload["PARENT"] = str(parent)
        if head:
            payload["UF_HEAD"] = str(head)
        self.add("departments", id, payload)

    def status(
        self,
        dictionary: str,
        status: str,
        name: str,
        sort: int = 10,
        semantic: str | None = None,
        **more: Any,
    ) -> None:
        deleted_at = more.pop("deleted_at", None)
        words = {"S": "success", "F": "failure", None: "process"}
        payload = {
            "ID": str(len(self.streams["statuses"]) + 1), "ENTITY_ID": dictionary, "STATUS_ID": status, "NAME": name,
            "SORT": str(sort), "SYSTEM": "N", "SEMANTICS": semantic,
            "EXTRA": {"SEMANTICS": words.get(semantic, semantic), "COLOR": "#00FFFF"},
        }  # fmt: skip
        self.add("statuses", payload["ID"], {**payload, **more}, deleted_at=deleted_at)

    def pipeline(self, id: int, name: str, entity: int = 2, default: bool = False) -> None:
        payload = {
            "id": id, "name": name, "sort": 200 + id, "entityTypeId": entity, "isDefault": "Y" if default else "N"
        }  # fmt: skip
        self.add("pipelines", f"{entity}:{id}", payload)

    def currency(self, code: str, amount: str, count: str = "1", day: str = "2026-01-01") -> None:
        payload = {
            "CURRENCY": code, "AMOUNT_CNT": count, "AMOUNT": amount, "BASE": "Y" if code == self.base_currency else "N",
            "FULL_NAME": code,
        }  # fmt: skip
        self.add("currencies", code, payload, modified_at=day)

    # Cards; `more` overrides whatever a test is about

    def item(self, stream: str, entity: int, id: int, created: str, **more: Any) -> None:
        payload = {
            "id": id, "createdTime": created, "updatedTime": created, "assignedById": 1, "opened": "Y",
            "companyId": 0, "contactId": 0, "title": f"Карточка {id}", "entityTypeId": entity, "sourceId": None,
            "utmSource": None, "utmMedium": None, "utmCampaign": None,
        }  # fmt: skip
        payload.update(more)
        self.add(stream, id, payload, modified_at=payload["updatedTime"])

    def lead(self, id: int, created: str, **more: Any) -> None:
        base = {
            "stageId": "NEW", "stageSemanticId": "P", "opportunity": 0, "currencyId": self.base_currency,
            "movedTime": created, "dateClosed": None, "contactIds": [], "webformId": 0, "phone": "",
        }  # fmt: skip
        self.item("leads", 1, id, created, **{**base, **more})

    def deal(self, id: int, created: str, **more: Any) -> None:
        base = {
            "stageId": "NEW", "stageSemanticId": "P", "categoryId": 0, "opportunity": 0,
            "currencyId": self.base_currency, "movedTime": created, "leadId": None, "isRecurring": "N",
            "begindate": created, "closedate": None, "contactIds": [], "typeId": "SALE", "probability": None,
        }  # fmt: skip
        self.item("deals", 2, id, created, **{**base, **more})

    def contact(self, id: int, created: str, **more: Any) -> None:
        base = {"name": "Пётр", "lastName": f"Клиентов {id}", "secondName": None, "phone": "", "leadId": None}
        self.item("contacts", 3, id, created, **{**base, **more})

    def company(self, id: int, created: str, **more: Any) -> None:
        base = {"title": f"ООО «Клиент {id}»", "isMyCompany": "N", "phone": "", "leadId": None}
        self.item("companies", 4, id, created, **{**base, **more})

    def invoice(self, id: int, created: str, **more: Any) -> None:
        base = {
            "stageId": "DT31_1:N", "stageSemanticId": "P", "categoryId": 1, "opportunity": 0, "accountNumber": str(id),
            "currencyId": self.base_currency, "movedTime": created, "parentId2": None, "begindate": created,
            "closedate": None,
        }  # fmt: skip
        self.item("smart_invoices", 31, id, created, **{**base, **more})

    def moved(
        self, entity: int, owner: int, stage: str, semantic: str | None, at: str, pipeline: int = 0
    ) -> None:
        """An entry of the stage history."""
        stream = {1: "lead_stage_history", 2: "deal_stage_history", 31: "smart_invoice_stage_history"}[entity]
        id = len(self.streams[stream]) + 1
        payload: Payload = {"ID": id, "TYPE_ID": 2, "OWNER_ID": owner, "CREATED_TIME": at}
        if entity == 1:
            payload.update(STATUS_ID=stage, STATUS_SEMANTIC_ID=semantic)
        else:
            payload.update(STAGE_ID=stage, STAGE_SEMANTIC_ID=semantic, CATEGORY_ID=pipeline)
        self.add(stream, id, payload, modified_at=at)

    def activity(self, id: int, created: str, **more: Any) -> None:
        payload = {
            "ID": str(id), "OWNER_ID": "0", "OWNER_TYPE_ID": "2", "TYPE_ID": "6", "PROVIDER_ID": "CRM_TODO",
            "SUBJECT": f"Дело {id}", "CREATED": created, "LAST_UPDATED": created, "START_TIME": created,
            "END_TIME": created, "DEADLINE": "9999-12-31T00:00:00+03:00", "COMPLETED": "N", "RESPONSIBLE_ID": "1",
            "DIRECTION": "0", "ORIGIN_ID": None,
        }  # fmt: skip
        payload.update(more)
        self.add("activities", id, payload, modified_at=payload["LAST_UPDATED"])

    def binding(self, activity: int, modified: str, *cards: tuple[int, int]) -> None:
        bindings = [{"entityTypeId": entity, "entityId": id} for entity, id in cards]
        self.add(
            "activity_bindings",
            activity,
            {"activityId": activity, "bindings": bindings},
            modified_at=modified,
        )

    def call(
        self, id: int, started: str, kind: int, phone: str, code: str, seconds: int, **more: Any
    ) -> None:
        payload = {
            "ID": str(id), "PORTAL_USER_ID": "1", "PHONE_NUMBER": phone, "CALL_ID": f"code.{id}",
            "CALL_CATEGORY": "external", "CALL_DURATION": str(seconds), "CALL_START_DATE": started,
            "CALL_FAILED_CODE": code, "CALL_TYPE": str(kind), "CRM_ENTITY_TYPE": None, "CRM_ENTITY_ID": None,
            "CRM_ACTIVITY_ID": None, "SESSION_ID": None,
        }  # fmt: skip
        self.add("calls", id, {**payload, **more}, modified_at=started)

    def products(self, deal: int, modified: str, *rows: tuple[str, float | str, float]) -> None:
        """What a row costs is its price, tax and discount in it: the parts of it are not to be counted again."""
        listed = [
            {
                "id": deal * 10 + number, "productId": 0, "productName": name, "price": price, "quantity": quantity,
                "priceExclusive": 0, "priceNetto": 5000, "priceBrutto": 6000, "discountTypeId": 2, "discountRate": 50,
                "discountSum": 3000, "taxRate": 20, "taxIncluded": "N", "type": 1,
            }
            for number, (name, price, quantity) in enumerate(rows)
        ]  # fmt: skip
        payload = {"ownerId": deal, "ownerType": "D", "productRows": listed}
        self.add("deal_product_rows", deal, payload, modified_at=modified)

    def order(self, id: int, modified: str, deals: list[int], *payments: Payload) -> None:
        """An order of some deals with its payments: `sum`, `datePaid` and what else a test is about."""
        self.add(
            "orders", id, {"id": id, "dateInsert": modified, "dateUpdate": modified}, modified_at=modified
        )
        for deal in deals:
            owner = {"orderId": id, "ownerTypeId": 2, "ownerId": deal}
            self.add("order_owners", f"2:{deal}:{id}", owner)
        listed = [
            {
                "id": id * 10 + number, "orderId": id, "accountNumber": f"{id}/{number}", "paid": "Y",
                "isReturn": "N", "currency": self.base_currency, "dateBill": modified, **payment,
            }
            for number, payment in enumerate(payments)
        ]  # fmt: skip
        self.add("payments", id, {"orderId": id, "payments": listed}, modified_at=modified)

    def sweep(self, stream: str, entity: int | None, at: str, present: set[int]) -> None:
        """A sweep of the first bucket, which looked and found the cards `present`."""
        payload = {
            "stream": stream, "entity_type_id": entity, "bucket": 0, "first": 0, "last": 9999,
            "ids": [[number, number] for number in sorted(present)],
        }  # fmt: skip
        self.add("card_ids", f"{stream}:0", payload, modified_at=at)
        self.run(f"sweep:{stream}", stream, at, mode="sweep")

    def run(self, key: str, stream: str, at: str, mode: str = "full") -> None:
        payload = {
            "run_id": at, "stream": stream, "mode": mode, "window_from": at, "rows": 0, "started_at": at,
            "finished_at": at, "status": "ok", "error": None, "seconds": 1, "operating": 0,
        }  # fmt: skip
        self.add("extract_runs", f"{at}:{key}", payload)

    def complete(self, now: dt.datetime) -> None:
        """Add what every portal has: itself, and the ledger of the run that loaded it."""
        at = now.astimezone(UTC).isoformat(timespec="seconds")
        host = self.url.split("//")[1]
        payload = {
            "url": self.url, "server_time": at, "admin": True, "scopes": ["crm"], "crm_mode": self.crm_mode,
            "is_demonstration": False,
        }  # fmt: skip
        self.add("portal", host, payload)
        for stream in (*CORE, *OPTIONAL):
            if stream not in ("extract_runs", "portal", "card_ids", *self.missing):
                self.run(stream, stream, at)

    def until(self, moment: dt.datetime) -> RawPortal:
        """The portal as a load before `moment` would have found it: dictionaries are those of now."""
        versioned = {
            "leads", "deals", "contacts", "companies", "quotes", "smart_invoices", "activities", "calls", "card_ids",
            "lead_stage_history", "deal_stage_history", "smart_invoice_stage_history", "deal_product_rows",
            "activity_bindings",
        }  # fmt: skip
        earlier = {
            stream: [
                row
                for row in rows
                if stream not in versioned or dt.datetime.fromisoformat(row.modified_at or "") < moment
            ]
            for stream, rows in self.streams.items()
        }
        return replace(self, streams=earlier)

    def without(self, loaded: RawPortal) -> RawPortal:
        """What the next load has to add to what is `loaded`."""
        known = {(stream, row.id, row.modified_at) for stream, rows in loaded.streams.items() for row in rows}
        fresh = {
            stream: [row for row in rows if (stream, row.id, row.modified_at) not in known]
            for stream, rows in self.streams.items()
        }
        return replace(self, streams=fresh)

    def write(self, connection: psycopg.Connection, received: dt.datetime) -> None:
        """Make the raw tables as the loader makes them and fill them."""
        connection.execute("drop schema if exists raw_bitrix24 cascade")
        connection.execute("create schema raw_bitrix24")
        for stream in self.streams:
            if stream not in self.missing:
                connection.execute(
                    f"create table raw_bitrix24.{stream} (id text, modified_at text, payload jsonb,"
                    " _sdc_received_at timestamp, _sdc_batched_at timestamp, _sdc_deleted_at timestamp,"
                    " _sdc_extracted_at timestamp, _sdc_sequence bigint, _sdc_table_version bigint)"
                )
        self.add_to(connection, received)

    def add_to(self, connection: psycopg.Connection, received: dt.datetime) -> None:
        """Add the rows to the tables that are there."""
        at = received.astimezone(UTC).replace(tzinfo=None)
        for stream, rows in self.streams.items():
            if stream in self.missing:
                continue
            columns = "id, modified_at, payload, _sdc_received_at, _sdc_batched_at, _sdc_deleted_at"
            with (
                connection.cursor() as cursor,
                cursor.copy(f"copy raw_bitrix24.{stream} ({columns}) from stdin") as copy,
            ):
                for row in rows:
                    deleted = row.deleted_at.astimezone(UTC).replace(tzinfo=None) if row.deleted_at else None
                    text = json.dumps(row.payload, ensure_ascii=False)
                    copy.write_row((row.id, row.modified_at, text, at, at, deleted))
