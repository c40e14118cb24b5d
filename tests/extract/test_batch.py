"""Reading lists in batches: complete, ordered, in few requests, whatever portals do meanwhile."""

from __future__ import annotations

import time
from http.server import BaseHTTPRequestHandler

import pytest
from tap_bitrix24 import webhook
from tap_bitrix24.batch import Listing, Total, by_owner, keyset, whole
from tap_bitrix24.bucket import LeakyBucket
from tap_bitrix24.budget import Budgets
from tap_bitrix24.client import Client, Usage
from tap_bitrix24.errors import NotBitrix, OperatingLimit, PortalRefused, StreamRefused, Temporary
from tap_bitrix24.portal import ask

from tests.extract.conftest import card
from tests.extract.fake_portal import CODE, FakePortal, refuse, reply, serving

DEALS = Listing(
    "crm.item.list",
    "id",
    "items",
    order=[("order[id]", "ASC")],
    params=[("entityTypeId", "2"), ("select[0]", "*")],
)
USERS = Listing("user.get", "ID", filter="FILTER", order=[("sort", "ID"), ("order", "ASC")])
DEPARTMENTS = Listing("department.get", "ID", start="START")


@pytest.fixture
def client(portal: FakePortal) -> Client:
    return Client(webhook.parse(portal.webhook), LeakyBucket(1000, 1000), tries=4, answer_seconds=5)


def patient(portal: FakePortal, naps: list[float]) -> Client:
    """A client for whom time passes while it sleeps."""
    budgets = Budgets(clock=lambda: time.time() + sum(naps))
    return Client(webhook.parse(portal.webhook), LeakyBucket(1000, 1000), budgets=budgets, tries=4)


def walk(client: Client, listing: Listing = DEALS, usage: Usage | None = None, **more) -> list[int]:
    pages = keyset(client, listing, window=more.pop("window", []), usage=usage or Usage(), **more)
    return [int(row[listing.id]) for rows in pages for row in rows]


# --- keyset chains ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 49, 50, 51, 100, 450, 451, 2949, 2950, 2951, 6000])
def test_every_row_once_in_order_whatever_the_page_borders(
    portal: FakePortal, client: Client, count: int
) -> None:
    """Behind each short page the portal returns garbage, the start of the table; none may come through."""
    portal.tables["crm.item.list:2"] = [card(3 * n + 1) for n in range(count)]
    assert walk(client) == [3 * n + 1 for n in range(count)]


def test_garbage_is_really_sent(portal: FakePortal, client: Client) -> None:
    """Guards the test above: without discarding, rows would come again."""
    portal.tables["crm.item.list:2"] = [card(n) for n in range(1, 121)]
    first, second = DEALS.page_after("100", []), DEALS.page_after(DEALS.reference("c0"), [])
    answer = client.batch({"c0": first, "c1": second})
    assert len(answer.result["c0"]["items"]) == 20
    assert len(answer.result["c1"]["items"]) == 50


def test_ramp_keeps_requests_few_and_small_streams_cheap(portal: FakePortal, client: Client) -> None:
    portal.tables["crm.item.list:2"] = [card(n) for n in range(1, 20_001)]
    usage = Usage()
    walk(client, usage=usage)
    assert usage.requests == 10  # 1 + 8 + 8 × 50 pages hold 20 450 rows.
    assert [len(batch) for batch in portal.batches[:3]] == [1, 8, 50]
    assert all(not name.isdigit() for batch in portal.batches for name in batch)
    portal.tables["crm.item.list:2"] = [card(n) for n in range(1, 11)]
    usage = Usage()
    walk(client, usage=usage)
    assert (usage.requests, usage.commands) == (1, 1)


def test_known_count_spares_ramp_and_garbage(portal: FakePortal, client: Client) -> None:
    portal.tables["crm.item.list:2"] = [card(n) for n in range(1, 1026)]
    usage = Usage()
    assert walk(client, usage=usage, total=Total(1025)) == list(range(1, 1026))
    assert (usage.requests, usage.commands) == (1, 21)


def test_wrong_count_only_costs_speed(portal: FakePortal, client: Client) -> None:
    portal.tables["crm.item.list:2"] = [card(n) for n in range(1, 1026)]
    for lie in (0, 60, 1000, 99_999):
        assert walk(client, total=Total(lie)) == list(range(1, 1026))


def test_window_and_resumption(portal: FakePortal, client: Client) -> None:
    portal.tables["crm.item.list:2"] = [
        card(n, f"2026-05-{1 + n % 20:02}T00:00:00+03:00") for n in range(1, 1001)
    ]
    found = walk(client, window=[("filter[>=updatedTime]", "2026-05-11T00:00:00+03:00")])
    assert len(found) == 500
    assert walk(client, after="990") == list(range(991, 1001))


def test_upper_case_spelling_of_user_get(portal: FakePortal, client: Client) -> None:
    portal.tables["user.get"] = [{"ID": str(n)} for n in range(1, 131)]
    assert walk(client, USERS) == list(range(1, 131))
    assert "FILTER%5B%3EID%5D=0" in portal.batches[0]["c0"]


def test_rows_deleted_and_changed_during_the_walk_lose_nobody_else(
    portal: FakePortal, client: Client
) -> None:
    portal.tables["crm.item.list:2"] = [card(n) for n in range(1, 1001)]

    def meanwhile(number: int) -> None:
        if number == 1:
            del portal.tables["crm.item.list:2"][:40]

    portal.after_batch = meanwhile
    assert walk(client) == list(range(1, 1001))


def test_method_that_ignores_the_keyset_is_refused(portal: FakePortal, client: Client) -> None:
    portal.tables["crm.item.list:2"] = [card(n) for n in range(1, 200)]
    wrong = Listing("crm.item.list", "id", "items", filter="fitler", params=[("entityTypeId", "2")])
    with pytest.raises(StreamRefused, match="ignores the filter"):
        walk(client, wrong)
    nowhere = Listing("crm.item.list", "id", "rows", params=[("entityTypeId", "2")])
    portal.answer = lambda method, query: ({"rows": "none"}, None)  # type: ignore[method-assign]
    with pytest.raises(StreamRefused, match="rows are not where"):
        walk(client, nowhere)


# --- failures -----------------------------------------------------------------------------------------------


def test_error_of_a_command_keeps_the_pages_before_it(
    portal: FakePortal, client: Client, naps: list[float]
) -> None:
    portal.tables["crm.item.list:2"] = [card(n) for n in range(1, 1001)]
    broken = {"error": "INTERNAL_SERVER_ERROR", "error_description": ""}
    portal.errors["crm.item.list:2"] = [None, None, None, broken, broken, None]
    assert walk(client) == list(range(1, 1001))


def test_error_behind_the_short_page_is_part_of_the_garbage(portal: FakePortal, client: Client) -> None:
    portal.tables["crm.item.list:2"] = [card(n) for n in range(1, 131)]
    portal.errors["crm.item.list:2"] = [None, None, None, {"error": "ACCESS_DENIED", "error_description": ""}]
    assert walk(client) == list(range(1, 131))
    assert len(portal.batches) == 2


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (503, "OVERLOAD_LIMIT"),
        (500, "PORTAL_DELETED"),
        (403, "ACCESS_DENIED"),
        (403, "INVALID_CREDENTIALS"),
        (403, "user_access_error"),
        (400, "INVALID_REQUEST"),
        (401, "authorization_error"),
        (401, "PAYMENT_REQUIRED"),
        (401, "METHOD_CONFIRM_WAITING"),
    ],
)
def test_refusal_of_the_portal_is_final(portal: FakePortal, client: Client, status: int, code: str) -> None:
    portal.faults.append(refuse(status, code, times=99))
    for _ in range(2):
        with pytest.raises(PortalRefused, match=code.upper()):
            walk(client)
    assert len(portal.batches) == 1


@pytest.mark.parametrize("code", ["", 0, 100, 200040300010])
def test_odd_codes_of_a_command_refuse_the_stream(portal: FakePortal, client: Client, code: object) -> None:
    portal.errors["crm.item.list:2"] = [{"error": code, "error_description": "Access denied."}]
    with pytest.raises(StreamRefused, match="Access denied"):
        walk(client)
    assert client.refused is None


def test_fatal_error_of_a_command_stops_the_stream(portal: FakePortal, client: Client) -> None:
    portal.errors["crm.item.list:2"] = [{"error": "insufficient_scope", "error_description": ""}]
    with pytest.raises(StreamRefused, match="the webhook lacks the scope"):
        walk(client)
    assert portal.calls["crm.item.list"] == 1
    portal.errors = {}
    assert walk(client) == []  # The portal itself did not refuse.


@pytest.mark.parametrize(
    "fault",
    [
        refuse(503, "QUERY_LIMIT_EXCEEDED", times=2),
        refuse(500, "INTERNAL_SERVER_ERROR", times=2),
        refuse(503, "<html>Service Temporarily Unavailable</html>", times=2),
        refuse(200, "<html>login</html>", times=2),
        refuse(502, 0, times=2),
    ],
)
def test_passing_failures_are_tried_again(
    portal: FakePortal, client: Client, naps: list[float], fault
) -> None:
    portal.tables["crm.item.list:2"] = [card(n) for n in range(1, 101)]
    portal.faults.append(fault)
    usage = Usage()
    assert walk(client, usage=usage) == list(range(1, 101))
    assert len([nap for nap in naps if nap]) >= 2
    assert usage.requests == 4


def test_lasting_failure_ends_after_the_tries(portal: FakePortal, client: Client, naps: list[float]) -> None:
    portal.faults.append(refuse(503, "<html>busy</html>", times=99))
    with pytest.raises(Temporary, match="a page instead of JSON"):
        walk(client)
    assert len(portal.batches) == 4


def test_full_counter_slows_our_own(portal: FakePortal, naps: list[float]) -> None:
    client = Client(webhook.parse(portal.webhook), LeakyBucket(2, 50, 0, sleep=naps.append), tries=4)
    portal.faults.append(refuse(503, "QUERY_LIMIT_EXCEEDED"))
    walk(client)
    assert 0.3 < naps[-1] <= 0.5  # The bucket's wait: it now knows that the counter is full.


def test_operating_limit_is_waited_for_until_the_portal_says(portal: FakePortal, naps: list[float]) -> None:
    """The portal's clock is an hour ahead of ours; only the difference to its own reset moment counts."""
    client = patient(portal, naps)
    portal.tables["crm.item.list:2"] = [card(n) for n in range(1, 61)]
    honest = portal.batch

    def later(body):
        answer = honest(body)
        ahead = time.time() + sum(naps) + 3600
        answer["time"] |= {"finish": ahead, "operating_reset_at": int(ahead) + 590}
        used = {"operating": 430.5, "operating_reset_at": int(ahead) + 240}
        answer["result"]["result_time"] = dict.fromkeys(answer["result"]["result"] or (), used)
        return answer

    portal.batch = later  # type: ignore[method-assign]
    limit = {
        "error": "OPERATION_TIME_LIMIT",
        "error_description": "Method is blocked due to operation time limit.",
    }
    portal.errors["crm.item.list:2"] = [None, limit, None]
    usage = Usage()
    assert walk(client, usage=usage) == list(range(1, 61))
    assert usage.operating == 430.5
    assert any(235 <= nap <= 242 for nap in naps), naps


def test_operating_limit_of_the_whole_request(portal: FakePortal, naps: list[float]) -> None:
    portal.faults.append(refuse(429, "OPERATION_TIME_LIMIT"))
    assert walk(patient(portal, naps)) == []
    assert any(59 < nap < 62 for nap in naps), naps
    assert len(portal.batches) == 2


def test_operating_limit_has_an_end(portal: FakePortal, naps: list[float], monkeypatch) -> None:
    """An hour of it is a failure: nothing resets for so long."""
    import datetime

    import backoff._sync

    class Hurry(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return super().now(tz) + datetime.timedelta(seconds=sum(naps))

    monkeypatch.setattr(backoff._sync.datetime, "datetime", Hurry)
    portal.faults.append(refuse(429, "OPERATION_TIME_LIMIT", times=999))
    with pytest.raises(OperatingLimit):
        walk(patient(portal, naps))
    assert 3000 < sum(naps) < 3700


def test_slow_portal_gets_shorter_batches(portal: FakePortal, naps: list[float], monkeypatch) -> None:
    client = Client(webhook.parse(portal.webhook), LeakyBucket(1000, 1000), tries=6, answer_seconds=0.3)
    portal.tables["crm.item.list:2"] = [card(n) for n in range(1, 3001)]
    import threading

    pause = threading.Event()

    def slow(handler: BaseHTTPRequestHandler, commands: dict[str, str]) -> bool:
        if len(commands) > 12:
            pause.wait(0.6)
        return False

    portal.faults.append(slow)
    assert walk(client) == list(range(1, 3001))
    sizes = [len(batch) for batch in portal.batches]
    assert sizes[:4] == [1, 8, 50, 12]


# --- redirects and strangers --------------------------------------------------------------------------------


def test_renamed_portal_is_followed_with_the_whole_request(portal: FakePortal, client: Client) -> None:
    portal.tables["crm.item.list:2"] = [card(n) for n in range(1, 61)]
    with serving(FakePortal()) as old:
        moved = f"http://{portal.address}/rest/1/{CODE}/batch"
        old.faults.append(lambda handler, commands: reply(handler, 302, {}, {"Location": moved}) or True)
        client = Client(webhook.parse(old.webhook), LeakyBucket(1000, 1000))
        assert walk(client) == list(range(1, 61))
        assert len(old.batches) == 1  # From then on the new address is asked.


def test_renamed_portal_is_known_by_its_old_name(portal: FakePortal) -> None:
    """Until the settings follow: another name would be another portal, whose rows must not be mixed in."""
    with serving(FakePortal()) as old:
        moved = f"http://{portal.address}/rest/1/{CODE}/batch"
        old.faults.append(lambda handler, commands: reply(handler, 302, {}, {"Location": moved}) or True)
        found = ask(Client(webhook.parse(old.webhook), LeakyBucket(1000, 1000)), Usage())
        assert found.host == old.address
        assert found.payload()["url"] == f"http://{portal.address}"


@pytest.mark.parametrize(
    "location", ["http://elsewhere.example/rest/1/x/batch", "/auth/", "https://elsewhere.example/login", ""]
)
def test_redirects_away_from_rest_are_not_followed(portal: FakePortal, client: Client, location: str) -> None:
    portal.faults.append(lambda handler, commands: reply(handler, 302, {}, {"Location": location}) or True)
    with pytest.raises(NotBitrix, match="redirects"):
        walk(client)


@pytest.mark.parametrize(("status", "cause"), [(404, "no REST interface"), (403, "IP restrictions")])
def test_stranger_is_named(portal: FakePortal, client: Client, status: int, cause: str) -> None:
    portal.faults.append(refuse(status, "<html>nginx</html>"))
    with pytest.raises(NotBitrix, match=cause):
        walk(client)


def test_refused_portal_is_not_asked_again(portal: FakePortal, client: Client) -> None:
    portal.faults.append(refuse(401, "NO_AUTH_FOUND"))
    for _ in range(3):
        with pytest.raises(PortalRefused):
            walk(client)
    assert len(portal.batches) == 1


# --- whole lists and owners ---------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 7, 50, 51, 120, 2700])
def test_whole_list_by_offsets(portal: FakePortal, client: Client, count: int) -> None:
    portal.tables["department.get"] = [{"ID": str(n)} for n in range(count)]
    rows, total = whole(client, DEPARTMENTS, usage=Usage())
    assert [row["ID"] for row in rows] == [str(n) for n in range(count)]
    assert total == (count or None)


@pytest.mark.parametrize("count", [4, 50, 130])
def test_whole_list_that_knows_no_pages_and_no_total(portal: FakePortal, client: Client, count: int) -> None:
    rows = [{"CURRENCY": f"C{n}"} for n in range(count)]
    portal.answer = lambda method, query: (rows, 0)  # type: ignore[method-assign]
    found, total = whole(client, Listing("crm.currency.list", "CURRENCY"), usage=Usage())
    assert found == rows and total is None


def test_rows_by_owner(portal: FakePortal, client: Client) -> None:
    """Owner 7 alone fills pages; some have none; all come complete."""
    rows = [{"id": n, "ownerId": 7 if n % 3 else 1 + n % 90} for n in range(1, 601)]
    portal.tables["crm.item.productrow.list"] = rows
    listing = Listing("crm.item.productrow.list", "id", "productRows", params=[("filter[=ownerType]", "D")])
    owners = [str(n) for n in range(1, 101)]
    found = by_owner(
        client, listing, owners, owner_field="ownerId", owner_filter="=ownerId", per_command=20, usage=Usage()
    )
    assert list(found) == owners
    for owner in owners:
        assert [row["id"] for row in found[owner]] == [
            row["id"] for row in rows if str(row["ownerId"]) == owner
        ]
