"""The preflight: one line that names cause and cure, never the code."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from tap_bitrix24.check import check

from tests.extract.conftest import card
from tests.extract.fake_portal import CODE, FakePortal, refuse


def ask(portal: FakePortal, **more: str) -> tuple[bool, str]:
    fine, line = check({"BITRIX24_WEBHOOK_URL": portal.webhook, "VORONKA_TIMEZONE": "Europe/Moscow", **more})
    assert "\n" not in line and CODE not in line
    return fine, line


def test_good_portal(portal: FakePortal) -> None:
    portal.tables["crm.item.list:2"] = [card(1)]
    fine, line = ask(portal)
    assert fine and line.startswith(f"ok {portal.address} portal")
    assert len(portal.batches) == 2


def test_optional_parts_are_told(portal: FakePortal) -> None:
    portal.scopes.append("sale")
    portal.errors["crm.item.list:31"] = [{"error": "ENTITY_TYPE_NOT_SUPPORTED", "error_description": ""}]
    fine, line = ask(portal)
    assert fine
    assert "; optional: quotes, smart_processes, smart_process_items, smart_invoice_stage_history," in line
    assert "; without products (the webhook has no scope catalog)" in line
    assert (
        "; without smart_invoices (not offered by this portal: crm.item.list: the portal refused it" in line
    )
    portal.errors["sale.order.list"] = [{"error": 200040300010, "error_description": "Access Denied"}]
    assert "without orders (not in this portal's plan: " in ask(portal)[1]


def test_proxy_is_not_asked_for_this_machine(portal: FakePortal, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert ask(portal)[0]


def test_missing_scopes_cost_streams(portal: FakePortal) -> None:
    portal.scopes = ["crm", "user_basic"]
    fine, line = ask(portal)
    assert not fine
    assert "lacks scopes: telephony (without it no calls); department (without it no departments)" in line


def test_everything_wrong_at_once_is_still_one_line(portal: FakePortal) -> None:
    portal.scopes, portal.admin = ["crm", "user", "department"], False
    fine, line = ask(portal, VORONKA_TIMEZONE="Asia/Yekaterinburg")
    assert not fine
    for part in (
        "telephony",
        "not an administrator",
        "UTC+03:00, VORONKA_TIMEZONE Asia/Yekaterinburg at UTC+05:00",
    ):
        assert part in line


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        (refuse(401, "NO_AUTH_FOUND"), "wrong or was revoked"),
        (refuse(401, "expired_token"), "has expired"),
        (refuse(403, "ACCESS_DENIED", "REST API is available only on commercial plans"), "commercial"),
        (refuse(404, "<html>nginx</html>"), "is it a Bitrix24 portal"),
        (refuse(200, "<html>hello</html>", times=9), "a page instead of JSON"),
        (refuse(503, "OVERLOAD_LIMIT"), "support"),
    ],
)
def test_refusals(portal: FakePortal, naps: list[float], fault, cause: str) -> None:
    portal.faults.append(fault)
    fine, line = ask(portal)
    assert not fine and cause in line and portal.address in line


def test_other_servers(portal: FakePortal, naps: list[float]) -> None:
    portal.answer = lambda method, query: ("just something", None)  # type: ignore[method-assign]
    assert "is it a Bitrix24 portal" in ask(portal)[1]
    address = portal.address
    portal.address = "127.0.0.1:9"
    assert "no connection to 127.0.0.1:9" in ask(portal)[1]
    line = check({"BITRIX24_WEBHOOK_URL": f"https://{address}/rest/1/{CODE}/"})[1]  # TLS to a plain server.
    assert line.startswith(f"TLS with {address} failed") and CODE not in line


def test_owner_in_another_zone_is_a_note(portal: FakePortal) -> None:
    portal.owner_zone = "Asia/Omsk"
    fine, line = ask(portal)
    assert fine and "owner's zone Asia/Omsk" in line
    portal.owner_zone = "Europe/Minsk"
    assert "zone" not in ask(portal)[1]


def test_wrong_zone_name(portal: FakePortal) -> None:
    assert ask(portal, VORONKA_TIMEZONE="Moscow") == (
        False,
        "VORONKA_TIMEZONE is 'Moscow': give an IANA zone name such as Europe/Moscow",
    )


def test_command_exits_with_the_verdict(portal: FakePortal) -> None:
    for admin, code in ((True, 0), (False, 1)):
        portal.admin = admin
        done = subprocess.run(
            [sys.executable, "-m", "tap_bitrix24.check"],
            env={"BITRIX24_WEBHOOK_URL": portal.webhook},
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, done
        assert len(done.stdout.splitlines()) == 1 and done.stderr == ""
    assert json.dumps(done.stdout).count("administrator") == 2
