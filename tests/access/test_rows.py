"""Who sees what, tried as somebody would who wants to see more: by HTTP, with real logins, role by role."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import yaml

from tests.access.people import (
    PASSWORD,
    Person,
    browser,
    change_password,
    csrf,
    issued,
    log_in,
    rows_of,
    visible_to,
)
from tests.conftest import ROOT, Stack

POLICY = yaml.safe_load((ROOT / "superset" / "server" / "policy.yaml").read_text(encoding="utf-8"))
ROLES = ["director", "head_of_sales", "head_of_department", "manager", "marketer"]
REFUSED = (400, 401, 403, 404, 405)


@pytest.fixture(scope="module")
def people(stack: Stack) -> Iterator[dict[str, Person]]:
    """One person of each role, who has changed the issued password."""
    passwords, found = issued(stack), {}
    for role in ROLES:
        login, manager = rows_of(
            stack,
            "select login, people.manager_id from marts.mart_access__people as people"
            " left join lateral (select count(*) as cards from marts.fct_deals as deals"
            "   where deals.manager_id = people.manager_id) as held on true"
            " where role = %s and login <> 'director' order by cards desc, login limit 1",
            role,
        )[0]
        client = browser(stack)
        assert log_in(client, login, passwords[login]).status_code == 302
        assert change_password(client, PASSWORD).status_code == 302
        person = Person(login, role, manager, visible_to(stack, login), client)
        for slug, dashboard in POLICY["dashboards"].items():
            if set(dashboard["roles"]) & set(POLICY["portal_roles"][role]["roles"]):
                answer = client.get(f"/api/v1/dashboard/{slug}")
                assert answer.status_code == 200, f"{role}, {slug}: {answer.text}"
                person.dashboards[slug] = answer.json()["result"]["id"]
        found[role] = person
    yield found
    for person in found.values():
        person.client.close()


@pytest.fixture(scope="module")
def admin(stack: Stack) -> Iterator[httpx.Client]:
    with browser(stack) as client:
        assert log_in(client, *stack.admin).status_code == 302
        yield client


def charts_of(person: Person, slug: str) -> list[dict[str, Any]]:
    return person.client.get(f"/api/v1/dashboard/{slug}/charts").json()["result"]


def asked(
    client: httpx.Client, chart: dict[str, Any], dashboard: int | None, query: dict[str, Any], **body: Any
) -> httpx.Response:
    """A hand-made request for a chart's data."""
    form = {"slice_id": chart["id"], **({"dashboardId": dashboard} if dashboard else {})}
    source = int(chart["form_data"]["datasource"].split("__")[0])
    return client.post(
        "/api/v1/chart/data",
        json={
            "datasource": {"id": source, "type": "table"},
            "queries": [{"row_limit": 10_000, **query}],
            "form_data": form,
            "result_format": "json",
            "result_type": "full",
            **body,
        },
    )


def table_of(admin: httpx.Client, chart: dict[str, Any]) -> str:
    source = chart["form_data"]["datasource"].split("__")[0]
    return admin.get(f"/api/v1/dataset/{source}").json()["result"]["table_name"]


def is_personal(admin: httpx.Client, chart: dict[str, Any], role: str) -> bool:
    """Whether a chart's rows are of employees whom the role does not see all of."""
    table = table_of(admin, chart)
    if table in POLICY["rows"]["no_persons"]:
        return False
    return not (table in POLICY["rows"]["channels"] and role == "marketer")


@pytest.mark.parametrize("role", ROLES)
def test_every_dataset_gives_a_person_their_rows_and_no_others(
    people: dict[str, Person], admin: httpx.Client, role: str, stack: Stack
) -> None:
    person, tried = people[role], set()
    assert person.dashboards, f"no dashboard for {role}"
    for slug, dashboard in person.dashboards.items():
        for chart in charts_of(person, slug):
            table = table_of(admin, chart)
            if table in tried or not is_personal(admin, chart, role):
                continue
            tried.add(table)
            answer = asked(person.client, chart, dashboard, {"columns": ["manager_id"], "metrics": []})
            assert answer.status_code == 200, f"{table}: {answer.text}"
            seen = {row["manager_id"] for row in answer.json()["result"][0]["data"]}
            there = {row[0] for row in rows_of(stack, f"select distinct manager_id from marts.{table}")}
            assert seen == there & person.visible, f"{table} shows {role} {seen ^ (there & person.visible)}"
    assert tried or role == "marketer"


@pytest.mark.parametrize("role", ["head_of_department", "manager", "marketer"])
def test_nothing_reaches_around_the_rules(
    people: dict[str, Person], admin: httpx.Client, role: str, stack: Stack
) -> None:
    """Filters, SQL, templates, other kinds of results, and answers that a director has just been given."""
    person, director = people[role], people["director"]
    attempts, tried = 0, set()
    for slug, dashboard in person.dashboards.items():
        for chart in charts_of(person, slug):
            table = table_of(admin, chart)
            if table in tried or not is_personal(admin, chart, role):
                continue
            tried.add(table)
            there = {row[0] for row in rows_of(stack, f"select distinct manager_id from marts.{table}")}
            others = sorted(there - person.visible - {None})
            if not others:
                continue
            plain = {"columns": ["manager_id"], "metrics": []}
            in_others = {"filters": [{"col": "manager_id", "op": "IN", "val": others}]}
            # The very question that the director has asked, and whose answer Superset keeps.
            assert asked(director.client, chart, dashboard, plain).status_code == 200
            crafted: list[tuple[dict[str, Any], dict[str, Any]]] = [
                (plain, {}),
                (plain | in_others, {}),
                (plain | {"filters": [{"col": "manager_id", "op": "NOT IN", "val": [-1]}]}, {}),
                (plain | {"extras": {"where": "1=1) or (1=1"}}, {}),
                (plain | {"extras": {"where": "1=1 or 1=1"}}, {}),
                (plain | {"extras": {"having": "1=1) or (1=1"}}, {}),
                (plain | {"extras": {"where": "manager_id in (select manager_id from marts.fct_deals)"}}, {}),
                (plain | {"extras": {"where": "{{ current_username() }} is null) or (1=1"}}, {}),
                (plain | {"extras": {"where": "{{ url_param('x') }}"}}, {}),
                (
                    {
                        "columns": [],
                        "metrics": [
                            {
                                "expressionType": "SQL",
                                "sqlExpression": "(select max(manager) from marts.dim_managers)",
                                "label": "x",
                            }
                        ],
                    },
                    {},
                ),
                (
                    {
                        "columns": [
                            {
                                "expressionType": "SQL",
                                "sqlExpression": "(select string_agg(login, ',') from marts.mart_access__people)",
                                "label": "x",
                            }
                        ],
                        "metrics": [],
                    },
                    {},
                ),
                (
                    {
                        "columns": [
                            {
                                "columnType": "BASE_AXIS",
                                "expressionType": "SQL",
                                "sqlExpression": "(select 1)",
                                "label": "x",
                            }
                        ],
                        "metrics": [],
                    },
                    {},
                ),
                (plain | {"orderby": [["(select 1)", True]]}, {}),
                (plain | in_others, {"result_format": "csv"}),
                (plain, {"result_format": "xlsx"}),
                (plain, {"result_type": "samples"}),
                (plain, {"result_type": "drill_detail"}),
                (plain, {"result_type": "results"}),
                (plain, {"result_type": "post_processed"}),
                (plain, {"force": True}),
            ]
            for query, body in crafted:
                attempts += 1
                answer = asked(person.client, chart, dashboard, query, **body)
                if answer.status_code in REFUSED:
                    continue
                assert answer.status_code == 200, f"{query} {body}: {answer.status_code} {answer.text[:300]}"
                if body.get("result_format") == "xlsx":
                    assert len(answer.content) < 20_000
                    continue
                text = answer.text
                if body.get("result_format") == "csv":
                    ids = {int(line) for line in text.split()[1:] if line.strip("-").isdigit()}
                else:
                    ids = {
                        row.get("manager_id") for r in answer.json()["result"] for row in r.get("data") or []
                    }
                assert ids <= person.visible, f"{role} got {ids - person.visible} by {query} {body}"
            # Nor by the statement, nor without the dashboard, nor through one that is not theirs.
            foreign = [i for s, i in director.dashboards.items() if s not in person.dashboards]
            for where in [None, 10**6, *foreign]:
                attempts += 1
                assert asked(person.client, chart, where, plain).status_code in REFUSED
    print(f"{role}: {attempts} attempts at charts' data")
    assert attempts or role == "marketer"


@pytest.mark.parametrize("role", ["head_of_department", "manager", "marketer"])
def test_what_is_not_theirs_is_closed_by_number_and_by_name(
    people: dict[str, Person], role: str, stack: Stack
) -> None:
    person, director = people[role], people["director"]
    attempts = 0
    for slug, number in director.dashboards.items():
        if slug in person.dashboards:
            continue
        for path in (f"/api/v1/dashboard/{slug}", f"/api/v1/dashboard/{number}", f"/api/v1/dashboard/{number}/charts",
                     f"/api/v1/dashboard/{number}/datasets"):  # fmt: skip
            attempts += 1
            assert person.client.get(path).status_code in REFUSED, path
        for chart in charts_of(director, slug):
            mine = {c["id"] for own in person.dashboards for c in charts_of(person, own)}
            if chart["id"] in mine:
                continue
            # A chart of another's dashboard, asked for through the person's own.
            for dashboard in person.dashboards.values():
                attempts += 1
                assert (
                    asked(person.client, chart, dashboard, {"columns": [], "metrics": ["count"]}).status_code
                    in REFUSED
                )
    everywhere = [
        *(f"/api/v1/chart/{number}/data/" for number in range(1, 40)),
        *(f"/api/v1/chart/{number}" for number in range(1, 40)),
        *(f"/api/v1/dataset/{number}" for number in range(1, 40)),
        *(f"/datasource/get/table/{number}/" for number in range(1, 20)),
        *(f"/api/v1/datasource/table/{number}/column/manager/values/" for number in range(1, 40)),
        *(f"/explore/?slice_id={number}" for number in range(1, 4)),
        *(f"/api/v1/explore/?slice_id={number}" for number in range(1, 20)),
        "/api/v1/database/1/tables/?q=(schema_name:marts)", "/api/v1/database/1/schemas/",
        "/api/v1/database/1/table_metadata/?name=fct_deals&schema=marts", "/api/v1/database/1/select_star/fct_deals/marts/",
        "/api/v1/dashboard/export/?q=!(1)", "/api/v1/chart/export/?q=!(1)", "/api/v1/dataset/export/?q=!(1)",
        "/api/v1/rowlevelsecurity/", "/api/v1/security/users/", "/api/v1/security/roles/", "/api/v1/log/",
        "/api/v1/query/", "/api/v1/saved_query/", "/api/v1/assets/export/", "/api/v1/sqllab/", "/sqllab/",
    ]  # fmt: skip
    for path in everywhere:
        attempts += 1
        answer = person.client.get(path)
        is_page = answer.headers.get("content-type", "").startswith("text/html")
        body = (
            {}
            if is_page or not answer.content
            else answer.json()
            if "json" in answer.headers["content-type"]
            else {}
        )
        shown = body.get("result") or body.get("count")
        if path.startswith("/explore/") and is_page:
            # The page itself is empty; what it would show is asked for at /api/v1/explore/.
            continue
        assert answer.status_code in (*REFUSED, 302) or not shown, (
            f"{role}: GET {path} answered {answer.status_code}"
        )
    writes: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/api/v1/sqllab/execute/", {"database_id": 1, "sql": "select * from marts.fct_deals", "client_id": "a"}),
        ("POST", "/api/v1/chart/", {"slice_name": "x", "viz_type": "table", "datasource_id": 1, "datasource_type": "table"}),
        ("POST", "/api/v1/dashboard/", {"dashboard_title": "x"}),
        ("POST", "/api/v1/dataset/", {"database": 1, "schema": "marts", "table_name": "fct_deals"}),
        ("POST", "/api/v1/rowlevelsecurity/", {"name": "x", "clause": "1=1", "filter_type": "Base", "tables": [1], "roles": []}),
        ("PUT", "/api/v1/rowlevelsecurity/1", {"clause": "1=1"}),
        ("DELETE", "/api/v1/rowlevelsecurity/1", {}),
        ("POST", "/api/v1/security/users/", {"username": "x", "roles": [1], "email": "x@x.ru", "password": "x"}),
        ("PUT", "/api/v1/security/users/1", {"roles": [1]}),
        ("POST", "/api/v1/security/guest_token/", {"user": {"username": "director"}, "resources": [], "rls": []}),
        ("POST", "/api/v1/sqllab/estimate/", {"database_id": 1, "sql": "select 1"}),
        ("POST", "/api/v1/database/1/validate_sql/", {"sql": "select 1", "schema": "marts"}),
    ]  # fmt: skip
    headers = {"X-CSRFToken": csrf(person.client, person.client.get("/resetmypassword/form").text)}
    for method, path, body in writes:
        attempts += 1
        answer = person.client.request(method, path, json=body, headers=headers)
        assert answer.status_code in REFUSED, (
            f"{role}: {method} {path} answered {answer.status_code}: {answer.text[:200]}"
        )
    # Nobody becomes another by changing themselves.
    person.client.put("/api/v1/me/", json={"username": "director", "roles": [1]}, headers=headers)
    me = person.client.get("/api/v1/me/").json()["result"]
    assert me["username"] == person.login
    print(f"{role}: {attempts} attempts at what is closed")


def test_a_link_to_what_is_not_theirs_leads_to_what_is(people: dict[str, Person]) -> None:
    """The row of links is the same for all; none of them ends in a page in English."""
    for role, person in people.items():
        own = person.client.get("/superset/welcome/").headers["location"]
        opens = person.dashboards[POLICY["portal_roles"][role]["opens"]]
        assert own == f"/superset/dashboard/{opens}/"
        for slug in POLICY["dashboards"]:
            answer = person.client.get(f"/superset/dashboard/{slug}/")
            if slug in person.dashboards:
                assert answer.status_code == 200, f"{role}, {slug}"
            else:
                assert (answer.status_code, answer.headers["location"]) == (302, own), f"{role}, {slug}"


def test_a_stranger_gets_nothing(people: dict[str, Person], stack: Stack) -> None:
    director = people["director"]
    with browser(stack) as stranger:
        for slug, number in director.dashboards.items():
            assert stranger.get(f"/superset/dashboard/{slug}/").status_code in (302, 401, 403, 404)
            for path in (f"/api/v1/dashboard/{slug}", f"/api/v1/dashboard/{number}/charts"):
                assert stranger.get(path).status_code in REFUSED
            for chart in charts_of(director, slug)[:5]:
                assert stranger.get(f"/api/v1/chart/{chart['id']}/data/").status_code in REFUSED
                form = {"slice_id": chart["id"], "dashboardId": number}
                source = int(chart["form_data"]["datasource"].split("__")[0])
                query = {"columns": [], "metrics": ["count"]}
                body = {"datasource": {"id": source, "type": "table"}, "queries": [query], "form_data": form}
                assert stranger.post("/api/v1/chart/data", json=body).status_code in REFUSED
        for login, password in itertools.product(
            ("admin", "director"), ("admin", "director", "password", "")
        ):
            body = {"username": login, "password": password, "provider": "db"}
            assert stranger.post("/api/v1/security/login", json=body).status_code in (400, 401)


def test_new_datasets_are_closed_until_somebody_opens_them(
    people: dict[str, Person], admin: httpx.Client
) -> None:
    """Every dataset stands under exactly one rule of ours."""
    rules = admin.get("/api/v1/rowlevelsecurity/?q=(page_size:100)").json()["result"]
    ours = [rule for rule in rules if rule["group_key"] == "voronka"]
    under = [table["id"] for rule in ours for table in rule["tables"]]
    datasets = admin.get("/api/v1/dataset/?q=(page_size:500)").json()["result"]
    assert sorted(under) == sorted(dataset["id"] for dataset in datasets)
    assert {rule["filter_type"] for rule in ours} == {"Base"}
    assert all([role["name"] for role in rule["roles"]] == ["Admin"] for rule in ours), json.dumps(
        ours, ensure_ascii=False
    )


@pytest.mark.parametrize("role", ROLES)
def test_the_navigation_offers_no_dashboard_that_is_closed(people: dict[str, Person], role: str) -> None:
    person = people[role]
    page = person.client.get(f"/superset/dashboard/{sorted(person.dashboards)[0]}/").text
    hidden = set(re.findall(r'\.nav a\[href="/superset/dashboard/([^/]+)/"\] \{ display: none', page))
    assert hidden == set(POLICY["dashboards"]) - set(person.dashboards)
