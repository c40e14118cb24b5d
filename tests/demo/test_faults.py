"""Ordered faults, quirks and changes: what each does, whom it hits, and that it is counted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from demo.__main__ import main
from demo.bulk.lists import Bulk, Wanted
from demo.company.world import parse_moment
from demo.rest.faults import KINDS, Faults, parse_order
from demo.rest.service import Service, Settings

from .conftest import CLOCK, STORY, TOKEN, Portal, Served, command, free_port, serving

AT = parse_moment(CLOCK)
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


def order(portal: Portal, what: str, **values: Any) -> dict[str, Any]:
    answer = portal.http.post(f"/__demo/{what}", json=values, headers=HEADERS)
    assert answer.status_code == 200, answer.text
    return answer.json()


def asked(portal: Portal) -> dict[str, Any]:
    return portal.http.get("/__demo/requests", headers=HEADERS).json()


def test_a_request_is_hit_by_the_methods_in_its_batch(moving: Callable[..., Portal]) -> None:
    portal = moving()
    order(portal, "faults", kind="HTML_502", method="crm.deal.list", count="all")
    assert portal.post("crm.lead.list").status_code == 200
    assert portal.post("crm.deal.list").status_code == 502
    batch = {"cmd": {"a": "server.time", "b": "crm.deal.list?start=-1"}}
    answer = portal.post("batch", batch)
    assert answer.status_code == 502 and "<title>502 Bad Gateway" in answer.text
    counted = asked(portal)
    assert counted["faults"] == {"HTML_502": 2} and counted["statuses"] == {"200": 1, "502": 2}
    assert counted["requests"] == 3 and counted["seconds"] > 0 and counted["most_at_once"] == 1
    portal.http.delete("/__demo/faults", headers=HEADERS)
    assert portal.post("batch", batch).status_code == 200


@pytest.mark.parametrize("halt", [0, 1])
def test_the_kth_command_of_a_batch_fails(moving: Callable[..., Portal], halt: int) -> None:
    portal = moving()
    order(portal, "faults", kind="ERROR_UNEXPECTED_ANSWER", command=2)
    cmd = {"a": "server.time", "b": "profile", "c": "server.time"}
    result = portal.batch(cmd, halt=halt)
    assert list(result["result"]) == (["a"] if halt else ["a", "c"])
    assert result["result_error"]["b"]["error"] == "ERROR_UNEXPECTED_ANSWER"
    assert portal.batch(cmd)["result_error"] == []


def test_the_outer_batch_and_one_of_its_commands_run_out_of_time(moving: Callable[..., Portal]) -> None:
    portal = moving()
    order(portal, "faults", kind="OPERATION_TIME_LIMIT", method="batch")
    order(portal, "faults", kind="OPERATION_TIME_LIMIT", method="crm.lead.list")
    batch = {"cmd": {"a": "crm.lead.list", "b": "server.time"}}
    outer = portal.post("batch", batch)
    assert (outer.status_code, outer.json()["error"]) == (429, "OPERATION_TIME_LIMIT")
    inner = portal.call("batch", batch)["result"]
    assert inner["result_error"]["a"]["error"] == "OPERATION_TIME_LIMIT" and list(inner["result"]) == ["b"]


def test_a_webhook_expires_and_a_scope_is_missing(moving: Callable[..., Portal]) -> None:
    portal = moving()
    order(portal, "faults", kind="insufficient_scope", method="crm.activity.list", count="all")
    order(portal, "faults", kind="expired_token", skip=2, count="all")
    errors = portal.batch({"a": "crm.activity.list", "b": "server.time"})["result_error"]
    assert errors["a"]["error"] == "insufficient_scope"
    assert portal.post("crm.activity.list").status_code == 403
    assert [portal.post("profile").status_code for _ in range(2)] == [401, 401]
    assert asked(portal)["errors"] == {"insufficient_scope": 1, "expired_token": 2}
    assert asked(portal)["command_errors"] == {"insufficient_scope": 1}


def test_random_faults_are_those_of_their_seed(moving: Callable[..., Portal]) -> None:
    def codes() -> list[int]:
        portal = moving()
        kinds = ["HTML_502", "QUERY_LIMIT_EXCEEDED", "OVERLOAD_LIMIT"]
        order(portal, "faults", kind=kinds, probability=0.3, seed=5)
        return [portal.post("server.time").status_code for _ in range(60)]

    first = codes()
    assert first == codes() and {200, 502, 503} == set(first)
    assert 8 < sum(code != 200 for code in first) < 30


def test_half_a_body_that_claims_to_be_whole(moving: Callable[..., Portal]) -> None:
    portal = moving()
    order(portal, "faults", kind="TRUNCATED")
    answer = portal.post("crm.deal.list")
    assert answer.status_code == 200 and len(answer.content) == int(answer.headers["content-length"])
    with pytest.raises(json.JSONDecodeError):
        answer.json()


def test_quirks_of_answers(moving: Callable[..., Portal]) -> None:
    portal = moving()
    batch = {"cmd": {"a": "crm.deal.list", "b": "server.time"}}
    order(portal, "faults", kind="ISO_RESET_AT")
    body = portal.call("batch", batch)
    assert body["time"]["operating_reset_at"].endswith("+03:00")
    assert body["result"]["result_time"]["a"]["operating_reset_at"].endswith("+03:00")
    order(portal, "faults", kind="NO_TOTALS")
    assert "result_total" not in portal.call("batch", batch)["result"]
    assert "total" not in portal.call("crm.deal.list") and "next" in portal.call("crm.deal.list")
    order(portal, "faults", kind="NO_TIME")
    body = portal.call("batch", batch)
    assert "time" not in body and "result_time" not in body["result"]


def test_a_portal_that_ignores_iso_moments_in_filters(moving: Callable[..., Portal]) -> None:
    portal = moving()
    iso, plain = "2026-06-01T00:00:00+03:00", "2026-06-01 00:00:00"

    def total(moment: str) -> int:
        body = {"entityTypeId": 2, "filter": {">=updatedTime": moment}, "select": ["id"]}
        return portal.total("crm.item.list", body)

    few, everything = total(iso), portal.total("crm.item.list", {"entityTypeId": 2})
    assert 0 < few < everything and total(plain) == few
    order(portal, "faults", kind="ISO_FILTERS_IGNORED", method="crm.item.list")
    assert (total(iso), total(plain)) == (everything, few)


def test_older_portals_write_numbers_of_history_as_texts(moving: Callable[..., Portal]) -> None:
    portal = moving()
    before = portal.rows("crm.stagehistory.list", {"entityTypeId": 2})
    order(portal, "faults", kind="TEXT_HISTORY_IDS")
    after = portal.rows("crm.stagehistory.list", {"entityTypeId": 2})
    assert [row["ID"] for row in after] == [str(row["ID"]) for row in before]
    assert all(isinstance(value, str) for row in after for value in row.values())


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"kind": "NOTHING"}, "NOTHING"),
        ({"kind": "RESET", "command": 2}, "cannot hit a command"),
        ({"kind": "TEXT_HISTORY_IDS", "on": "request"}, "cannot hit a request"),
        ({"kind": "REDIRECT"}, "host:port"),
    ],
)
def test_orders_that_cannot_be(values: dict[str, Any], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        Faults().order(**values)


def test_an_option_orders_as_the_control_room_does() -> None:
    assert parse_order("HTML_502|RESET,probability=0.05,seed=7,method=batch") == {
        "kind": ["HTML_502", "RESET"],
        "probability": 0.05,
        "seed": 7,
        "method": "batch",
    }
    refused = CliRunner().invoke(main, ["serve", "--token", "x", "--fault", "NOTHING"])
    assert refused.exit_code == 2 and KINDS[0] in refused.output


def test_faults_that_hit_together_keep_what_each_needs() -> None:
    faults = Faults()
    faults.order(kind="SLOW", seconds=3)
    faults.order(kind="REDIRECT", to="new.example")
    faults.order(kind="NO_TIME")
    strike = faults.strike("request", {"batch"})
    assert strike.kinds == {"SLOW", "REDIRECT", "NO_TIME"}
    assert (strike.seconds, strike.to) == (3, "new.example")


# --- on a real connection


@pytest.fixture(scope="module")
def breakable() -> Iterator[Served]:
    with serving("--no-limits") as running:
        yield running


PATIENCE = httpx.Client(timeout=60)


def on_wire(served: Served, **values: Any) -> None:
    PATIENCE.post(f"{served.base}/__demo/faults", json=values, headers=HEADERS).raise_for_status()


def test_connections_are_reset(breakable: Served) -> None:
    on_wire(breakable, kind="RESET")
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        PATIENCE.get(f"{breakable.webhook}crm.deal.list")
    on_wire(breakable, kind="RESET_IN_BODY")
    got = b""
    with (
        pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)),
        PATIENCE.stream("GET", f"{breakable.webhook}crm.deal.list") as answer,
    ):
        assert answer.status_code == 200
        for part in answer.iter_bytes():
            got += part
    assert got.startswith(b'{"result"') or not got
    assert PATIENCE.get(f"{breakable.webhook}crm.deal.list").status_code == 200


def test_no_answer_until_the_client_gives_up(breakable: Served) -> None:
    on_wire(breakable, kind="TIMEOUT", seconds=30)
    with pytest.raises(httpx.ReadTimeout):
        PATIENCE.get(f"{breakable.webhook}server.time", timeout=httpx.Timeout(60, read=0.3))


def test_a_renamed_portal_serves_at_its_new_name() -> None:
    port = free_port()
    with serving("--no-limits", "--also-port", str(port)) as running:
        on_wire(running, kind="REDIRECT", to=f"127.0.0.1:{port}", count="all")
        old = PATIENCE.get(f"{running.webhook}crm.deal.list?start=50")
        assert old.status_code == 302
        new = PATIENCE.get(old.headers["location"])
        assert str(port) in old.headers["location"] and new.status_code == 200
        assert new.json()["next"] == 100


# --- changes


def bulk_portal() -> Portal:
    bulk = Bulk([Wanted("deals", 600)], 7, AT - 10**7, AT)
    return Portal(Service(STORY, Settings(TOKEN, AT, limits=False), bulk))


def test_the_clock_moves_on_after_the_kth_request(moving: Callable[..., Portal]) -> None:
    portal = moving()
    order(portal, "change", after=2, every=3, times=2, advance=60)
    times = [portal.call("server.time")["result"][11:16] for _ in range(7)]
    assert times == ["15:30", "15:30", "15:31", "15:31", "15:31", "15:32", "15:32"]
    applied = portal.http.get("/__demo/change", headers=HEADERS).json()
    assert applied["waiting"] == 0 and [one["requests"] for one in applied["applied"]] == [2, 5]


@pytest.mark.parametrize("where", ["behind", "ahead"])
def test_rows_change_between_two_pages_of_a_batch(where: str) -> None:
    portal = bulk_portal()
    order(
        portal,
        "change",
        **{"on": "command", "after": 2, "advance": 1, "stream": "deals", "where": where},
        **{"modify": 20, "add": 3, "delete": 10, "seed": 4},
    )
    cmd = {
        f"c{k}": command(
            "crm.item.list",
            entityTypeId=2,
            filter={">id": 100 if k == 0 else f"$result[c{k - 1}][items][49][id]"},
            order={"id": "ASC"},
            start=-1,
        )
        for k in range(3)
    }
    pages = [page["items"] for page in portal.batch(cmd)["result"].values()]
    (applied,) = portal.http.get("/__demo/change", headers=HEADERS).json()["applied"]
    assert len(applied["modified"]) == 20 and applied["added"] == [601, 602, 603]
    cursor = pages[0][-1]["id"]
    for key in applied["modified"] + applied["deleted"]:
        assert key <= cursor if where == "behind" else key > cursor
    seen = {row["id"]: row for row in pages[2]}
    assert not set(applied["deleted"]) & set(seen)
    touched = set(applied["modified"]) & set(seen)
    assert all(seen[key]["updatedTime"] == applied["clock"] for key in touched)
    assert portal.truth()["streams"]["deals"] == 593


def test_changes_are_those_of_their_seed() -> None:
    def applied(seed: int) -> list[dict[str, Any]]:
        portal = bulk_portal()
        for _ in range(2):
            order(portal, "change", stream="deals", modify=5, delete=2, seed=seed)
        return portal.http.get("/__demo/change", headers=HEADERS).json()["applied"]

    first = applied(1)
    assert first == applied(1) != applied(2) and first[0]["modified"] != first[1]["modified"]


def test_changes_that_cannot_be() -> None:
    portal = bulk_portal()
    for values in ({"stream": "leads", "modify": 1}, {"on": "day"}, {"after": -1}, {"modify": 3}):
        answer = portal.http.post("/__demo/change", json=values, headers=HEADERS)
        assert answer.status_code == 400 and answer.json()["error"] == "INVALID_CHANGE"
