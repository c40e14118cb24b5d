"""`voronka forget` and `retention` as a person gives them: what they refuse, and that looking changes nothing."""

from __future__ import annotations

import psycopg
import pytest

from tests.conftest import Stack

RAW = "select md5(string_agg(payload::text, ',' order by id, modified_at)) from raw_bitrix24.contacts"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "Say whom"),
        (["--contact", "1", "--employee", "2"], "Say whom"),
        (["--contact", "987654321"], "has no contacts:987654321"),
        (["--phone", "+7 999 000-00-01"], "Neither a card nor a call has"),
        (["--email", "nobody@example.com"], "No contact, lead or company has"),
    ],
)
def test_what_cannot_be_found_is_said(stack: Stack, arguments: list[str], says: str) -> None:
    result = stack.voronka("forget", *arguments)
    assert result.returncode == 1
    [line] = [line for line in result.stdout.splitlines() if line.startswith("voronka: ")]
    assert says in line and "Traceback" not in result.stdout


def test_looking_changes_nothing_and_shows_what_it_found(stack: Stack) -> None:
    with psycopg.connect(stack.url("LOADER"), autocommit=True) as loader:
        id_, phone = loader.execute(
            "select id, payload ->> 'phone' from raw_bitrix24.contacts where payload ->> 'phone' <> '' order by id limit 1"
        ).fetchone()
        before = loader.execute(RAW).fetchone()
        by_card, by_phone = (
            stack.voronka("forget", *how) for how in (["--contact", id_], ["--phone", phone])
        )
        assert loader.execute(RAW).fetchone() == before
    for shown in (by_card, by_phone):
        assert shown.returncode == 0, shown.stdout
        assert f"contacts:{id_} " in shown.stdout and "Nothing was changed" in shown.stdout


def test_retention_is_off_until_it_is_set(stack: Stack) -> None:
    assert "people are kept for ever" in stack.voronka("retention").stdout
    stack.extra["VORONKA_RETENTION_MONTHS"] = "soon"
    try:
        wrong = stack.voronka("retention")
        stack.extra["VORONKA_RETENTION_MONTHS"] = "12"
        shown = stack.voronka("retention")
    finally:
        del stack.extra["VORONKA_RETENTION_MONTHS"]
    assert wrong.returncode == 1 and "VORONKA_RETENTION_MONTHS is 'soon'" in wrong.stdout
    assert shown.returncode == 0 and "Nothing was changed" in shown.stdout
