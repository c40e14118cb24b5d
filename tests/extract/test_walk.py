"""Large lists read in pieces by several threads: complete, resumable, in few requests, whatever the ids."""

from __future__ import annotations

import random
import threading
import time

import pytest
from tap_bitrix24 import webhook
from tap_bitrix24.batch import Listing
from tap_bitrix24.bucket import LeakyBucket
from tap_bitrix24.budget import Budgets
from tap_bitrix24.client import Client, Usage
from tap_bitrix24.errors import StreamRefused, Temporary
from tap_bitrix24.spans import EVERYTHING, Span, dump, parse, without
from tap_bitrix24.walk import Walk

from tests.extract.fake_portal import FakePortal
from tests.extract.test_batch import DEALS

BROKEN = {"error": "INTERNAL_SERVER_ERROR", "error_description": ""}


@pytest.fixture
def client(portal: FakePortal) -> Client:
    return Client(webhook.parse(portal.webhook), LeakyBucket(1000, 1000), tries=3)


def fill(portal: FakePortal, ids) -> list[int]:
    ids = sorted(ids)
    portal.tables["crm.item.list:2"] = [{"id": n, "updatedTime": "2026-05-01"} for n in ids]
    return ids


def reading(client: Client, left=EVERYTHING, usage: Usage | None = None, **more) -> Walk[list[int]]:
    def numbers(rows) -> list[int]:
        return [row["id"] for row in rows]

    return Walk(client, DEALS, numbers, window=[], left=left, usage=usage or Usage(), **more)


DENSE = range(1, 12_001)
SPARSE = random.Random(1).sample(range(1, 60_000), 12_000)
GAP = [*range(1, 6001), *range(200_000, 206_001)]
THICKENING = [n * n // 3000 + n for n in range(1, 9000)][::-1]
LATE = range(900_000, 908_000)


@pytest.mark.parametrize("small", [False, True])
@pytest.mark.parametrize(
    "ids", [DENSE, SPARSE, GAP, THICKENING, LATE], ids=["dense", "sparse", "gap", "thick", "late"]
)
def test_every_row_once_and_every_id_told(portal: FakePortal, client: Client, ids, small: bool) -> None:
    """`done` of each piece covers exactly its rows; together they cover all ids; what is left is a short list."""
    ids = fill(portal, ids)
    left, found, longest = list(EVERYTHING), [], 0
    for piece in reading(client, small=small):
        assert all(number > piece.done.after for number in piece.value)
        assert all(number <= (piece.done.upto or number) for number in piece.value)
        left = without(left, piece.done)
        found += piece.value
        longest = max(longest, len(left))
        missing = {n for n in ids if any(n > span.after and n <= (span.upto or n) for span in left)}
        assert missing.isdisjoint(found) and len(missing) + len(found) == len(ids)
    assert sorted(found) == ids
    assert left == []
    assert longest <= 64


@pytest.mark.parametrize("count", [0, 1, 49, 50, 51, 100, 2499, 2500, 2501, 5050])
def test_page_borders(portal: FakePortal, client: Client, count: int) -> None:
    ids = fill(portal, range(1, count + 1))
    assert sorted(n for piece in reading(client) for n in piece.value) == ids


def test_requests_are_full_and_garbage_is_rare(portal: FakePortal, client: Client) -> None:
    fill(portal, random.Random(2).sample(range(1, 22_000), 20_000))
    usage = Usage()
    assert sum(piece.rows for piece in reading(client, usage=usage)) == 20_000
    assert usage.requests <= 11  # 401 pages are nine full requests; one opens.
    assert usage.commands <= 401 * 1.05


def test_first_request_of_a_window_asks_nothing_ahead(portal: FakePortal, client: Client) -> None:
    fill(portal, range(1, 20))
    list(reading(client, small=True))
    assert [len(batch) for batch in portal.batches] == [1]


def test_method_without_upper_bounds_or_descending_order_is_read_too(
    portal: FakePortal, client: Client
) -> None:
    ids = fill(portal, range(1, 7001))
    honest = portal.answer

    def simple(method, query):
        known = [(k, "ASC" if v == "DESC" else v) for k, v in query if "<=" not in k]
        return honest(method, known)

    portal.answer = simple
    assert sorted(n for piece in reading(client) for n in piece.value) == ids
    portal.answer = lambda method, query: honest(method, [(k, v) for k, v in query if "<=" not in k])
    assert sorted(n for piece in reading(client) for n in piece.value) == ids


def test_list_that_ignores_descending_order_is_one_full_chain(portal: FakePortal, client: Client) -> None:
    """What it tells as its greatest ids are the smallest: believed, each request would be a single page."""
    ids = fill(portal, range(1, 20_001))
    honest = portal.answer
    portal.answer = lambda m, query: honest(m, [(k, "ASC" if v == "DESC" else v) for k, v in query])
    usage = Usage()
    assert sorted(n for piece in reading(client, usage=usage) for n in piece.value) == ids
    assert usage.requests <= 15


def test_what_an_interrupted_walk_left_is_read_and_no_more(portal: FakePortal, client: Client) -> None:
    fill(portal, range(1, 20_001))
    left = [Span(100, 4000), Span(9000, 9010), Span(15_000, None)]
    found = sorted(n for piece in reading(client, left=left) for n in piece.value)
    assert found == [*range(101, 4001), *range(9001, 9011), *range(15_001, 20_001)]


def test_rows_that_come_and_go_meanwhile_lose_nobody(portal: FakePortal, client: Client) -> None:
    ids = fill(portal, range(1, 20_001))

    def meanwhile(number: int) -> None:
        table = portal.tables["crm.item.list:2"]
        if number == 2:
            portal.tables["crm.item.list:2"] = table[500:] + [
                {"id": n, "updatedTime": ""} for n in range(20_001, 20_300)
            ]

    portal.after_batch = meanwhile
    found = [n for piece in reading(client) for n in piece.value]
    assert len(found) == len(set(found))
    assert set(ids[500:]) <= set(found) <= set(range(1, 20_300))


def test_broken_commands_are_asked_again(portal: FakePortal, client: Client, naps: list[float]) -> None:
    ids = fill(portal, range(1, 20_001))
    portal.errors["crm.item.list:2"] = [None, *([None] * 60 + [BROKEN]) * 5, None]
    assert sorted(n for piece in reading(client) for n in piece.value) == ids


@pytest.mark.parametrize(
    ("error", "kind"), [(BROKEN, Temporary), ({"error": "insufficient_scope"}, StreamRefused)]
)
def test_lasting_failure_keeps_what_came(
    portal: FakePortal, client: Client, naps: list[float], error: dict, kind: type
) -> None:
    fill(portal, range(1, 20_001))
    portal.errors["crm.item.list:2"] = [*[None] * 150, error]
    found: list[int] = []
    with pytest.raises(kind):
        for piece in reading(client):
            found += piece.value
    assert 50 < len(found) == len(set(found)) < 20_000


def test_walk_that_is_left_early_gives_its_seats_back(portal: FakePortal, client: Client) -> None:
    fill(portal, range(1, 20_001))
    pieces = iter(reading(client))
    for _ in range(3):
        next(pieces)
    pieces.close()
    crew = client.crew
    with crew.changed:
        assert crew.changed.wait_for(lambda: crew.at_work == 0 and crew.free == 8, timeout=10)


def test_slow_reader_bounds_what_is_fetched(portal: FakePortal, client: Client) -> None:
    """While nobody takes the pieces, no more requests are made than there are seats."""
    fill(portal, range(1, 60_001))
    pieces = iter(reading(client))
    next(pieces), next(pieces)
    with client.crew.changed:
        client.crew.changed.wait_for(lambda: client.crew.at_work == 0, timeout=10)
    assert len(portal.batches) <= 2 + 8
    assert sum(piece.rows for piece in pieces) > 50_000


def test_method_out_of_time_lets_others_go_on(portal: FakePortal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deals are closed until history, another method, is read; then deals go on where they were."""
    history_read, naps = threading.Event(), []

    def sleep(seconds: float) -> None:
        if seconds > 1:
            assert history_read.wait(20)
            naps.append(seconds)

    monkeypatch.setattr(time, "sleep", sleep)
    budgets = Budgets(clock=lambda: time.time() + sum(naps))
    client = Client(
        webhook.parse(portal.webhook), LeakyBucket(1000, 1000), tries=3, parallel=2, budgets=budgets
    )
    ids = fill(portal, range(1, 12_001))
    portal.tables["crm.stagehistory.list"] = [{"ID": n} for n in range(1, 9001)]
    limit = {"error": "OPERATION_TIME_LIMIT", "error_description": "blocked"}
    portal.errors["crm.item.list:2"] = [*[None] * 80, *[limit] * 2, None]
    found: list[int] = []
    client.crew.start(lambda: found.extend(n for piece in reading(client) for n in piece.value), "deals")
    history = Listing("crm.stagehistory.list", "ID", "items", order=[("order[ID]", "ASC")])
    assert sum(piece.rows for piece in Walk(client, history, len, window=[], usage=Usage())) == 9000
    history_read.set()
    with client.crew.changed:
        assert client.crew.changed.wait_for(
            lambda: client.crew.at_work == 0 and len(found) == 12_000, timeout=20
        )
    assert sorted(found) == ids
    assert naps
    assert portal.calls["crm.item.list"] < 300  # A closed method is not asked by all threads again and again.


def test_spans_that_are_done_leave_the_rest() -> None:
    everything = list(EVERYTHING)
    assert without(everything, Span(0, 10)) == [Span(10, None)]
    assert without([Span(10, None)], Span(30, 40)) == [Span(10, 30), Span(40, None)]
    assert without([Span(10, 30), Span(40, None)], Span(20, None)) == [Span(10, 20)]
    assert without([Span(10, 20)], Span(0, 15)) == [Span(15, 20)]
    assert without([Span(10, 20)], Span(30, 40)) == [Span(10, 20)]
    assert parse(dump([Span(1, 2), Span(5, None)])) == [Span(1, 2), Span(5, None)]
    assert parse([[5, 5]]) == [] and parse("x") is None and parse([[None, 1]]) is None


@pytest.mark.parametrize("seed", range(5))
def test_spans_against_sets(seed: int) -> None:
    dice = random.Random(seed)
    left, truth = [Span(0, 60)], set(range(1, 61))
    for _ in range(12):
        after = dice.randrange(60)
        done = Span(after, after + dice.randrange(1, 20))
        left = without(left, done)
        truth -= set(range(done.after + 1, (done.upto or 0) + 1))
        assert {n for span in left for n in range(span.after + 1, (span.upto or 0) + 1)} == truth
