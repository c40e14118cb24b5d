"""Dashboard 4 in a browser: its numbers against staging, and from every number to the clients behind it."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

import psycopg
import pytest
from playwright.sync_api import Browser, expect

from tests.conftest import Stack
from tests.dashboards.bundle_reading import assets, dashboards
from tests.dashboards.test_browser import (  # noqa: F401 - browser and signed_in are fixtures
    PATIENCE,
    Visit,
    browser,
    number,
    signed_in,
    visit,
)

CLIENTS = "baza-klientov"
LOAD = "Нагрузка менеджеров: у кого забрать, кому передать"

# Companies and contacts without one; a deal is its company's, else its contact's, whose company stands in for it.
BY_HAND = """
with own as (
  select company_id from staging.stg_bitrix24__companies where is_my_company
),
contacts as (
  select
    contact_id,
    manager_id,
    case when company_id in (select company_id from own) then null else company_id end as company_id
  from staging.stg_bitrix24__contacts
),
clients as (
  select 'company:' || company_id as client, manager_id
  from staging.stg_bitrix24__companies
  where not is_my_company
  union all
  select 'contact:' || contact_id as client, manager_id from contacts where company_id is null
),
deals as (
  select
    deals.semantic,
    pipelines.is_selling,
    coalesce(
      'company:' || case when deals.company_id in (select company_id from own) then null else deals.company_id end,
      'company:' || contacts.company_id,
      'contact:' || deals.contact_id
    ) as client
  from staging.stg_bitrix24__deals as deals
  left join contacts using (contact_id)
  -- Which pipelines sell is configuration.
  inner join marts.dim_pipelines as pipelines using (pipeline_id)
  where not deals.is_recurring_template
),
of_client as (
  select
    clients.client,
    coalesce(users.is_active, false) as can_call,
    count(*) filter (where deals.semantic = 'success' and deals.is_selling) as wins,
    count(*) filter (where deals.semantic = 'process') as in_work
  from clients
  left join deals using (client)
  left join staging.stg_bitrix24__users as users on clients.manager_id = users.user_id
  group by 1, 2
)
select
  count(*),
  count(*) filter (where in_work > 0),
  count(*) filter (where wins > 0),
  count(*) filter (where wins > 1),
  count(*) filter (where not can_call)
from of_client
"""


@pytest.fixture(scope="module")
def clients(browser: Browser, stack: Stack, signed_in: dict[str, Any]) -> Visit:  # noqa: F811
    return visit(browser, stack, signed_in, slug=CLIENTS)


def buttons(seen: Visit) -> dict[str, int]:
    """Clients that the buttons promise."""
    words = seen.page.locator(".buttons .when").all_inner_texts()
    return dict(zip(words, map(number, seen.page.locator(".buttons b").all_inner_texts()), strict=True))


def page_of(seen: Visit, column: str) -> tuple[int, list[dict[str, Any]]]:
    """How many rows the register with that column has, and those of its page: the server turns the pages."""
    answer = next(
        answer
        for status, asked, answer in reversed(seen.answers)
        if status == 200 and column in asked["queries"][0].get("columns", [])
    )
    rows, counted = answer["result"]
    return counted["data"][0]["rowcount"], rows["data"]


def chart(seen: Visit, name: str) -> Any:
    return seen.page.locator(f'[data-test-chart-name="{name}"]')


def drop_choice(seen: Visit) -> None:
    """Take back what clicks on charts chose."""
    seen.page.goto(seen.page.url.split("?")[0])
    expect(seen.page.locator(".tile").first).to_be_visible(timeout=PATIENCE)
    seen.settle()


def test_tiles_are_the_clients_of_staging(clients: Visit, stack: Stack) -> None:
    with psycopg.connect(stack.url("DBT")) as warehouse:
        everybody, in_work, buyers, again, nobodys = warehouse.execute(BY_HAND).fetchone()  # type: ignore[misc]
    assert everybody > buyers > again > 0 and in_work > 0 and nobodys > 0
    shown, promised = clients.tiles(), buttons(clients)
    lines = dict(
        zip(
            clients.page.locator(".tile .name").all_inner_texts(),
            (tile.locator(".line").all_inner_texts() for tile in clients.page.locator(".tile").all()),
            strict=True,
        )
    )
    assert number(shown["Клиентов"]) == promised["Вся база"] == everybody
    assert number(lines["Сумма в работе"][0]) == in_work
    assert [number(part) for part in lines["Купили повторно"][0].split("из")] == [again, buyers]
    assert promised["Некому вести"] == nobodys


def test_tiles_are_the_sum_of_the_register(clients: Visit, stack: Stack) -> None:
    with psycopg.connect(stack.url("BI")) as warehouse:
        rows, open_amount, revenue = warehouse.execute(
            "select count(*), round(sum(open_amount)), round(sum(revenue)) from marts.mart_clients__base"
        ).fetchone()  # type: ignore[misc]
    shown = clients.tiles()
    counted, page = page_of(clients, "open_rank")
    assert counted == rows == number(shown["Клиентов"])
    assert number(shown["Сумма в работе"]) == open_amount
    assert number(shown["Сумма успеха"]) == revenue
    amounts = [row["open_amount"] for row in page]
    assert len(page) == 20 and amounts == sorted(amounts, reverse=True), "ranked by the amount in work"


def test_register_is_ranked_by_success_in_one_click(clients: Visit) -> None:
    heading = chart(clients, "Реестр клиентов: по сумме в работе, затем по сумме успеха").locator(
        "th", has_text="Сумма успеха"
    )
    heading.click()
    clients.settle()
    if page_of(clients, "open_rank")[1][0]["revenue"] == 0:
        # The first click sorts upwards.
        heading.click()
        clients.settle()
    amounts = [row["revenue"] for row in page_of(clients, "open_rank")[1]]
    assert amounts[0] > 0 and amounts == sorted(amounts, reverse=True)
    drop_choice(clients)


def test_register_opens_cards_in_one_click(clients: Visit) -> None:
    clients.open_tab("База")
    link = clients.page.locator("table a", has_text="Открыть").first
    assert re.fullmatch(r"https?://.+/crm/(company|contact)/details/\d+/", link.get_attribute("href") or "")
    assert link.get_attribute("target") == "_blank"


def test_register_is_searched_by_the_client(clients: Visit) -> None:
    """The server searches, through all pages."""
    wanted = page_of(clients, "open_rank")[1][-1]["client"]
    clients.answers.clear()
    search = chart(clients, "Реестр клиентов: по сумме в работе, затем по сумме успеха").locator(
        'input[type="text"]'
    )
    search.fill(wanted)
    clients.page.wait_for_timeout(1500)
    clients.settle()
    _, page = page_of(clients, "open_rank")
    assert page and all(wanted.lower() in row["client"].lower() for row in page)
    drop_choice(clients)


@pytest.mark.parametrize(
    ("word", "column", "values"),
    [
        ("Категория A", "abc", {"A"}),
        ("Нельзя потерять", "rfm_group", {"Нельзя потерять"}),
        ("Спящие", "segment", {"Спящий"}),
        ("Потерянные покупатели", "segment", {"Потерянный"}),
        ("Ни одного разговора", "days_since_call", {None}),
        ("Некому вести", None, set()),
    ],
)
def test_a_button_shows_its_clients_in_one_click(
    browser: Browser,  # noqa: F811
    stack: Stack,
    signed_in: dict[str, Any],  # noqa: F811
    word: str,
    column: str | None,
    values: set[Any],
) -> None:
    seen = visit(browser, stack, signed_in, slug=CLIENTS)
    promised = buttons(seen)
    seen.answers.clear()
    with seen.page.expect_navigation(timeout=PATIENCE):
        seen.page.locator(".buttons a", has_text=word).click()
    expect(seen.page.locator(".tile").first).to_be_visible(timeout=PATIENCE)
    seen.settle()
    counted, page = page_of(seen, "open_rank")
    assert number(seen.tiles()["Клиентов"]) == promised[word] == counted > 0
    if column:
        assert {row[column] for row in page} == values
    assert buttons(seen) == promised, "the buttons themselves count the whole base"
    seen.page.context.close()


def test_a_manager_s_clients_are_one_click_from_his_load(clients: Visit) -> None:
    clients.open_tab("Матрица")
    cells = chart(clients, LOAD).locator("tbody tr").first.locator("td")
    manager, held = cells.nth(0).inner_text(), number(cells.nth(3).inner_text())
    clients.answers.clear()
    cells.nth(0).click()
    clients.settle()
    counted, page = page_of(clients, "last_call_by")
    assert counted == held == number(clients.tiles()["Клиентов"]) > 0
    assert {row["manager"] for row in page} == {manager}
    drop_choice(clients)


@pytest.mark.parametrize(
    ("name", "place", "column", "value"),
    [("Менеджер × сегмент", 5, "segment", "Потерянный"), ("Менеджер × категория", 1, "abc", "A")],
)
def test_a_number_of_the_matrix_shows_its_clients_in_one_click(
    browser: Browser,  # noqa: F811
    stack: Stack,
    signed_in: dict[str, Any],  # noqa: F811
    name: str,
    place: int,
    column: str,
    value: str,
) -> None:
    seen = visit(browser, stack, signed_in, slug=CLIENTS)
    seen.open_tab("Матрица")
    # What else is chosen stays so: the number was counted with it.
    with psycopg.connect(stack.url("BI")) as warehouse:
        (channel,) = warehouse.execute(  # type: ignore[misc]
            f"select channel from marts.mart_clients__base where {column} = %s group by 1 order by count(*) desc",
            [value],
        ).fetchone()
    seen.choose("Канал", channel)
    row = (
        seen.page.locator(".matrix", has_text=name)
        .locator("tbody tr")
        .filter(has=seen.page.locator(f"td:nth-child({place + 1}) b"))
        .first
    )
    manager, cell = row.locator("td").first.inner_text(), row.locator("td").nth(place)
    held = number(cell.locator("b").inner_text())
    seen.answers.clear()
    with seen.page.expect_navigation(timeout=PATIENCE):
        cell.locator("a").click()
    expect(seen.page.locator(".tile").first).to_be_visible(timeout=PATIENCE)
    seen.settle()
    counted, page = page_of(seen, "open_rank")
    assert number(seen.tiles()["Клиентов"]) == counted == held > 0
    assert {(row["manager"], row[column]) for row in page} == {(manager, value)}
    # «The whole base» takes back what numbers chose, of that manager and channel.
    promised = buttons(seen)["Вся база"]
    with seen.page.expect_navigation(timeout=PATIENCE):
        seen.page.locator(".buttons a", has_text="Вся база").click()
    expect(seen.page.locator(".tile").first).to_be_visible(timeout=PATIENCE)
    seen.settle()
    assert number(seen.tiles()["Клиентов"]) == promised >= held
    seen.page.context.close()


def test_matrices_hold_every_client(clients: Visit) -> None:
    clients.open_tab("Матрица")
    everybody = number(clients.tiles()["Клиентов"])
    for matrix in clients.page.locator(".matrix").all():
        rows = [
            [number(cell) for cell in row.locator("td b").all_inner_texts()]
            for row in matrix.locator("tbody tr").all()
        ]
        assert all(sum(cells) == total for *cells, total in rows), "a manager's cells are his clients"
        assert sum(total for *_, total in rows) == everybody


def test_load_is_amber_far_above_the_mean_and_red_without_a_manager_at_work(clients: Visit) -> None:
    clients.open_tab("Матрица")
    colours: dict[str, set[str]] = {}
    for row in chart(clients, LOAD).locator("tbody tr").all():
        status, load = row.locator("td").nth(2), row.locator("td").nth(4)
        colours.setdefault(status.inner_text(), set()).add(
            status.evaluate("cell => getComputedStyle(cell).color")
        )
        over = int(re.sub(r"[^\d−-]", "", load.inner_text()).replace("−", "-")) > 50
        assert (load.evaluate("cell => getComputedStyle(cell).color") == "rgb(178, 106, 0)") == over
    assert "rgb(211, 47, 47)" not in colours.pop("Работает")
    assert all(found == {"rgb(211, 47, 47)"} for found in colours.values())


def test_calls_of_managers_are_the_register_below(clients: Visit, stack: Stack) -> None:
    with psycopg.connect(stack.url("BI")) as warehouse:
        manager, pairs = warehouse.execute(
            "select manager, count(*) from marts.mart_clients__manager_calls group by 1 order by 2 desc limit 1"
        ).fetchone()  # type: ignore[misc]
    clients.open_tab("Созвоны менеджеров")
    everybody, _ = page_of(clients, "last_attempt_local")
    clients.choose("Менеджер", manager)
    counted, page = page_of(clients, "last_attempt_local")
    assert counted == pairs < everybody
    assert {row["manager"] for row in page} == {manager}
    drop_choice(clients)


def test_nobody_found_is_said_in_words(clients: Visit, stack: Stack) -> None:
    clients.page.goto(
        f"{stack.superset_url}/superset/dashboard/{CLIENTS}/?native_filters=(NATIVE_FILTER-segment:"
        "(extraFormData:(filters:!((col:segment,op:IN,val:!('Таких нет')))),filterState:(label:'Таких нет',"
        "value:!('Таких нет')),id:NATIVE_FILTER-segment,ownState:()))"
    )
    expect(clients.page.locator(".tiles .empty")).to_contain_text("снимите часть фильтров", timeout=PATIENCE)
    clients.settle()
    for tab, words in (
        ("Матрица", "Клиентов нет"),
        ("Созвоны менеджеров", "Звонков с клиентами нет"),
    ):
        clients.open_tab(tab)
        assert words in clients.text('[role="tabpanel"]:visible')
    drop_choice(clients)


def test_buttons_choose_by_filters_of_the_dashboard() -> None:
    """Each link names filters there are, and the columns they choose by."""
    filters = {
        native["id"]: native["targets"][0]["column"]["name"]
        for native in dashboards()[CLIENTS]["metadata"]["native_filter_configuration"]
    }
    template = assets("charts")["charts/klienty/knopki.yaml"]["params"]["handlebarsTemplate"]
    links = [unquote(link) for link in re.findall(r'native_filters=([^"]+)"', template)]
    assert len(links) == 6
    for link in links:
        (identity,) = re.findall(r"\((NATIVE_FILTER-[\w-]+):", link)
        (column,) = re.findall(r"\(col:(\w+),", link)
        assert filters[identity] == column
        assert f"id:{identity}," in link
