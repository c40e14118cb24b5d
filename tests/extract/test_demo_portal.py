"""The tap against the demonstration portal: its limits, encodings, quirks, and a clock that can be moved."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
import requests
from singer_sdk.testing import SuiteConfig, get_tap_test_class
from tap_bitrix24.check import check
from tap_bitrix24.tap import TapBitrix24

from tests.conftest import free_port

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "demonstration-token"
EVENING, LATER = "2026-06-17T18:00:00+03:00", "2026-06-20T11:00:00+03:00"


class Demo:
    """A running demonstration portal and its control room."""

    def __init__(self, port: int) -> None:
        self.base = f"http://127.0.0.1:{port}"
        self.webhook = f"{self.base}/rest/1/{TOKEN}/"

    def control(self, what: str, **values: Any) -> dict[str, Any]:
        method = "POST" if values else "GET"
        headers = {"Authorization": f"Bearer {TOKEN}"}
        url = f"{self.base}/__demo/{what}"
        response = requests.request(method, url, json=values or None, headers=headers, timeout=60)
        response.raise_for_status()
        return response.json()

    def load(
        self, state: dict[str, Any] | None = None, **config: Any
    ) -> tuple[dict[str, list[dict]], dict[str, Any]]:
        """Records by stream and the last state of a run that must succeed."""
        out = io.StringIO()
        with redirect_stdout(out):
            TapBitrix24(config=self.config(**config), state=state).sync_all()
        records: dict[str, list[dict]] = {}
        last: dict[str, Any] = {}
        for message in map(json.loads, out.getvalue().splitlines()):
            if message["type"] == "RECORD":
                records.setdefault(message["stream"], []).append(message["record"])
            elif message["type"] == "STATE":
                last = message["value"]
        return records, last

    def config(self, **more: Any) -> dict[str, Any]:
        """Without waiting for the request counter: the portal is started without limits."""
        return {"webhook_url": self.webhook, "requests_per_second": 100, "burst": 1000, **more}


PORT = free_port()
"""Chosen here, since the SDK's test class below wants its settings when it is made."""


@pytest.fixture(scope="module", autouse=True)
def demo() -> Iterator[Demo]:
    command = [
        "serve",
        "--port",
        str(PORT),
        "--token",
        TOKEN,
        "--scale",
        "0.3",
        "--clock",
        EVENING,
        "--no-limits",
    ]
    server = subprocess.Popen(
        [sys.executable, "-m", "demo", *command, "--start", "2025-06-01"],
        cwd=ROOT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.DEVNULL,
    )
    portal = Demo(PORT)
    try:
        for _ in range(600):
            assert server.poll() is None, "the demonstration portal did not start"
            try:
                portal.control("clock")
                break
            except requests.ConnectionError:
                time.sleep(0.1)
        yield portal
    finally:
        server.terminate()
        server.wait(60)


@pytest.fixture(scope="module")
def evening(demo: Demo) -> tuple[dict[str, list[dict]], dict[str, Any], dict[str, int]]:
    """The first load: records, state, and the portal's own counts at that moment."""
    demo.control("clock", clock=EVENING)
    records, state = demo.load()
    return records, state, demo.control("truth")["streams"]


def test_first_load_has_the_portals_own_counts(evening) -> None:
    records, _, truth = evening
    counts = {stream: len(rows) for stream, rows in records.items()}
    truth = {**truth, "deal_product_rows": truth["deals"]}  # A set a deal, empty ones too.
    for stream, number in truth.items():
        if stream in counts:
            assert counts[stream] == number, stream
    assert set(truth) - {"deals_with_product_rows"} <= set(counts)
    assert counts["deals"] > 300 and counts["calls"] > 2000


def test_products_are_complete(evening) -> None:
    records, _, truth = evening
    assert (
        sum(len(r["payload"]["productRows"]) for r in records["deal_product_rows"])
        == truth["deal_product_rows"]
    )


def test_ids_are_unique_and_moments_given(evening) -> None:
    records, _, _ = evening
    for stream, rows in records.items():
        assert len({row["id"] for row in rows}) == len(rows), stream
    assert all(
        row["modified_at"] for stream in ("deals", "leads", "activities", "calls") for row in records[stream]
    )


def test_portal_knows_itself_as_a_demonstration(evening, demo: Demo) -> None:
    records, _, _ = evening
    payload = records["portal"][0]["payload"]
    assert payload["is_demonstration"] and payload["admin"] and payload["url"] == demo.base
    assert payload["server_time"].endswith("+03:00")
    fine, line = check({"BITRIX24_WEBHOOK_URL": demo.webhook, "VORONKA_TIMEZONE": "Europe/Moscow"})
    assert fine and "demonstration portal" in line


def test_ledger_agrees_with_the_portals_totals(evening) -> None:
    records, _, _ = evening
    ledger = {row["payload"]["stream"]: row["payload"] for row in records["extract_runs"]}
    assert {row["status"] for row in ledger.values()} == {"ok"}
    for stream in ("leads", "deals", "contacts", "companies", "activities", "calls", "deal_stage_history"):
        assert ledger[stream]["rows"] == ledger[stream]["portal_total"] == len(records[stream])


def test_increment_onto_first_load_equals_a_fresh_load(evening, demo: Demo) -> None:
    """Three days of changes later, nothing that a fresh load shows is missing from what was kept."""
    records, state, _ = evening
    demo.control("clock", clock=LATER)
    changed, _ = demo.load(state)
    fresh, _ = demo.load()
    assert 0 < len(changed["deals"]) < len(fresh["deals"]) / 2
    streams = ("leads", "deals", "contacts", "companies", "smart_invoices", "activities", "calls")
    histories = ("lead_stage_history", "deal_stage_history", "smart_invoice_stage_history")
    for stream in (*streams, *histories, "deal_product_rows"):
        kept = {row["id"]: _timeless(row["payload"]) for row in [*records[stream], *changed.get(stream, [])]}
        shown = {row["id"]: _timeless(row["payload"]) for row in fresh[stream]}
        assert shown.keys() <= kept.keys(), stream
        different = [key for key, payload in shown.items() if kept[key] != payload]
        assert different == [], stream


def test_sweep_has_the_ids_that_the_portal_has(demo: Demo) -> None:
    """Two sweeps, three days apart, in which cards were deleted: the newest buckets are what a fresh load shows."""
    swept = (
        "leads",
        "deals",
        "contacts",
        "companies",
        "quotes",
        "smart_invoices",
        "activities",
        "smart_process_items",
    )
    demo.control("clock", clock=EVENING)
    before, state = demo.load(streams=list(swept), sweep="always")
    demo.control("clock", clock=LATER)
    after, _ = demo.load(state, streams=list(swept), sweep="always")
    fresh, _ = demo.load(streams=list(swept), sweep="never")
    buckets = {row["id"]: row["payload"] for row in [*before["card_ids"], *after["card_ids"]]}
    assert len(after["card_ids"]) < len(before["card_ids"])
    present: dict[str, set[str]] = {stream: set() for stream in swept}
    for payload in buckets.values():
        kind = f"{payload['entity_type_id']}:" if payload["stream"] == "smart_process_items" else ""
        for first, last in payload["ids"]:
            present[payload["stream"]] |= {f"{kind}{number}" for number in range(first, last + 1)}
    assert present == {stream: {row["id"] for row in fresh[stream]} for stream in swept}
    ledger = [row["payload"] for row in after["extract_runs"] if row["payload"]["mode"] == "sweep"]
    assert {row["stream"]: row["rows"] for row in ledger} == {
        stream: len(ids) for stream, ids in present.items()
    }
    gone = {row["id"] for row in before["leads"]} - present["leads"]
    assert sum(row["vanished"] for row in ledger if row["stream"] == "leads") == len(gone)


def _timeless(payload: dict[str, Any]) -> dict[str, Any]:
    """Without what moves while a card's moment of change stands still, as the README says."""
    rows = [{**row, "priceAccount": None} for row in payload.get("productRows", ())]
    still = {k: v for k, v in payload.items() if not k.startswith(("lastActivity", "lastCommunication"))}
    return {**still, "productRows": rows}


TestStandard = get_tap_test_class(
    TapBitrix24,
    config={
        "webhook_url": f"http://127.0.0.1:{PORT}/rest/1/{TOKEN}/",
        "requests_per_second": 100,
        "burst": 1000,
    },
    # The ledger's rows are made by whole runs, not by a stream's own sync.
    suite_config=SuiteConfig(
        max_records_limit=20, ignore_no_records_for_streams=["card_ids", "extract_runs"]
    ),
)
