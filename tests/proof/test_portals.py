"""The same build is right on any portal: empty, bare, without leads or telephony, and strange in every other way."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Stack
from tests.proof import portals, scenes
from tests.proof.checks import Check
from tests.proof.raw import RawPortal
from tests.proof.warehouse import database


def assert_equal(checks: list[Check]) -> None:
    wrong = {check.name: check.differences[:5] for check in checks if check.differences}
    assert wrong == {}, json.dumps(wrong, ensure_ascii=False, indent=1)


@pytest.mark.parametrize("make", [portals.empty, portals.void])
def test_a_portal_with_nothing_in_it_builds(
    make: Callable[[dt.datetime], RawPortal], server: str, parsed: Path
) -> None:
    now = dt.datetime.now(dt.timezone.utc)
    with database(server, f"nothing_{make.__name__}", parsed) as warehouse:
        scenes.load(warehouse, make(now), now)
        built = warehouse.build()
        assert built.ok, built.output
        with warehouse.connect() as connection:
            filled = connection.execute(
                "select count(*) from marts.mart_kpi__period where value <> 0 or previous_value <> 0"
            ).fetchone()
            grains = connection.execute(
                "select count(distinct period_grain) from marts.dim_periods"
            ).fetchone()
    assert (filled, grains) == ((0,), (5,))


@pytest.mark.parametrize("name", scenes.STRANGE)
def test_figures_of_a_strange_portal_are_those_of_its_cards(name: str, server: str, parsed: Path) -> None:
    checks = scenes.of_strange(name, server, parsed)
    assert_equal(checks)
    compared = {check.name: check.compared for check in checks}
    kind = scenes.STRANGE[name].kind
    # A portal of this kind has none of it.
    silent: list[str] = []
    if not kind.telephony:
        silent += ["call", "talk", "answer", "outbound", "missed", "lost clients", "telephony"]
    if not kind.leads:
        silent += ["lead"]
    unproven = [
        name for name, count in compared.items() if not count and not any(word in name for word in silent)
    ]
    assert unproven == [], "nothing was compared"


def test_figures_are_the_same_when_a_load_comes_on_top_of_another(server: str, parsed: Path) -> None:
    assert_equal(scenes.of_two_loads(server, parsed))


def test_figures_of_the_demonstration_are_those_of_its_cards(stack: Stack) -> None:
    """All figures, of all periods, by manager, pipeline and channel; `make proof` does so for other seeds."""
    checks = scenes.of_warehouse(stack.env)
    assert_equal(checks)
    assert [check.name for check in checks if not check.compared] == []
