"""The health of the data in a browser: its numbers against raw and staging, from what is wrong to the cards, and what it says
when something truly goes wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Browser, expect

from tests.conftest import ROOT, Stack
from tests.dashboards.bundle_reading import assets
from tests.dashboards.test_browser import (  # noqa: F401 - browser and signed_in are fixtures
    PATIENCE,
    Visit,
    browser,
    last_rows,
    number,
    signed_in,
    visit,
)

HEALTH = "zdorovye-dannyh"
# Of the tap's ledger, as the tap writes it.
FAILED_LOAD = """
insert into raw_bitrix24.extract_runs (id, modified_at, payload, _sdc_sequence)
select 'test:deals', moment, jsonb_build_object(
  'run_id', 'test', 'stream', 'deals', 'mode', 'incremental', 'status', 'failed', 'rows', 0, 'requests', 1, 'seconds', 1.5,
  'error', 'deals: INSUFFICIENT_SCOPE', 'started_at', moment, 'finished_at', moment
), 1
from (select to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS+00:00') as moment) as now
"""


@pytest.fixture(scope="module")
def health(browser: Browser, stack: Stack, signed_in: dict[str, Any]) -> Iterator[Visit]:  # noqa: F811
    seen = visit(browser, stack, signed_in, slug=HEALTH)
    yield seen
    seen.page.context.close()


def one(stack: Stack, query: str, role: str = "DBT") -> int:
    with psycopg.connect(stack.url(role)) as warehouse:
        return int(warehouse.execute(query).fetchone()[0])  # type: ignore[index,call-overload]


def summed(seen: Visit, which: int) -> int:
    """What a line in view counts: the first that of all flaws, the last that of the register."""
    return number(seen.page.locator('[role="tabpanel"] .sum:visible b').nth(which).inner_text())


def cells(seen: Visit, chart: str, first: str) -> list[str]:
    """The row of a table that begins with a word; Superset keeps a second copy of a table, by which it measures."""
    table = seen.page.locator(f'[data-test-chart-name="{chart}"] table:has(tbody)').first
    row = table.locator("tbody tr").filter(
        has=seen.page.locator("td:first-child", has_text=re.compile(f"^{first}$"))
    )
    return row.locator("td").all_inner_texts()


@pytest.mark.parametrize(("label", "stream"), [("Лиды", "leads"), ("Сделки", "deals"), ("Звонки", "calls")])
def test_rows_of_a_stream_are_those_of_raw(health: Visit, stack: Stack, label: str, stream: str) -> None:
    """Counted anew as the loader left them; the demonstration portal counts the same."""
    health.open_tab("Загрузка и портал")
    living = one(
        stack, f"select count(distinct id) from raw_bitrix24.{stream} where _sdc_deleted_at is null", "LOADER"
    )
    shown = last_rows(health, "warehouse_rows")
    (row,) = (row for row in shown if row["stream_label"] == label)
    assert row["warehouse_rows"] == living == row["portal_rows"] > 0
    assert row["status"] == "загружено"
    assert number(cells(health, "Разделы портала: загрузка и сверка", label)[4]) == living


def test_what_leads_and_calls_lack_is_that_of_staging(health: Visit, stack: Stack) -> None:
    """Leads without a source, calls whose number cannot be read: counted anew, a call being a session of its legs."""
    health.open_tab("Качество карточек")
    leads = one(stack, "select count(*) from staging.stg_bitrix24__leads where coalesce(source_id, '') = ''")
    calls = one(
        stack,
        """
        select count(*) from (
          select coalesce(staged.session_id, 'call ' || staged.call_id) as attempt
          from staging.stg_bitrix24__calls as staged
          inner join raw_bitrix24.calls as sent on sent.payload ->> 'ID' = staged.call_id::text
          where staged.category = 'external' and staged.type_id in (1, 2, 3, 4)
          group by 1
          having bool_and(
            length(regexp_replace(coalesce(sent.payload ->> 'PHONE_NUMBER', ''), '[^0-9]', '', 'g')) < 3
            or regexp_replace(sent.payload ->> 'PHONE_NUMBER', '[^0-9]', '', 'g') ~ '^0+$'
          )
        ) as unreadable
        """,
    )
    assert leads > 0 and calls > 0
    table = "Чего не хватает в карточках"
    assert number(cells(health, table, "Лиды без источника")[5]) == leads
    assert number(cells(health, table, "Звонки с нечитаемым номером")[5]) == calls
    assert number(cells(health, table, "Лиды без источника")[4]) == one(
        stack, "select count(*) from staging.stg_bitrix24__leads"
    )


def test_tests_are_those_of_the_last_builds(health: Visit, stack: Stack) -> None:
    ran = one(
        stack,
        "select count(*) from build_log.results where resource_type in ('test', 'unit_test')"
        " or status not in ('success', 'no-op')",
    )
    health.open_tab("Проверки")
    assert len(last_rows(health, "check_label")) == ran
    assert sum(row["tests_count"] for row in _groups(health)) == ran


def _groups(seen: Visit) -> list[dict[str, Any]]:
    return next(
        answer["result"][0]["data"]
        for status, asked, answer in reversed(seen.answers)
        if status == 200 and "tests_count" in (asked["queries"][0].get("metrics") or [])
    )


def test_tile_tables_and_register_tell_one_number(health: Visit) -> None:
    health.open_tab("Качество карточек")
    flaws = number(health.tiles()["Недочётов в карточках"])
    rows = last_rows(health, "card_type_label")
    assert flaws == summed(health, 0) == summed(health, 1) == len(rows) > 0
    total = health.page.locator('[data-test-chart-name="Недочёты по менеджерам"] tfoot tr').first
    parts = [number(text) for text in total.locator("td").all_inner_texts()]
    assert parts[0] == flaws == sum(parts[2:])


def test_a_flaw_opens_its_cards_in_one_click(
    browser: Browser,  # noqa: F811
    stack: Stack,
    signed_in: dict[str, Any],  # noqa: F811
) -> None:
    seen = visit(browser, stack, signed_in, slug=HEALTH)
    row = seen.page.locator(".problems tr", has_text="Лиды без источника").first
    promised = number(row.locator("td").nth(1).locator("span").inner_text().split(" из ")[0])
    seen.answers.clear()
    with seen.page.expect_navigation(timeout=PATIENCE):
        row.locator("a").click()
    expect(seen.page.locator(".tile").first).to_be_visible(timeout=PATIENCE)
    seen.settle()
    rows = last_rows(seen, "card_type_label")
    assert {row["check_label"] for row in rows} == {"Лиды без источника"}
    assert summed(seen, 0) == summed(seen, 1) == len(rows) == promised > 0
    link = seen.page.locator('[role="tabpanel"]:visible table a', has_text="Открыть").first
    assert re.fullmatch(r"https?://.+/crm/lead/details/\d+/", link.get_attribute("href") or "")
    seen.page.context.close()


def test_a_manager_is_chosen_for_counts_and_cards(
    browser: Browser,  # noqa: F811
    stack: Stack,
    signed_in: dict[str, Any],  # noqa: F811
) -> None:
    seen = visit(browser, stack, signed_in, slug=HEALTH)
    seen.open_tab("Качество карточек")
    all_cards = last_rows(seen, "card_type_label")
    chosen = all_cards[0]["manager"]
    of_chosen, before = sum(row["manager"] == chosen for row in all_cards), seen.tiles()
    seen.choose("Менеджер", chosen)
    assert summed(seen, 0) == summed(seen, 1) == of_chosen > 0
    assert {row["manager"] for row in last_rows(seen, "card_type_label")} == {chosen}
    assert seen.tiles()["Недочётов в карточках"] == before["Недочётов в карточках"], (
        "the tiles are everybody's"
    )
    seen.page.context.close()


def test_a_load_that_failed_is_named_with_its_meaning_and_cure(
    browser: Browser,  # noqa: F811
    stack: Stack,
    signed_in: dict[str, Any],  # noqa: F811
) -> None:
    """No mart changes: the dashboard says it at the moment it is opened, and no longer once it is over."""
    with psycopg.connect(stack.url("LOADER"), autocommit=True) as warehouse:
        warehouse.execute(FAILED_LOAD)
        try:
            seen = visit(browser, stack, signed_in, slug=HEALTH)
            assert seen.tiles()["Данные"] == "Ошибка"
            assert seen.tiles()["Разделов с проблемой"] == "1"
            assert "Есть ошибки: 2" in seen.page.locator(".verdict").inner_text()
            stamp, load = (
                row.locator("td").all_inner_texts() for row in seen.page.locator(".problems tr.s1").all()
            )
            assert "Сделки" in stamp[2], "the stamp names what was not loaded"
            severity, what, meaning, where, cure, since = load
            assert severity.split() == ["ошибка", "Загрузка"]
            assert what.startswith("Сделки") and "нет нужного права" in what
            assert "Не видно новых сделок" in meaning
            assert "KPI" in where and "Воронка продаж" in where and "Норматив звонков" not in where
            assert cure.startswith("Администратор: ") and re.fullmatch(r"\d\d\.\d\d\.\d{4} \d\d:\d\d", since)
            seen.open_tab("Загрузка и портал")
            worst = last_rows(seen, "warehouse_rows")[0]
            assert (worst["stream_label"], worst["status"]) == ("Сделки", "ошибка загрузки")
            newest = last_rows(seen, "streams_failed_labels")[0]
            assert (newest["status"], newest["streams_failed_labels"]) == ("с ошибкой", "Сделки")
            assert "deals" not in seen.text("body") and "INSUFFICIENT_SCOPE" not in seen.text("body")
            seen.page.context.close()
        finally:
            warehouse.execute("delete from raw_bitrix24.extract_runs where id = 'test:deals'")
    seen = visit(browser, stack, signed_in, slug=HEALTH)
    assert seen.tiles()["Разделов с проблемой"] == "0"
    assert seen.page.locator(".problems tr.s1").count() == 0
    seen.page.context.close()


def test_dashboards_are_called_as_the_links_call_them() -> None:
    macro = (ROOT / "dbt_project" / "macros" / "health.sql").read_text(encoding="utf-8")
    (listed,) = re.findall(r"set names = \[(.*?)\]", macro)
    links = assets("charts")["charts/obschee/navigaciya.yaml"]["params"]["handlebarsTemplate"]
    called = re.findall(r">([^<]+)</a>", links)[:6]
    # «KPI отдела продаж» is told in one word.
    assert re.findall(r"'([^']+)'", listed) == ["KPI", *called[1:]]
    assert called[0].startswith("KPI")


def test_every_test_written_by_hand_is_told_in_words() -> None:
    macro = (ROOT / "dbt_project" / "macros" / "health.sql").read_text(encoding="utf-8")
    written = {path.stem for path in (ROOT / "dbt_project" / "tests").rglob("assert_*.sql")}
    told = set(re.findall(r"'(assert_\w+)': '[А-Я]", macro))
    assert written == told
