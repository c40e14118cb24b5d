"""Paths, bodies, tokens, envelopes and limits."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from click.testing import CliRunner

from demo.__main__ import main
from demo.rest.errors import RestError
from demo.rest.limits import LeakyBucket, OperatingBudget
from demo.rest.service import Service, Settings

from .conftest import CLOCK, STORY, TOKEN, Portal, Served, example, make_portal


def test_envelope(portal: Portal) -> None:
    answer = portal.post("crm.deal.list", {"select": ["ID"]})
    assert answer.headers["x-voronka-demo"] == "1"
    assert answer.headers["content-type"].startswith("application/json")
    body = answer.json()
    assert list(body) == ["result", "next", "total", "time"]
    assert body["next"] == 50 and len(body["result"]) == 50
    assert re.fullmatch(r"2026-06-17T15:30:00\+03:00", body["time"]["date_start"])
    assert body["time"]["operating"] > 0


@pytest.mark.parametrize("method", ["crm.deal.list", "crm.deal.list.json", "CRM.DEAL.LIST", "crm.deal.list/"])
def test_method_names(portal: Portal, method: str) -> None:
    assert portal.call(method)["total"] == portal.truth()["streams"]["deals"]


def test_three_ways_to_send_parameters(portal: Portal) -> None:
    path = f"/rest/1/{TOKEN}/crm.deal.list"
    json_rows = portal.call("crm.deal.list", {"filter": {">ID": 200}, "select": ["ID", "TITLE"]})["result"]
    query = "filter[>ID]=200&select[]=ID&select[]=TITLE"
    assert portal.http.get(f"{path}?{query}").json()["result"] == json_rows
    form = portal.http.post(
        path, content=query, headers={"content-type": "application/x-www-form-urlencoded"}
    )
    assert form.json()["result"] == json_rows
    assert set(json_rows[0]) == {"ID", "TITLE"}


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/rest/1/wrong/profile", "system.NO_AUTH_FOUND"),
        ("/rest/profile", "system.NO_AUTH_FOUND"),
        (f"/rest/1/{TOKEN}/crm.nothing.list", "system.ERROR_METHOD_NOT_FOUND"),
        (f"/rest/api/1/{TOKEN}/tasks.task.get", "system.ERROR_METHOD_NOT_FOUND"),
    ],
)
def test_refusals_are_the_documented_ones(portal: Portal, path: str, name: str) -> None:
    expected = example(f"errors/{name}")
    answer = portal.http.post(path, json={})
    assert (answer.status_code, answer.json()) == (expected["http_status"], expected["body"])


def test_the_token_of_another_user(portal: Portal) -> None:
    answer = portal.post("profile", user=3)
    assert answer.status_code == 401
    assert answer.json() == example("errors/system.INVALID_CREDENTIALS")["body"]


def test_scopes() -> None:
    portal = make_portal(scopes=("crm",))
    expected = example("errors/system.insufficient_scope")
    answer = portal.post("voximplant.statistic.get")
    assert (answer.status_code, answer.json()) == (expected["http_status"], expected["body"])
    assert portal.call("scope")["result"] == ["crm"]
    available = portal.call("method.get", {"name": "voximplant.statistic.get"})["result"]
    assert available == {"isExisting": True, "isAvailable": False}
    batch = portal.batch({"a": "user.get", "b": "crm.settings.mode.get"})
    assert batch["result_error"]["a"]["error"] == "insufficient_scope" and batch["result"] == {"b": 1}


def test_no_administrator_sees_fewer_rows_and_says_so(portal: Portal) -> None:
    limited = make_portal(admin=False)
    assert limited.call("profile")["result"]["ADMIN"] is False
    for method, body in (("crm.deal.list", {}), ("crm.item.list", {"entityTypeId": 1})):
        assert 0 < limited.total(method, body) < portal.total(method, body)
    assert limited.post("crm.type.list").json()["error"] == "ACCESS_DENIED"


def test_app_info_needs_an_application(portal: Portal) -> None:
    answer = portal.post("app.info")
    assert answer.status_code == 400 and answer.json() == example("errors/app.info__called_by_webhook")


def test_leaky_bucket_answers_503_above_its_burst() -> None:
    portal = make_portal(limits=True)
    codes = [portal.post("server.time").status_code for _ in range(60)]
    assert codes[:50] == [200] * 50 and 503 in codes[50:]
    refused = portal.post("server.time")
    expected = example("errors/system.QUERY_LIMIT_EXCEEDED")
    assert (refused.status_code, refused.json()) == (expected["http_status"], expected["body"])


def test_leaky_bucket_drains_two_a_second() -> None:
    now = [0.0]
    bucket = LeakyBucket(now=lambda: now[0])
    for _ in range(50):
        bucket.take()
    with pytest.raises(RestError, match="Too many requests"):
        bucket.take()
    now[0] += 5.0
    for _ in range(10):
        bucket.take()
    with pytest.raises(RestError):
        bucket.take()


def test_operating_budget_blocks_one_method_until_its_minutes_roll_off() -> None:
    now = [600.0]
    budget = OperatingBudget(480, now=lambda: now[0])
    budget.spend("crm.deal.list", 479)
    budget.check("crm.deal.list")
    budget.spend("crm.deal.list", 30)  # the call that crosses the line succeeds
    with pytest.raises(RestError) as caught:
        budget.check("crm.deal.list")
    assert caught.value.status == example("errors/system.OPERATION_TIME_LIMIT")["http_status"]
    budget.check("crm.lead.list")
    assert budget.reset_in("crm.deal.list") == 600
    now[0] += 601
    budget.check("crm.deal.list")


def test_spent_budget_in_a_batch_and_outside() -> None:
    portal = make_portal(limits=True)
    portal.app.state.portal.budget.spend("crm.deal.list", 500)
    expected = example("errors/system.OPERATION_TIME_LIMIT")
    answer = portal.post("crm.deal.list")
    assert (answer.status_code, answer.json()) == (expected["http_status"], expected["body"])
    captured = example("errors/system.batch__OPERATION_TIME_LIMIT")["body"]["result"]
    result = portal.batch({"deals": "crm.deal.list", "time": "server.time"})
    assert result["result_error"]["deals"] == next(iter(captured["result_error"].values()))
    assert list(result["result"]) == ["time"]


def test_operating_is_charged_to_each_command_not_to_the_batch(portal: Portal) -> None:
    body = portal.call("batch", {"cmd": {"a": "crm.lead.list", "b": "crm.lead.list"}})
    times = body["result"]["result_time"]
    assert body["time"]["operating"] == 0
    assert times["b"]["operating"] > times["a"]["operating"] > 0


def test_ordered_faults() -> None:
    portal = make_portal()
    order = {"kind": "QUERY_LIMIT_EXCEEDED", "method": "crm.lead.list", "count": 2, "skip": 1}
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert portal.http.post("/__demo/faults", json=order, headers=headers).json() == {"ordered": 2}
    codes = [portal.post("crm.lead.list").status_code for _ in range(4)]
    assert codes == [200, 503, 503, 200]
    portal.http.post("/__demo/faults", json={"kind": "HTML_503"}, headers=headers)
    page = portal.post("profile")
    assert page.status_code == 503 and page.headers["content-type"].startswith("text/html")
    refused = portal.http.post("/__demo/faults", json={"kind": "NOTHING"}, headers=headers)
    assert refused.status_code == 400 and "NOTHING" in refused.json()["error_description"]


def test_the_control_room_wants_the_token(portal: Portal) -> None:
    for what in ("truth", "clock", "requests"):
        assert portal.http.get(f"/__demo/{what}").status_code == 401
        assert portal.http.get(f"/__demo/{what}", params={"token": "wrong"}).status_code == 401


def test_a_clock_without_an_offset_is_refused() -> None:
    portal = make_portal()
    answer = portal.http.post("/__demo/clock", params={"token": TOKEN}, json={"clock": "2026-06-18T10:00:00"})
    assert answer.status_code == 400 and "offset" in answer.json()["error_description"]


def test_a_portal_in_another_zone_prints_its_own_offset() -> None:
    portal = make_portal(replace(STORY, scale=0.05, zone="Asia/Yekaterinburg"))
    assert portal.call("server.time")["result"] == "2026-06-17T17:30:00+05:00"
    deal = portal.rows("crm.deal.list")[0]
    assert deal["DATE_CREATE"].endswith("+05:00")
    assert deal["BEGINDATE"][10:] == "T05:00:00+05:00"


def test_without_a_clock_the_portal_lives_in_real_time() -> None:
    now = datetime.now(timezone.utc)
    story = replace(STORY, start=now.date() - timedelta(days=20), scale=0.1)
    portal = Portal(Service(story, Settings(TOKEN)))
    told = datetime.fromisoformat(portal.call("server.time")["result"])
    assert abs((told - datetime.now(timezone.utc)).total_seconds()) < 5
    newest = portal.rows("crm.lead.list", {"order": {"ID": "DESC"}})[0]
    assert timedelta() <= told - datetime.fromisoformat(newest["DATE_CREATE"]) < timedelta(days=15)
    portal.set_clock("2026-01-01T00:00:00+03:00")
    assert portal.set_clock("real")["frozen"] is False


def test_the_command_line_knows_the_same_truth(served: Served) -> None:
    arguments = [
        "truth",
        "--seed",
        str(STORY.seed),
        "--start",
        STORY.start.isoformat(),
        "--scale",
        str(STORY.scale),
    ]
    printed = CliRunner().invoke(main, [*arguments, "--clock", CLOCK])
    assert json.loads(printed.output) == served.truth()
    refused = CliRunner().invoke(main, ["truth", "--clock", "2026-06-17 15:30"])
    assert refused.exit_code == 2 and "offset" in refused.output
