"""Dashboard 6: plan and fact of managers, the cards behind every number, what is ahead, and the manager's sheet."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

import httpx
import psycopg
import pytest
from playwright.sync_api import Browser, expect

from tests.conftest import Stack
from tests.dashboards.bundle_reading import assets, dashboards
from tests.dashboards.test_browser import (  # noqa: F401 - fixtures are found by their names
    CALLS_BY_HAND,
    PATIENCE,
    Visit,
    browser,
    last_rows,
    number,
    signed_in,
    visit,
)

SLUG = "plan-fakt"
TABLE, METRICS, CARDS = "Менеджеры и показатели", "По показателям", "Карточки, из которых собраны цифры"
PERIODS = [(grain, choice) for grain in ("День", "Неделя", "Месяц") for choice in ("Текущий", "Предыдущий")]
RED = "rgb(211, 47, 47)"


class Asking:
    """Data of this dashboard's charts as the viewer may ask for it, with the filters that a visitor would choose."""

    def __init__(self, stack: Stack) -> None:
        self.client = httpx.Client(base_url=stack.superset_url, timeout=120)
        login, password = stack.viewer
        body = {"username": login, "password": password, "provider": "db"}
        token = self.client.post("/api/v1/security/login", json=body).json()["access_token"]
        self.client.headers["Authorization"] = f"Bearer {token}"
        self.dashboard = self.client.get(f"/api/v1/dashboard/{SLUG}").json()["result"]["id"]
        charts = self.client.get(f"/api/v1/dashboard/{SLUG}/charts").json()["result"]
        self.charts = {chart["slice_name"]: chart for chart in charts}

    def rows(
        self, chart: str, columns: list[str], metrics: list[str] | None, **chosen: str
    ) -> list[dict[str, Any]]:
        """Rows of a chart's dataset; without metrics as they are."""
        found = self.charts[chart]
        query = {
            "columns": columns,
            "metrics": metrics,
            "filters": [{"col": column, "op": "IN", "val": [value]} for column, value in chosen.items()],
            "row_limit": 50_000,
        }
        answer = self.client.post(
            "/api/v1/chart/data",
            json={
                "datasource": {
                    "id": int(found["form_data"]["datasource"].split("__")[0]),
                    "type": "table",
                },
                "queries": [query],
                "form_data": {"slice_id": found["id"], "dashboardId": self.dashboard},
                "result_format": "json",
                "result_type": "full",
            },
        )
        assert answer.status_code == 200, answer.text
        return list(answer.json()["result"][0]["data"])


@pytest.fixture(scope="module")
def asking(stack: Stack) -> Asking:
    return Asking(stack)


@pytest.fixture(scope="module")
def plan(browser: Browser, stack: Stack, signed_in: dict[str, Any]) -> Visit:  # noqa: F811
    return visit(browser, stack, signed_in, slug=SLUG)


def totals(seen: Visit) -> dict[str, str]:
    """What the line above the cards says, by metric."""
    words = seen.page.locator('[role="tabpanel"]:visible .sum .one b').all_inner_texts()
    return dict(word.rsplit(": ", 1) for word in words)


def column(seen: Visit, chart: str, heading: str) -> int:
    """Which column of a table has that heading."""
    headings = seen.page.locator(f'[data-test-chart-name="{chart}"] thead th').all_inner_texts()
    return [" ".join(text.split()) for text in headings].index(heading)


def row(seen: Visit, chart: str, *words: str) -> Any:
    found = seen.page.locator(f'[data-test-chart-name="{chart}"] tbody tr')
    for word in words:
        found = found.filter(has_text=word)
    return found.first


# --- the register's total is the number ------------------------------------------------------------------------------


@pytest.mark.parametrize(("grain", "choice"), PERIODS)
def test_cards_add_up_to_every_number(asking: Asking, grain: str, choice: str) -> None:
    """Each manager's number of each metric, against the cards that choosing both leaves in the register."""
    period = {"period_grain": grain, "period_choice": choice}
    numbers = asking.rows(TABLE, ["manager", "metric", "unit"], ["fact"], **period)
    sums = asking.rows("Итог по карточкам", ["manager", "metric"], ["total", "events"], **period)
    cards = {(line["manager"], line["metric"]): line for line in sums}
    assert set(cards) <= {(line["manager"], line["metric"]) for line in numbers}, "cards of no number"
    for line in numbers:
        opened = cards.get((line["manager"], line["metric"]), {"total": None})
        # The table shows whole money, and one decimal of the rest.
        step = 0.51 if line["unit"] == "money" else 0.051
        assert abs((opened["total"] or 0) - (line["fact"] or 0)) < step, (line, opened)
    if (grain, choice) == ("Месяц", "Предыдущий"):
        assert len(cards) > 20


@pytest.mark.parametrize("metric", ["Исходящих вызовов", "Выручка, ₽", "Доля выигранных сделок, %"])
def test_rows_of_the_register_are_the_total(asking: Asking, metric: str) -> None:
    """The rows themselves, counted and summed here; of a ratio those above the line ÷ those below it."""
    chosen = {"period_grain": "Месяц", "period_choice": "Предыдущий", "metric": metric}
    (said,) = asking.rows("Итог по карточкам", ["metric"], ["total", "events"], **chosen)
    rows = asking.rows(
        CARDS, ["card_id", "card_type_label", "amount", "is_above", "is_below", "event_at"], None, **chosen
    )
    assert len(rows) == said["events"] > 0
    above = sum(Decimal(str(line["amount"])) for line in rows if line["is_above"])
    below = sum(Decimal(str(line["amount"])) for line in rows if line["is_below"])
    assert float(100 * above / below if below else above) == pytest.approx(said["total"])


def test_payments_by_client_are_the_payments_of_the_report(asking: Asking) -> None:
    for choice in ("Текущий", "Предыдущий"):
        period = {"period_grain": "Месяц", "period_choice": choice}
        paid = asking.rows("Оплаты по менеджерам и клиентам", ["manager", "client"], ["paid"], **period)
        (fact,) = asking.rows(METRICS, ["metric"], ["fact"], metric_code="payments_received", **period)
        assert sum(line["paid"] for line in paid) == pytest.approx(fact["fact"], abs=0.51)


@pytest.mark.parametrize("choice", ["Текущий", "Следующий", "Просрочено"])
def test_the_look_ahead_is_its_register(asking: Asking, choice: str) -> None:
    for grain in ("День", "Неделя", "Месяц"):
        period = {"period_grain": grain, "period_choice": choice}
        (said,) = asking.rows("Вперёд: главное", [], ["deals_due", "activities_planned"], **period)
        rows = asking.rows("Сделки к закрытию и дела", ["item_type", "item_id"], None, **period)
        kinds = [line["item_type"] for line in rows]
        assert kinds.count("deal") == (said["deals_due"] or 0)
        assert kinds.count("activity") == (said["activities_planned"] or 0)


# --- numbers counted anew from staging -------------------------------------------------------------------------------


CREATED_BY_HAND = """
with month as (
  select
    date_trunc('month', max(data_as_of) at time zone %(zone)s) - interval '1 month' as month_start,
    date_trunc('month', max(data_as_of) at time zone %(zone)s) as month_end
  from marts.mart_health__build
)
select
  (
    select count(*) from staging.stg_bitrix24__leads, month
    where created_at at time zone %(zone)s >= month_start and created_at at time zone %(zone)s < month_end
  ),
  (
    select count(*) from staging.stg_bitrix24__deals, month
    where
      lead_id is null and not is_recurring_template
      and created_at at time zone %(zone)s >= month_start and created_at at time zone %(zone)s < month_end
  )
"""


def test_facts_are_those_of_staging(asking: Asking, stack: Stack) -> None:
    with psycopg.connect(stack.url("DBT")) as warehouse:
        warehouse.execute("select set_config('voronka.zone', %s, false)", [stack.env["VORONKA_TIMEZONE"]])
        dials, _ = warehouse.execute(CALLS_BY_HAND, {"back": 1, "type": 1}).fetchone()  # type: ignore[misc]
        leads, deals = warehouse.execute(  # type: ignore[misc]
            CREATED_BY_HAND, {"zone": stack.env["VORONKA_TIMEZONE"]}
        ).fetchone()
    period = {"period_grain": "Месяц", "period_choice": "Предыдущий"}
    shown = {
        line["metric_code"]: line["fact"]
        for line in asking.rows(METRICS, ["metric_code"], ["fact"], **period)
    }
    assert (shown["calls_outbound"], shown["leads_created"], shown["deals_without_leads"]) == (
        dials,
        leads,
        deals,
    )
    assert min(dials, leads, deals) > 0


def test_what_is_due_is_due_in_staging(asking: Asking, stack: Stack) -> None:
    with psycopg.connect(stack.url("DBT")) as warehouse:
        rest, overdue = warehouse.execute(  # type: ignore[misc]
            """
            with today as (
              select (max(data_as_of) at time zone %(zone)s)::date as today from marts.mart_health__build
            )
            select
              count(*) filter (
                where close_date >= today and close_date < (date_trunc('month', today) + interval '1 month')::date
              ),
              count(*) filter (where close_date < today)
            from staging.stg_bitrix24__deals, today
            where semantic = 'process' and not is_recurring_template
            """,
            {"zone": stack.env["VORONKA_TIMEZONE"]},
        ).fetchone()
    for choice, expected in (("Текущий", rest), ("Просрочено", overdue)):
        (said,) = asking.rows(
            "Вперёд: главное", [], ["deals_due"], period_grain="Месяц", period_choice=choice
        )
        assert (said["deals_due"] or 0) == expected


def test_plan_of_the_month_is_the_target_of_the_company(asking: Asking, stack: Stack) -> None:
    """The plan of all managers together is what somebody entered for the company."""
    with psycopg.connect(stack.url("DBT")) as warehouse:
        entered = warehouse.execute(
            "select value from raw_inputs.demo_targets where metric_code = 'payments_received' and scope = 'company'"
        ).fetchone()[0]  # type: ignore[index]
    (said,) = asking.rows(
        METRICS,
        ["metric_code"],
        ["plan"],
        metric_code="payments_received",
        period_grain="Месяц",
        period_choice="Текущий",
    )
    assert said["plan"] == pytest.approx(float(entered), abs=1)


# --- in the browser --------------------------------------------------------------------------------------------------


def test_a_click_on_a_metric_and_one_on_a_manager_leave_the_cards_of_their_number(plan: Visit) -> None:
    plan.open_tab("Отчёт")
    plan.choose("Отрезок", "Предыдущий")
    everything = len(last_rows(plan, "metric_and_part"))
    metric = "Исходящих вызовов"
    row(plan, METRICS, metric).locator("td").first.click()
    plan.settle()
    assert list(totals(plan)) == [metric]
    fact = row(plan, METRICS, metric).locator("td").nth(column(plan, METRICS, "Факт")).inner_text()
    assert totals(plan)[metric].split() == fact.split()
    assert 0 < len(last_rows(plan, "metric_and_part")) == number(fact) < everything
    # The table of managers shows this metric alone now: whoever did the most is no empty example.
    lines = plan.page.locator(f'[data-test-chart-name="{TABLE}"] tbody tr')
    place = column(plan, TABLE, "Факт")
    best = max(
        range(lines.count()), key=lambda at: number(lines.nth(at).locator("td").nth(place).inner_text())
    )
    manager, fact = (lines.nth(best).locator("td").nth(at).inner_text() for at in (0, place))
    lines.nth(best).locator("td").first.click()
    plan.settle()
    cards = last_rows(plan, "metric_and_part")
    assert {(card["manager"], card["metric_and_part"]) for card in cards} == {(manager, metric)}
    assert len(cards) == number(totals(plan)[metric]) == number(fact) > 0
    link = plan.page.locator(f'[data-test-chart-name="{CARDS}"] table a', has_text="Открыть").first
    assert re.fullmatch(r"https?://.+/crm/\w+/details/\d+/", link.get_attribute("href") or "")
    assert link.get_attribute("target") == "_blank"


@pytest.mark.parametrize("where", [".grid .cell a", f'[data-test-chart-name="{TABLE}"] table a'])
def test_one_click_opens_the_cards_of_one_number(
    browser: Browser,  # noqa: F811
    stack: Stack,
    signed_in: dict[str, Any],  # noqa: F811
    where: str,
) -> None:
    seen = visit(browser, stack, signed_in, slug=SLUG)
    links = seen.page.locator(where)
    assert links.count() > 10
    chosen = re.findall(r"value:!\('(.*?)'\)", unquote(links.first.get_attribute("href") or ""))
    seen.answers.clear()
    with seen.page.expect_navigation(timeout=PATIENCE):
        links.first.click()
    expect(seen.page.locator(".tile").first).to_be_visible(timeout=PATIENCE)
    seen.settle()
    assert chosen[:2] == ["Месяц", "Текущий"] and len(chosen) == 4
    left = seen.page.locator(f'[data-test-chart-name="{TABLE}"] tbody tr')
    expect(left).to_have_count(1)
    expect(seen.page.locator(f'[data-test-chart-name="{CARDS}"]')).to_be_in_viewport()
    words = left.first.locator("td").all_inner_texts()
    assert words[:2] == [chosen[3], chosen[2]]
    fact = words[column(seen, TABLE, "Факт")]
    assert totals(seen).get(chosen[2], "0").split() == fact.split() or number(fact) == 0
    assert {card["manager"] for card in last_rows(seen, "metric_and_part")} <= {chosen[3]}
    seen.page.context.close()


def test_a_button_shows_its_period_in_one_click(
    browser: Browser,  # noqa: F811
    stack: Stack,
    signed_in: dict[str, Any],  # noqa: F811
) -> None:
    seen = visit(browser, stack, signed_in, slug=SLUG)
    buttons = seen.page.locator(".when-buttons a")
    assert buttons.locator(".when").all_inner_texts() == [
        "Сегодня",
        "Вчера",
        "Эта неделя",
        "Прошлая неделя",
        "Этот месяц",
        "Прошлый месяц",
    ]
    promised = buttons.nth(5).locator("b").inner_text()
    with seen.page.expect_navigation(timeout=PATIENCE):
        buttons.nth(5).click()
    expect(seen.page.locator(".tile").first).to_be_visible(timeout=PATIENCE)
    seen.settle()
    with psycopg.connect(stack.url("BI")) as warehouse:
        label, unmet = warehouse.execute(
            """
            select max(period_label), count(distinct manager_id) filter (where is_unmet)
            from marts.mart_plan_fact__attainment
            where period_grain = 'Месяц' and period_choice = 'Предыдущий'
            """
        ).fetchone()  # type: ignore[misc]
    assert seen.page.locator(".tiles .period b").first.inner_text() == label
    assert number(promised) == unmet > 0
    seen.page.context.close()


def test_the_unmet_is_red_and_what_has_no_plan_a_dash(
    browser: Browser,  # noqa: F811
    stack: Stack,
    signed_in: dict[str, Any],  # noqa: F811
    asking: Asking,
) -> None:
    seen = visit(browser, stack, signed_in, slug=SLUG)
    # A closed month: on a Sunday that is the first of its month nothing is unmet yet.
    seen.choose("Отрезок", "Предыдущий")
    period = {"period_grain": "Месяц", "period_choice": "Предыдущий"}
    unmet = {line["metric"]: line["unmet"] for line in asking.rows(METRICS, ["metric"], ["unmet"], **period)}
    colours = {"red": 0, "dash": 0, "met": 0}
    for line in seen.page.locator(f'[data-test-chart-name="{METRICS}"] tbody tr').all():
        cells = line.locator("td")
        metric = cells.first.inner_text()
        plan_cell, deviation = (
            cells.nth(column(seen, METRICS, heading)) for heading in ("План", "Отклонение")
        )
        colour = deviation.evaluate("cell => getComputedStyle(cell).color")
        if "dt-is-null" in (plan_cell.get_attribute("class") or ""):
            colours["dash"] += 1
            assert colour != RED, metric
        else:
            colours["red" if unmet[metric] else "met"] += 1
            assert (colour == RED) == bool(unmet[metric]), metric
    assert colours["red"] > 0 and colours["dash"] > 0
    # The grid has cells of people with a plan alone: what stays grey has none.
    with psycopg.connect(stack.url("BI")) as warehouse:
        planned, missed = warehouse.execute(
            """
            select count(*), count(*) filter (where is_unmet)
            from marts.mart_plan_fact__attainment
            where period_grain = 'Месяц' and period_choice = 'Предыдущий' and has_plan
            """
        ).fetchone()  # type: ignore[misc]
    assert seen.page.locator(".grid .cell").count() == planned
    assert seen.page.locator(".grid .cell.v-1").count() == missed
    seen.page.context.close()


def test_a_click_opens_the_sheet_of_one_manager(
    browser: Browser,  # noqa: F811
    stack: Stack,
    signed_in: dict[str, Any],  # noqa: F811
) -> None:
    seen = visit(browser, stack, signed_in, slug=SLUG)
    seen.open_tab("Лист менеджера")
    first = row(seen, "Менеджеры месяца").locator("td").first
    manager = first.inner_text()
    seen.answers.clear()
    first.click()
    seen.settle()
    panel = seen.page.locator('[role="tabpanel"]:visible').last
    assert panel.locator(".period b").inner_text() == manager
    assert re.fullmatch(r"\d+ из \d+", seen.tiles()["Место в рейтинге"])
    with psycopg.connect(stack.url("BI")) as warehouse:
        cards, unmet, target = warehouse.execute(
            """
            select
              (select count(*) from marts.mart_plan_fact__cards_to_act_on where is_main and manager = %(manager)s),
              count(*) filter (where is_unmet),
              max(plan) filter (where metric_code = 'revenue_won')
            from marts.mart_plan_fact__manager_sheet
            where is_current and manager = %(manager)s
            """,
            {"manager": manager},
        ).fetchone()  # type: ignore[misc]
    assert number(seen.tiles()["Показателей ниже плана"]) == unmet
    goal = row(seen, "Цели месяца", "Выручка").locator("td").nth(column(seen, "Цели месяца", "Цель"))
    assert number(goal.inner_text() if target is not None else "0") == int((target or 0) + Decimal("0.5"))
    rows = last_rows(seen, "reasons")
    assert {line["manager"] for line in rows} <= {manager}
    assert len(rows) == cards
    said = panel.locator(".sum b").inner_text()
    assert said == (f"Карточек к действию: {cards}" if cards else "Карточек к действию нет")
    seen.page.context.close()


# --- links of the bundle ---------------------------------------------------------------------------------------------


def test_links_choose_filters_that_the_dashboard_has() -> None:
    metrics = {
        metric["metric_name"]: metric["expression"]
        for metric in assets("datasets")["datasets/voronka/mart_plan_fact__attainment.yaml"]["metrics"]
    }
    filters = {
        native["id"]: native["targets"][0]["column"]["name"]
        for native in dashboards()[SLUG]["metadata"]["native_filter_configuration"]
    }
    for name, count in (("period_href", 2), ("cards_href", 4), ("cards_link", 4)):
        chosen = re.findall(r"(NATIVE_FILTER-\w+):\(extraFormData:\(filters:!\(\(col:(\w+),", metrics[name])
        assert len(chosen) == count
        assert all(filters[filter_id] == column_ for filter_id, column_ in chosen)
        assert f"/superset/dashboard/{SLUG}/?" in metrics[name]


def test_a_link_bears_any_name(stack: Stack) -> None:
    """Names that would end the notation, the address or its attribute come through as they are."""
    expression = next(
        metric["expression"]
        for metric in assets("datasets")["datasets/voronka/mart_plan_fact__attainment.yaml"]["metrics"]
        if metric["metric_name"] == "cards_href"
    )
    name = 'О\'Нил & "Ко" 50% + #1 <b>!'
    with psycopg.connect(stack.url("BI")) as warehouse:
        url = warehouse.execute(
            f"""
            select {expression.replace("%", "%%")}
            from (
              values ('Месяц', 'Текущий', 'Выручка, ₽', %s)
            ) as line (period_grain, period_choice, metric, manager)
            """,
            [name],
        ).fetchone()[0]  # type: ignore[index]
    address, anchor = url.split("#")
    assert anchor in dashboards()[SLUG]["position"]
    assert not set("\"'<>+&") & set(address.split("native_filters=", 1)[1])
    read = re.findall(r"val:!\('((?:[^'!]|!.)*)'\)", unquote(url))
    assert read[3].replace("!'", "'").replace("!!", "!") == name
