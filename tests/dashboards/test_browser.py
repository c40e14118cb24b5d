"""What a head of sales sees: the dashboards in a real browser, tab by tab, and what their filters do."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Browser, Page, Response, expect, sync_playwright

from tests.conftest import Stack
from tests.dashboards.bundle_reading import charts_of, dashboards, nodes, tabs_of

KPI, CALLS, DEALS = "kpi-otdela-prodazh", "normativ-ishodyaschih", "sdelki-v-rabote"
TROUBLE = re.compile(
    r"is not registered|Unexpected error|Data error|Ошибка в данных|\bN/A\b|\bnull\b|undefined|NaN"
)
PATIENCE = 90_000


@dataclass
class Visit:
    """A browser page on the dashboard, and the answers to its charts' questions."""

    page: Page
    answers: list[tuple[int, dict[str, Any], Any]] = field(default_factory=list)

    def hear(self, response: Response) -> None:
        if "/api/v1/chart/data" in response.url and response.request.method == "POST":
            asked = json.loads(response.request.post_data or "{}")
            self.answers.append((response.status, asked, response.json() if response.ok else response.text()))

    def settle(self) -> None:
        """Wait until every chart in view has been drawn."""
        self.page.wait_for_timeout(700)
        expect(self.page.locator('[data-test="loading-indicator"], .loading')).to_have_count(
            0, timeout=PATIENCE
        )
        self.page.wait_for_load_state("networkidle", timeout=PATIENCE)
        self.page.wait_for_timeout(700)

    def open_tab(self, name: str) -> None:
        self.page.locator('[role="tab"]').filter(has_text=name).first.click()
        self.settle()

    def choose(self, name: str, value: str) -> None:
        """Choose one value of a filter and apply."""
        label = self.page.locator('[data-test="filter-bar"] .filter-item-wrapper').filter(has_text=name).first
        label.locator(".ant-select").first.click()
        # Long lists draw only what is in view: searching brings the value there.
        self.page.keyboard.type(value)
        self.page.locator(f'.ant-select-dropdown:visible .ant-select-item-option[title="{value}"]').click()
        self.page.locator('[data-test="filter-bar__apply-button"]').click()
        self.settle()

    def tiles(self) -> dict[str, str]:
        """Values of the header tiles by name."""
        names, values = self.page.locator(".tile .name"), self.page.locator(".tile .value")
        return dict(zip(names.all_inner_texts(), values.all_inner_texts(), strict=True))

    def text(self, where: str) -> str:
        """What people read there; the word that Superset writes for nothing is drawn as a dash."""
        self.page.evaluate(
            "document.querySelectorAll('td.dt-is-null').forEach(cell => { cell.textContent = '—' })"
        )
        return self.page.locator(where).last.inner_text()

    def shoot(self, path: Path) -> None:
        """A picture of the whole page: the window grows to its height, so that nothing is left undrawn."""
        size = self.page.viewport_size or {"width": 1366, "height": 900}
        bottom = self.page.evaluate(
            "document.querySelector('.dashboard-content').getBoundingClientRect().bottom + scrollY"
        )
        self.page.set_viewport_size({"width": size["width"], "height": int(min(max(bottom + 24, 900), 5000))})
        self.settle()
        path.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=path)
        self.page.set_viewport_size(size)


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def signed_in(browser: Browser, stack: Stack) -> dict[str, Any]:
    """The viewer's cookies, after logging in by the form, which opens the dashboard."""
    context = browser.new_context(locale="ru-RU")
    page = context.new_page()
    page.goto(f"{stack.superset_url}/login/")
    page.fill("#username", stack.viewer[0], timeout=PATIENCE)
    page.fill("#password", stack.viewer[1])
    page.locator('button[type="submit"]').first.click()
    page.wait_for_url("**/superset/dashboard/**", timeout=PATIENCE)
    state = context.storage_state()
    context.close()
    return dict(state)


def visit(browser: Browser, stack: Stack, state: dict[str, Any], width: int = 1366, slug: str = KPI) -> Visit:
    context = browser.new_context(
        locale="ru-RU", viewport={"width": width, "height": 900}, storage_state=state
    )  # type: ignore[arg-type]
    made = Visit(context.new_page())
    made.page.on("response", made.hear)
    made.page.goto(f"{stack.superset_url}/superset/dashboard/{slug}/")
    expect(made.page.locator(".tile").first).to_be_visible(timeout=PATIENCE)
    made.settle()
    return made


@pytest.fixture(scope="module")
def window(browser: Browser, stack: Stack, signed_in: dict[str, Any]) -> Visit:
    return visit(browser, stack, signed_in)


@pytest.mark.parametrize("width", [1366, 1920])
@pytest.mark.parametrize("slug", dashboards())
def test_every_tab_draws_with_rows_and_without_errors(
    browser: Browser, stack: Stack, signed_in: dict[str, Any], slug: str, width: int
) -> None:
    dashboard = dashboards()[slug]
    seen = visit(browser, stack, signed_in, width, slug)
    page = seen.page
    expect(page.locator('input[data-test="editable-title-input"]')).to_have_value(
        dashboard["dashboard_title"]
    )
    english: set[str] = set()
    for number, (tab, charts) in enumerate(tabs_of(dashboard).items(), 1):
        seen.open_tab(tab)
        seen.shoot(Path(stack.env["VORONKA_HOME"]) / "screenshots" / f"{slug}-{width}-{number}.png")
        # No filter that does something on this tab hides in a menu.
        filters = page.locator('[data-test="filter-bar"] .filter-item-wrapper:visible')
        assert filters.count() == len(filters_of(dashboard, tab)), tab
        expect(page.locator('[data-test="dropdown-container-btn"]')).to_be_hidden()
        # What is empty is said in words, without a picture.
        assert page.locator(".ant-empty-image:visible").count() == 0, tab
        panel = page.locator('[role="tabpanel"]:visible').last
        assert panel.locator('[data-test="chart-grid-component"]').count() == charts, tab
        assert page.locator('.ant-alert-error:visible, [data-test="chart-error"]:visible').count() == 0, tab
        read = seen.text('[role="tabpanel"]:visible')
        assert not TROUBLE.search(read), tab
        english |= set(re.findall(r"\b[A-Za-z]{4,}\b", seen.text("body")))
        scroll, client = page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        assert scroll <= client, f"{tab}: the page is wider than the screen"
    # A running period that has only begun may leave some charts without rows; which ones, verify.py judges.
    assert [asked for status, asked, _ in seen.answers if status != 200] == []
    charts_asked = {asked["form_data"].get("slice_id") for _, asked, _ in seen.answers} - {None}
    assert len(charts_asked) == len(charts_of(dashboard))
    # A tab that no filter reaches has no bar of them.
    assert ("Применить" in seen.text("body")) == bool(filters_of(dashboard, tab))
    for word in ("Как читать", "Данные на", *tabs_of(dashboard)):
        assert word in seen.text("body")
    # Managers write what they like into cards; what the dashboards themselves say is Russian.
    assert english - words_of_the_cards(stack) - {"ROMI"} == set()
    page.context.close()


def filters_of(dashboard: dict[str, Any], tab: str) -> set[str]:
    """Names of the filters that reach something on a tab, or above the tabs."""
    layout = nodes(dashboard)
    (shown,) = (key for key, node in layout.items() if node["type"] == "TAB" and node["meta"]["text"] == tab)
    return {
        native["name"]
        for native in dashboard["metadata"]["native_filter_configuration"]
        if {shown, "ROOT_ID"} & set(native["scope"]["rootPath"])
    }


def words_of_the_cards(stack: Stack) -> set[str]:
    """Latin words in what people wrote into the CRM."""
    with psycopg.connect(stack.url("BI")) as warehouse:
        texts = warehouse.execute(
            """
            select card_title || ' ' || client from marts.mart_kpi__register
            union select title || ' ' || client || ' ' || next_step || ' ' || channel from marts.mart_pipeline__open_deals
            union select title || ' ' || client || ' ' || next_step || ' ' || channel from marts.mart_pipeline__open_leads
            union select client from marts.mart_telephony__missed_calls
            union select client || ' ' || next_step || ' ' || channel from marts.mart_clients__base
            union select title || ' ' || client from marts.fct_journeys
            union select utm_source || ' ' || utm_medium || ' ' || utm_campaign || ' ' || channel
            from marts.mart_funnel__channels
            union select title || ' ' || client from marts.mart_plan_fact__planned
            union select title || ' ' || client from marts.mart_plan_fact__cards_to_act_on
            union select title || ' ' || channel from marts.mart_health__data_quality_cards
            """
        ).fetchall()
    return {word for (text,) in texts for word in re.findall(r"\b[A-Za-z]{4,}\b", text or "")}


@pytest.mark.parametrize("grain", ["День", "Неделя", "Квартал", "Год", "Месяц"])
def test_period_filter_gives_the_numbers_of_the_ledger(window: Visit, stack: Stack, grain: str) -> None:
    """The tiles are counted anew here, from the cards' facts and the period's bounds."""
    with psycopg.connect(stack.url("BI")) as warehouse:
        rows = warehouse.execute(
            """
            select m.metric, coalesce(sum(e.amount), 0)
            from marts.dim_metrics m
            cross join marts.dim_periods p
            left join marts.fct_metric_events e
              on e.metric_code = m.metric_code and e.event_date >= p.period_start and e.event_date < p.period_end
            where m.on_dashboard_1 and m.kind = 'event' and p.period_grain = %s and p.is_current
            group by m.metric
            """,
            [grain],
        ).fetchall()
    window.choose("Период", grain)
    shown = {name: int(re.sub(r"\D", "", value) or 0) for name, value in window.tiles().items()}
    assert rows
    for metric, value in rows:
        # The page rounds halves up, Python's round() to the even number.
        assert shown[metric] == int(value + Decimal("0.5")), metric


def test_choice_of_a_period_reaches_tiles_and_not_trends(window: Visit) -> None:
    window.open_tab("Итоги")
    before = window.tiles()
    window.answers.clear()
    window.choose("Отрезок", "Предыдущий")
    assert window.tiles() != before
    asked = [
        asked
        for _, asked, _ in window.answers
        if asked["form_data"].get("viz_type") == "echarts_timeseries_bar"
    ]
    assert asked == [], "trends show the last periods whichever of them is chosen"
    previous = window.page.locator(".tile .line").first.inner_text()
    assert "на ту же дату" not in previous, "a closed period is compared with the whole one"
    window.choose("Отрезок", "Текущий")
    assert window.tiles() == before


def test_register_opens_cards_in_one_click(window: Visit, stack: Stack) -> None:
    window.open_tab("Карточки")
    link = window.page.locator("table a", has_text="Открыть").first
    assert re.fullmatch(r"https?://.+/(crm|company|telephony)?.*\d+/?.*", link.get_attribute("href") or "")
    assert link.get_attribute("target") == "_blank"


@pytest.mark.parametrize("metric", ["Создано лидов", "Успешных звонков"])
def test_register_holds_the_cards_of_a_tile(window: Visit, metric: str) -> None:
    window.open_tab("Карточки")
    window.choose("Показатель", metric)
    assert window.page.locator(".sum b").inner_text() == f"{metric}: {window.tiles()[metric]}"


def test_department_filter_reaches_tiles_and_tables(
    browser: Browser, stack: Stack, signed_in: dict[str, Any]
) -> None:
    with psycopg.connect(stack.url("BI")) as warehouse:
        department, leads = warehouse.execute(
            """
            select department, sum(value)
            from marts.mart_kpi__period
            where period_grain = 'Месяц' and is_current and metric_code = 'leads_created'
            group by department
            order by 2 desc
            limit 1
            """
        ).fetchone()  # type: ignore[misc]
    seen = visit(browser, stack, signed_in)
    seen.choose("Отдел", department)
    assert int(re.sub(r"\D", "", seen.tiles()["Создано лидов"])) == leads
    seen.answers.clear()
    seen.open_tab("Лучшие и худшие")
    rating = [answer for _, asked, answer in seen.answers if "rank_revenue" in asked["queries"][0]["metrics"]]
    assert {row["department"] for row in rating[-1]["result"][0]["data"]} <= {department}
    seen.page.context.close()


def number(text: str) -> int:
    return int(re.sub(r"\D", "", text.replace("−", "-")) or 0)


@pytest.fixture(scope="module")
def calls(browser: Browser, stack: Stack, signed_in: dict[str, Any]) -> Visit:
    return visit(browser, stack, signed_in, slug=CALLS)


@pytest.fixture(scope="module")
def deals(browser: Browser, stack: Stack, signed_in: dict[str, Any]) -> Visit:
    return visit(browser, stack, signed_in, slug=DEALS)


CALLS_BY_HAND = """
with moment as (
  select max(data_as_of) as as_of, current_setting('voronka.zone') as zone from marts.mart_health__build
),
month as (
  select
    date_trunc('month', as_of at time zone zone) - %(back)s * interval '1 month' as month_start,
    date_trunc('month', as_of at time zone zone) - (%(back)s - 1) * interval '1 month' as month_end,
    as_of,
    zone
  from moment
),
attempts as (
  select
    coalesce(session_id, 'call ' || call_id) as attempt,
    min(started_at) as started_at,
    bool_or(result_code = '200') as is_answered
  from staging.stg_bitrix24__calls
  where category = 'external' and type_id = %(type)s
  group by 1
)
select count(*), count(*) filter (where is_answered)
from attempts, month
where
  started_at at time zone zone >= month_start
  and started_at at time zone zone < month_end
  and started_at < as_of
"""


@pytest.mark.parametrize(("choice", "back"), [("Предыдущий", 1), ("Текущий", 0)])
def test_call_tiles_are_the_calls_of_staging(calls: Visit, stack: Stack, choice: str, back: int) -> None:
    """Dials, and dials with a conversation, counted anew from staging: an attempt is a session."""
    with psycopg.connect(stack.url("DBT")) as warehouse:
        warehouse.execute("select set_config('voronka.zone', %s, false)", [stack.env["VORONKA_TIMEZONE"]])
        dials, answered = warehouse.execute(CALLS_BY_HAND, {"back": back, "type": 1}).fetchone()  # type: ignore[misc]
    assert dials > answered > 0
    calls.open_tab("Норматив")
    calls.choose("Отрезок", choice)
    shown = calls.tiles()
    assert number(shown["Исходящих вызовов"]) == dials
    listed = dict(
        zip(
            calls.page.locator(".li .name").all_inner_texts(),
            calls.page.locator(".li .num").all_inner_texts(),
            strict=True,
        )
    )
    assert number(listed["Исходящих"]) == dials
    assert number(listed["С разговором"]) == answered
    assert number(listed["Входящих"]) == number(listed["Принято"]) + number(listed["Пропущено"])
    assert number(shown["Пропущено входящих"]) == number(listed["Пропущено"])


def test_talk_time_is_that_of_staging(calls: Visit, stack: Stack) -> None:
    with psycopg.connect(stack.url("DBT")) as warehouse:
        seconds = warehouse.execute(
            """
            select sum(duration_seconds)
            from staging.stg_bitrix24__calls, marts.dim_periods
            where
              category = 'external' and type_id in (1, 2, 3, 4) and result_code = '200'
              and period_grain = 'Месяц' and period_choice = 'Предыдущий'
              and (started_at at time zone %s)::date >= period_start and (started_at at time zone %s)::date < period_end
            """,
            [stack.env["VORONKA_TIMEZONE"]] * 2,
        ).fetchone()[0]  # type: ignore[index]
    calls.open_tab("Норматив")
    calls.choose("Отрезок", "Предыдущий")
    hours, minutes = divmod(round(seconds / 60), 60)
    assert calls.page.locator(".li", has_text="Всего разговоров").locator(".num").inner_text().split() == [
        str(hours),
        "ч",
        f"{minutes:02}",
        "мин",
    ]
    calls.choose("Отрезок", "Текущий")


def last_rows(seen: Visit, column: str) -> list[dict[str, Any]]:
    """Rows of the last answer that has the column."""
    return next(
        answer["result"][0]["data"]
        for status, asked, answer in reversed(seen.answers)
        if status == 200 and column in asked["queries"][0].get("columns", [])
    )


def test_call_tiles_are_totals_of_their_registers(calls: Visit) -> None:
    calls.choose("Период", "Год")
    shown = calls.tiles()
    calls.open_tab("Потерянные клиенты")
    lost = last_rows(calls, "waiting_working_hours")
    assert len(lost) == number(shown["Потерянных клиентов"]) > 0
    assert len({row["client"] + row["phone"] for row in lost}) == len(lost)
    link = calls.page.locator('[role="tabpanel"]:visible table a', has_text="Открыть").first
    assert re.fullmatch(r"https?://.+/crm/\w+/details/\d+/", link.get_attribute("href") or "")
    assert link.get_attribute("target") == "_blank"
    calls.open_tab("Пропущенные")
    assert len(last_rows(calls, "missed_local")) == number(shown["Пропущено входящих"])
    calls.choose("Период", "Месяц")


def test_norm_is_red_below_and_grey_without_a_plan(calls: Visit) -> None:
    calls.open_tab("Норматив")
    rows = calls.page.locator('[data-test-chart-name="Норматив по менеджерам"] tbody tr')
    seen = {"red": 0, "grey": 0}
    for cells in (row.locator("td") for row in rows.all()):
        plan, deviation = cells.nth(1), cells.nth(3)
        colour = deviation.evaluate("cell => getComputedStyle(cell).color")
        if "dt-is-null" in (plan.get_attribute("class") or ""):
            seen["grey"] += 1
            assert colour != "rgb(211, 47, 47)"
        elif deviation.inner_text().startswith(("-", "−")):
            seen["red"] += 1
            assert colour == "rgb(211, 47, 47)"
    assert seen["red"] > 0


DEALS_BY_HAND = """
with today as (
  select (max(data_as_of) at time zone %(zone)s)::date as today from marts.mart_health__build
)
select
  count(*),
  count(*) filter (where close_date < today),
  count(*) filter (where close_date = today)
from staging.stg_bitrix24__deals, today
where semantic = 'process' and not is_recurring_template
"""


def buttons(seen: Visit) -> dict[str, int]:
    """Deals that the buttons of expected closings promise."""
    words = seen.page.locator(".buttons .when").all_inner_texts()
    return dict(zip(words, map(number, seen.page.locator(".buttons b").all_inner_texts()), strict=True))


def test_deal_tiles_are_the_deals_of_staging(deals: Visit, stack: Stack) -> None:
    with psycopg.connect(stack.url("DBT")) as warehouse:
        open_deals, overdue, today = warehouse.execute(  # type: ignore[misc]
            DEALS_BY_HAND, {"zone": stack.env["VORONKA_TIMEZONE"]}
        ).fetchone()
        leads = warehouse.execute(
            "select count(*) from staging.stg_bitrix24__leads where semantic = 'process'"
        ).fetchone()[0]  # type: ignore[index]
    shown, promised = deals.tiles(), buttons(deals)
    assert number(shown["Сделок в работе"]) == promised["Все в работе"] == open_deals > overdue > 0
    assert number(shown["Просрочено"]) == promised["Просрочены"] == overdue
    assert promised["Закрыть сегодня"] == today
    deals.open_tab("Лиды в работе")
    assert number(deals.page.locator(".sum b").last.inner_text()) == leads


def test_tiles_are_the_sum_of_the_register(deals: Visit) -> None:
    deals.open_tab("Сделки")
    rows, shown = last_rows(deals, "amount_rank"), deals.tiles()
    assert len(rows) == number(shown["Сделок в работе"])
    assert round(sum(row["amount"] for row in rows)) == number(shown["Сумма"])
    assert sum(row["next_step"] == "Нет следующего шага" for row in rows) == number(
        shown["Без следующего шага"]
    )
    amounts = [row["amount"] for row in rows]
    assert amounts == sorted(amounts, reverse=True), "ranked by amount"


@pytest.mark.parametrize("word", ["Просрочены", "В следующем"])
def test_a_button_shows_its_deals_in_one_click(
    browser: Browser, stack: Stack, signed_in: dict[str, Any], word: str
) -> None:
    seen = visit(browser, stack, signed_in, slug=DEALS)
    ((pipeline, _),) = Counter(row["pipeline"] for row in last_rows(seen, "amount_rank")).most_common(1)
    seen.choose("Воронка", pipeline)
    promised = buttons(seen)
    seen.answers.clear()
    with seen.page.expect_navigation(timeout=PATIENCE):
        seen.page.locator(".buttons a", has_text=word).click()
    expect(seen.page.locator(".tile").first).to_be_visible(timeout=PATIENCE)
    seen.settle()
    rows = last_rows(seen, "amount_rank")
    assert number(seen.tiles()["Сделок в работе"]) == promised[word] == len(rows)
    assert {row["pipeline"] for row in rows} == {pipeline}, "what else is chosen stays so"
    assert buttons(seen) == promised, "the buttons themselves show every horizon"
    seen.page.context.close()


def test_a_tile_shows_its_deals_without_a_next_step(
    browser: Browser, stack: Stack, signed_in: dict[str, Any]
) -> None:
    """Two clicks from the open dashboard: the button of when they close, the number in red."""
    seen = visit(browser, stack, signed_in, slug=DEALS)
    with seen.page.expect_navigation(timeout=PATIENCE):
        seen.page.locator(".buttons a", has_text="Просрочены").click()
    expect(seen.page.locator(".tile").first).to_be_visible(timeout=PATIENCE)
    seen.settle()
    before, promised = seen.tiles(), number(seen.tiles()["Без следующего шага"])
    assert number(before["Сделок в работе"]) > promised > 0
    seen.answers.clear()
    with seen.page.expect_navigation(timeout=PATIENCE):
        seen.page.locator(".tile .value a").click()
    expect(seen.page.locator(".tile").first).to_be_visible(timeout=PATIENCE)
    seen.settle()
    rows = last_rows(seen, "amount_rank")
    assert len(rows) == promised == number(seen.tiles()["Сделок в работе"])
    assert {row["next_step"] for row in rows} == {"Нет следующего шага"}
    seen.page.context.close()


def test_one_horizon_is_always_chosen(deals: Visit) -> None:
    """Horizons overlap: without a choice sums would count deals several times."""
    filter_ = deals.page.locator('[data-test="filter-bar"] .filter-item-wrapper').filter(has_text="Закрыть")
    filter_.hover()
    expect(filter_.locator(".ant-select-clear")).to_be_hidden()
    assert filter_.locator(".ant-select-multiple").count() == 0


def test_silence_filter_narrows_register_and_tiles(deals: Visit, stack: Stack) -> None:
    with psycopg.connect(stack.url("BI")) as warehouse:
        manager, of_manager = warehouse.execute(
            "select manager, count(*) from marts.mart_pipeline__open_deals group by 1 order by 2 desc limit 1"
        ).fetchone()  # type: ignore[misc]
    deals.open_tab("Сделки")
    before = number(deals.tiles()["Сделок в работе"])
    deals.choose("Менеджер", manager)
    assert number(deals.tiles()["Сделок в работе"]) == of_manager < before
    assert {row["manager"] for row in last_rows(deals, "amount_rank")} == {manager}


def test_navigation_leads_from_dashboard_to_dashboard(
    browser: Browser, stack: Stack, signed_in: dict[str, Any]
) -> None:
    seen = visit(browser, stack, signed_in)
    for slug in [slug for slug in dashboards() if slug != KPI]:
        seen.page.locator(f'.nav a[href*="/{slug}/"]').click()
        expect(seen.page.locator('input[data-test="editable-title-input"]')).to_have_value(
            dashboards()[slug]["dashboard_title"], timeout=PATIENCE
        )
        expect(seen.page.locator(".tile").first).to_be_visible(timeout=PATIENCE)
    seen.page.context.close()
