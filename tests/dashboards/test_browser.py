"""What a head of sales sees: the dashboard in a real browser, tab by tab, and what its filters do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Browser, Page, Response, expect, sync_playwright

from tests.conftest import Stack
from tests.dashboards.bundle_reading import assets, nodes

DASHBOARD = next(iter(assets("dashboards").values()))
TABS = {
    node["meta"]["text"]: sum(
        chart["type"] == "CHART" and node["id"] in chart["parents"] for chart in nodes(DASHBOARD).values()
    )
    for node in nodes(DASHBOARD).values()
    if node["type"] == "TAB"
}
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


def visit(browser: Browser, stack: Stack, state: dict[str, Any], width: int = 1366) -> Visit:
    context = browser.new_context(
        locale="ru-RU", viewport={"width": width, "height": 900}, storage_state=state
    )  # type: ignore[arg-type]
    made = Visit(context.new_page())
    made.page.on("response", made.hear)
    made.page.goto(f"{stack.superset_url}/superset/dashboard/{DASHBOARD['slug']}/")
    expect(made.page.locator(".tile").first).to_be_visible(timeout=PATIENCE)
    made.settle()
    return made


@pytest.fixture(scope="module")
def window(browser: Browser, stack: Stack, signed_in: dict[str, Any]) -> Visit:
    return visit(browser, stack, signed_in)


@pytest.mark.parametrize("width", [1366, 1920])
def test_every_tab_draws_with_rows_and_without_errors(
    browser: Browser, stack: Stack, signed_in: dict[str, Any], width: int
) -> None:
    seen = visit(browser, stack, signed_in, width)
    page = seen.page
    expect(page.locator('input[data-test="editable-title-input"]')).to_have_value(
        DASHBOARD["dashboard_title"]
    )
    for number, (tab, charts) in enumerate(TABS.items(), 1):
        seen.open_tab(tab)
        seen.shoot(
            Path(stack.env["VORONKA_HOME"]) / "screenshots" / f"{DASHBOARD['slug']}-{width}-{number}.png"
        )
        panel = page.locator('[role="tabpanel"]:visible').last
        assert panel.locator('[data-test="chart-grid-component"]').count() == charts, tab
        assert page.locator('.ant-alert-error:visible, [data-test="chart-error"]:visible').count() == 0, tab
        assert not TROUBLE.search(panel.inner_text()), tab
        scroll, client = page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        assert scroll <= client, f"{tab}: the page is wider than the screen"
    # A running period that has only begun may leave some charts without rows; which ones, verify.py judges.
    assert [asked for status, asked, _ in seen.answers if status != 200] == []
    charts_asked = {asked["form_data"].get("slice_id") for _, asked, _ in seen.answers} - {None}
    assert len(charts_asked) == len(assets("charts"))
    page.context.close()


def test_page_is_in_russian(window: Visit) -> None:
    text = window.page.locator("body").inner_text()
    for word in ("Период", "Отрезок", "Применить", "Как читать", "Данные на", *TABS):
        assert word in text
    english = set(re.findall(r"\b[A-Za-z]{4,}\b", text)) - {"ROMI"}
    assert english == set()


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
