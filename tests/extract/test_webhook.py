"""The webhook's address: what is accepted, and that its code shows nowhere."""

from __future__ import annotations

import logging

import pytest
from tap_bitrix24 import webhook
from tap_bitrix24.errors import PortalRefused

from tests.extract.conftest import Run
from tests.extract.fake_portal import CODE, FakePortal, refuse


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://firm.bitrix24.ru/rest/1/abcdef/", "https://firm.bitrix24.ru"),
        ("https://firm.bitrix24.ru:8443/rest/17/abcdef", "https://firm.bitrix24.ru:8443"),
        ("https://firm.bitrix24.ru/rest/1/abcdef/profile.json", "https://firm.bitrix24.ru"),
        ("http://127.0.0.1:8024/rest/1/abcdef/", "http://127.0.0.1:8024"),
        ("http://localhost/rest/1/abcdef/", "http://localhost"),
        ("http://[::1]:8024/rest/1/abcdef/", "http://[::1]:8024"),
    ],
)
def test_accepts_webhooks(url: str, base: str) -> None:
    found = webhook.parse(url)
    assert (found.base, found.code) == (base, "abcdef")
    assert found.url("batch") == f"{base}/rest/{found.user}/abcdef/batch"


@pytest.mark.parametrize(
    ("url", "cause"),
    [
        ("", "is empty"),
        (None, "is empty"),
        ("firm.bitrix24.ru", "not a web address"),
        ("ftp://firm.bitrix24.ru/rest/1/topsecret/", "not a web address"),
        ("https://firm.bitrix24.ru:port/rest/1/topsecret/", "not a web address"),
        ("https://firm.bitrix24.ru/", "not an inbound webhook of firm.bitrix24.ru"),
        ("https://firm.bitrix24.ru/rest/topsecret/", "not an inbound webhook"),
        ("https://firm.bitrix24.ru/rest/me/topsecret/", "not an inbound webhook"),
        ("http://firm.bitrix24.ru/rest/1/topsecret/", "plain http"),
        ("http://127.0.0.1.evil.example/rest/1/topsecret/", "plain http"),
        ("http://10.0.0.5/rest/1/topsecret/", "plain http"),
    ],
)
def test_refuses_everything_else_without_repeating_it(url: str | None, cause: str) -> None:
    with pytest.raises(PortalRefused, match=cause) as refusal:
        webhook.parse(url)
    assert "topsecret" not in str(refusal.value)


def test_masks_log_records_and_tracebacks(capsys: pytest.CaptureFixture[str]) -> None:
    webhook.keep_secret("verysecretcode")
    handler = logging.StreamHandler()
    logger = logging.getLogger("urllib3.connectionpool")
    logger.addHandler(handler)
    try:
        logger.warning("Retrying %s", "/rest/1/verysecretcode/batch")
        try:
            raise ValueError("https://firm/rest/1/verysecretcode/batch")
        except ValueError:
            logger.exception("failed at %s", "verysecretcode")
    finally:
        logger.removeHandler(handler)
    said = capsys.readouterr().err
    assert "verysecretcode" not in said
    assert "Retrying /rest/1/***/batch" in said
    assert "ValueError: https://firm/rest/1/***/batch" in said


@pytest.mark.parametrize("fault", [refuse(401, "NO_AUTH_FOUND"), refuse(503, "<html>busy</html>", times=99)])
def test_code_is_in_no_output_of_a_failed_run(portal: FakePortal, run: Run, naps: list[float], fault) -> None:
    portal.faults.append(fault)
    outcome = run()
    assert outcome.code == 1
    assert CODE not in outcome.log
    assert CODE not in str(outcome.messages)


def test_code_is_in_no_output_of_a_lost_connection(portal: FakePortal, run: Run, naps: list[float]) -> None:
    portal.address = "127.0.0.1:9"
    outcome = run()
    assert outcome.code == 1
    assert "no connection to 127.0.0.1:9" in outcome.log
    assert CODE not in outcome.log
    assert CODE not in str(outcome.messages)
