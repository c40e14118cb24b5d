"""Dashboard 5 in a browser: its numbers against staging, from every loss to the cards, and no clients beside the registers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.conftest import Stack
from tests.dashboards.bundle_reading import (
    chart_columns,
    charts_of,
    columns_of,
    dashboards,
    datasets,
    nodes,
)
from tests.dashboards.test_browser import (  # noqa: F401 - browser and signed_in are fixtures
    PATIENCE,
    Visit,
    browser,
    number,
    signed_in,
    visit,
)

FUNNEL = "skvoznaya-voronka"
STEPS, LOSSES, TAGS = (
    "Шаги: конверсия и дни",
    "Шаги и причины по убыванию потерь",
    "Рекламные метки: источник, тип, кампания",
)
REGISTERS = {"TAB-kartochki", "TAB-poteryannye"}
# A client, or what leads to one.
PERSONAL = {"client", "title", "journey_key", "crm_url", "crm_link"}

# Leads, and deals whose lead nobody knows, created in the previous month; the first such deal of a deleted lead is its journey.
CARDS_BY_HAND = """
with month as (
  select period_start, period_end from marts.dim_periods
  where period_grain = 'Месяц' and period_choice = 'Предыдущий'
),
cards as (
  select created_at, utm_source, utm_medium, utm_campaign, true as is_lead, lead_id
  from staging.stg_bitrix24__leads
  union all
  select created_at, utm_source, utm_medium, utm_campaign, false, lead_id
  from staging.stg_bitrix24__deals
  where not is_recurring_template and not exists (
    select 1 from staging.stg_bitrix24__leads as leads where leads.lead_id = stg_bitrix24__deals.lead_id
  )
),
numbered as (
  select *, row_number() over (partition by is_lead, lead_id order by created_at) as place from cards
)
select
  coalesce(utm_source, 'Без метки'),
  coalesce(utm_medium, 'Без метки'),
  coalesce(utm_campaign, 'Без метки'),
  count(*),
  count(*) filter (where is_lead or (lead_id is not null and place = 1))
from numbered, month
where
  (created_at at time zone %(zone)s)::date >= period_start and (created_at at time zone %(zone)s)::date < period_end
group by 1, 2, 3
"""


def rows_of(seen: Visit, chart: str) -> Locator:
    """Superset keeps a second copy of a table, by which it measures."""
    tables = seen.page.locator(f'[data-test-chart-name="{chart}"] table:has(tbody)')
    return tables.first.locator("tbody tr")


def cells(row: Locator) -> list[str]:
    return row.locator("td").all_inner_texts()


def press(seen: Visit, button: str) -> int:
    """Press a button, and tell the number it promised."""
    link = seen.page.locator(".ways a", has_text=button)
    promised = number(link.locator("b").inner_text())
    with seen.page.expect_navigation(timeout=PATIENCE):
        link.click()
    expect(seen.page.locator(".tile").first).to_be_visible(timeout=PATIENCE)
    seen.settle()
    return promised


def summed(seen: Visit) -> int:
    """What the line above the register in view counts."""
    return number(seen.page.locator('[role="tabpanel"]:visible .sum b').last.inner_text())


@pytest.fixture(scope="module")
def funnel(browser: Browser, stack: Stack, signed_in: dict[str, Any]) -> Iterator[Visit]:  # noqa: F811
    seen = visit(browser, stack, signed_in, slug=FUNNEL)
    seen.choose("Отрезок", "Предыдущий")
    yield seen
    seen.page.context.close()


@pytest.fixture(scope="module")
def by_hand(stack: Stack) -> list[tuple[str, str, str, int, int]]:
    with psycopg.connect(stack.url("DBT")) as warehouse:
        rows = warehouse.execute(CARDS_BY_HAND, {"zone": stack.env["VORONKA_TIMEZONE"]}).fetchall()
    assert rows
    return rows  # type: ignore[return-value]


def test_whoever_entered_is_a_lead_of_staging(funnel: Visit, by_hand: list[tuple[Any, ...]]) -> None:
    funnel.open_tab("Воронка")
    entered = sum(row[4] for row in by_hand)
    assert number(funnel.tiles()["Вошли в воронку"]) == entered > 0
    assert number(cells(rows_of(funnel, STEPS).first)[1]) == entered
    assert number(funnel.page.locator(".funnel .much b").first.inner_text()) == entered


def test_inquiries_of_channels_are_cards_of_staging(funnel: Visit, by_hand: list[tuple[Any, ...]]) -> None:
    funnel.open_tab("Каналы и UTM")
    assert number(funnel.tiles()["Обращений"]) == sum(row[3] for row in by_hand)


def test_tags_are_those_of_the_cards(funnel: Visit, by_hand: list[tuple[Any, ...]]) -> None:
    funnel.open_tab("Каналы и UTM")
    shown = {
        tuple(row[:3]): number(row[3]) for row in map(cells, rows_of(funnel, TAGS).all()) if row[0] != "Итог"
    }
    expected = {tuple(row[:3]): row[3] for row in by_hand}
    assert len(shown) == min(len(expected), 12), "a page of the table"
    assert shown.items() <= expected.items()


def test_steps_tell_what_stays_at_them(funnel: Visit) -> None:
    """Who reached a step went on, or stays there in work, lost or won: conversion and counts of a row agree."""
    funnel.open_tab("Воронка")
    rows = [cells(row) for row in rows_of(funnel, STEPS).all()]
    reached = [number(row[1]) for row in rows]
    assert reached == sorted(reached, reverse=True), "no cohort grows on its way"
    for row, before in zip(rows[1:], reached, strict=False):
        shown = float(row[2].rstrip("%").replace(",", ".")) if before else 0
        assert abs(shown - (100 * number(row[1]) / before if before else 0)) <= 0.051
    for row, after in zip(rows, [*reached[1:], 0], strict=True):
        assert number(row[6]) + number(row[7]) <= number(row[1]) - after
    assert sum(number(row[7]) for row in rows) > 0


def test_a_step_opens_its_cards(funnel: Visit, stack: Stack) -> None:
    """A click at a step, and the register holds who came no further."""
    funnel.open_tab("Воронка")
    row = rows_of(funnel, STEPS).first
    step, reached, after = (
        cells(row)[0],
        number(cells(row)[1]),
        number(cells(rows_of(funnel, STEPS).nth(1))[1]),
    )
    row.locator("td").first.click()
    funnel.settle()
    funnel.open_tab("Карточки")
    assert summed(funnel) == reached - after > 0
    cards = rows_of(funnel, "Карточки: где сейчас путь клиента")
    assert {cells(card)[2] for card in cards.all()} == {step}
    link = cards.first.locator("a", has_text="Открыть")
    assert link.get_attribute("target") == "_blank"
    funnel.open_tab("Воронка")
    rows_of(funnel, STEPS).first.locator("td").first.click()
    funnel.settle()


@pytest.mark.parametrize("view", ["Когорта", "Период"])
def test_the_greatest_loss_opens_to_its_cards(
    browser: Browser,  # noqa: F811
    stack: Stack,
    signed_in: dict[str, Any],  # noqa: F811
    view: str,
) -> None:
    """By a button, a step and a reason: as many cards as the row says, and all of them of it."""
    seen = visit(browser, stack, signed_in, slug=FUNNEL)
    press(seen, f"{view}: Лид")
    seen.open_tab("Отказы по шагам")
    step, reason, lost, *_ = cells(rows_of(seen, LOSSES).first)
    assert reason in seen.page.locator(".tile", has_text="После шага").first.inner_text()
    for column in (0, 1):
        rows_of(seen, LOSSES).first.locator("td").nth(column).click()
        seen.settle()
    seen.open_tab("Потерянные")
    assert summed(seen) == number(lost) > 0
    cards = [cells(row) for row in rows_of(seen, "Реестр потерянных: по убыванию суммы").all()]
    assert len(cards) == min(number(lost), 20)
    assert {(card[2], card[3]) for card in cards} == {(step, reason)}
    seen.page.context.close()


def test_buttons_keep_the_period_and_say_what_they_show(
    browser: Browser,  # noqa: F811
    stack: Stack,
    signed_in: dict[str, Any],  # noqa: F811
) -> None:
    seen = visit(browser, stack, signed_in, slug=FUNNEL)
    seen.choose("Отрезок", "Предыдущий")
    period = seen.page.locator(".tiles .period b").first.inner_text()
    promised = press(seen, "Период: Повторная")
    said = seen.page.locator(".tiles .period").first.inner_text()
    assert said.startswith(period) and "Вход: Повторная" in said and "Период: шаги" in said
    assert number(seen.tiles()["Вошли в воронку"]) == promised
    seen.page.context.close()


def test_manager_narrows_every_tab(funnel: Visit, stack: Stack) -> None:
    with psycopg.connect(stack.url("BI")) as warehouse:
        manager, entered, leads = warehouse.execute(  # type: ignore[misc]
            """
            select
              manager,
              sum(entered),
              (
                select sum(cohort_leads) from marts.mart_funnel__channels as channels
                where period_grain = 'Месяц' and period_choice = 'Предыдущий' and channels.manager = steps.manager
              )
            from marts.mart_funnel__steps as steps
            where
              period_grain = 'Месяц' and period_choice = 'Предыдущий' and view_kind = 'Когорта' and entry = 'Лид'
              and step_number = 1 and manager_id > 0
            group by manager
            order by 2 desc
            limit 1
            """
        ).fetchone()
    funnel.open_tab("Менеджеры и каналы")
    before = number(funnel.tiles()["Вошли в воронку"])
    rows_of(funnel, "По менеджерам").filter(has_text=manager).locator("td").first.click()
    funnel.settle()
    funnel.open_tab("Воронка")
    assert number(funnel.tiles()["Вошли в воронку"]) == entered < before
    funnel.open_tab("Каналы и UTM")
    assert number(funnel.tiles()["Обращений"]) == leads
    funnel.open_tab("Менеджеры и каналы")
    rows_of(funnel, "По менеджерам").filter(has_text=manager).locator("td").first.click()
    funnel.settle()


def test_worst_channel_stands_first_and_red(funnel: Visit, stack: Stack) -> None:
    """Money spent above what came back, worked out here by channel; spend itself is configuration."""
    with psycopg.connect(stack.url("BI")) as warehouse:
        worst, loss = warehouse.execute(  # type: ignore[misc]
            """
            select channel, sum(cohort_revenue) - sum(spend)
            from marts.mart_kpi__channel_economics
            where period_grain = 'Месяц' and period_choice = 'Предыдущий'
            group by channel
            having sum(spend) is not null
            order by 2
            limit 1
            """
        ).fetchone()
    funnel.open_tab("Каналы и UTM")
    row = rows_of(funnel, "Каналы: от убыточных к прибыльным").first
    assert cells(row)[0] == worst
    result = row.locator("td").nth(9)
    assert number(result.inner_text()) == round(abs(loss))
    if loss < 0:
        assert result.evaluate("cell => getComputedStyle(cell).color") == "rgb(211, 47, 47)"
        assert cells(row)[-1] != "Окупается"


def test_clients_stand_in_the_registers_alone() -> None:
    """Whoever may not see clients loses the two tabs of registers, and nothing of the others."""
    dashboard = dashboards()[FUNNEL]
    in_registers = {
        node["meta"]["uuid"]
        for node in nodes(dashboard).values()
        if node["type"] == "CHART" and REGISTERS & set(node["parents"])
    }
    personal, others = set(), set()
    for chart in charts_of(dashboard):
        source = datasets()[chart["dataset_uuid"]]
        if chart["uuid"] in in_registers:
            personal.add(source["table_name"])
        else:
            others.add(source["table_name"])
            assert PERSONAL.isdisjoint(chart_columns(chart["params"])), chart["slice_name"]
    for native in dashboard["metadata"]["native_filter_configuration"]:
        if not REGISTERS & set(native["scope"]["rootPath"]):
            others.add(datasets()[native["targets"][0]["datasetUuid"]]["table_name"])
    assert personal == {"mart_funnel__journey_steps", "mart_funnel__lost_journeys"}
    assert personal.isdisjoint(others)
    columns = {source["table_name"]: set(columns_of(source)) for source in datasets().values()}
    assert [mart for mart in others if PERSONAL & columns[mart]] == []
