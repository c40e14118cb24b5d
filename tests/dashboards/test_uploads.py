"""The head of sales uploads targets and spend through Superset: a right table counts, a wrong one changes nothing, and
the connection of uploads reaches nothing but its schema."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.conftest import ROOT, Stack
from tests.dashboards.bundle_reading import SUPERSET_PYTHON

TEMPLATES = ROOT / "docs" / "ru" / "templates"
HEADINGS = "Показатель,Для кого,Название,Период,Действует с,Действует по,Значение,На каждого"
# What a build of the plan needs: everything the uploads reach, and what tells about them.
BUILT = [
    "stg_inputs__upload_lines",
    "int_targets__lines",
    "int_kpi__spend_lines",
    "path:models/intermediate/inputs",
]
BUILT += [
    "path:models/intermediate/targets",
    "path:models/marts/plan_fact",
    "int_kpi__channel_spend",
    "mart_telephony__norm",
]
BUILT += [
    "mart_health__inputs",
    "mart_health__input_problems",
    "assert_uploads_can_be_read",
    "assert_files_can_be_read",
]


@pytest.fixture(scope="module")
def head(stack: Stack) -> httpx.Client:
    """A browser in which the head of sales has logged in: a session and its token against forgery."""
    login, password = stack.viewer
    client = httpx.Client(base_url=stack.superset_url, timeout=60, follow_redirects=True)
    client.headers["Referer"] = stack.superset_url
    client.headers["X-CSRFToken"] = forgery_token(client.get("/login/"))
    form = {"username": login, "password": password, "csrf_token": client.headers["X-CSRFToken"]}
    page = client.post("/login/", data=form)
    assert "/login" not in str(page.url)
    client.headers["X-CSRFToken"] = forgery_token(page)
    return client


def forgery_token(page: httpx.Response) -> str:
    """The token that Superset's pages carry for their own requests."""
    found = re.search(
        r'csrf_token(?:&#34;|"|&quot;)?(?:: ?(?:&#34;|&quot;|")|[^>]*?value=")([\w.-]+)', page.text
    )
    assert found, page.text[:2000]
    return found[1]


@pytest.fixture(scope="module")
def uploads_id(head: httpx.Client) -> int:
    found = head.get("/api/v1/database/").json()["result"]
    assert [database["database_name"] for database in found] == ["Загрузка таблиц"]
    return int(found[0]["id"])


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left(stack: Stack) -> Iterator[None]:
    yield
    for table in ("targets", "ad_spend"):
        assert stack.dbt("run-operation", "withdraw_upload", "--args", f"input: {table}").returncode == 0
    assert build(stack).returncode == 0


def build(stack: Stack) -> subprocess.CompletedProcess[str]:
    """At the moment of the whole build: a part of another day than the rest is refused, and the portal's midnight passes."""
    moment = one(
        stack,
        "select to_char(built_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US+00') from marts.mart_health__build",
    )
    return stack.dbt(
        *("build", "--exclude-resource-type", "unit_test", "--select", *BUILT),
        *("--vars", f"moment: '{moment[0]}'"),
    )


def upload(
    head: httpx.Client, database: int, table: str, name: str, content: bytes, **form: str
) -> httpx.Response:
    kind = "excel" if name.endswith("xlsx") else "csv"
    data = {"type": kind, "schema": "uploads", "table_name": table, "already_exists": "replace", **form}
    return head.post(f"/api/v1/database/{database}/upload/", data=data, files={"file": (name, content)})


def one(stack: Stack, query: str) -> tuple[object, ...]:
    with psycopg.connect(stack.warehouse_url) as warehouse:
        row = warehouse.execute(query).fetchone()
        assert row is not None
        return row


def state(stack: Stack, table: str) -> tuple[object, ...]:
    return one(
        stack,
        f"select source_label, status, lines_count, problems_count from marts.mart_health__inputs where input = '{table}'",
    )


def company_plan(stack: Stack) -> object:
    """What is planned of the company's revenue for January 2027, by whichever targets count."""
    return one(
        stack,
        "select round(sum(value)) from intermediate.int_targets__entered where metric_code = 'revenue_won'"
        " and scope = 'company' and problem is null and date '2027-01-15' between valid_from and valid_to",
    )[0]


def test_templates_are_what_the_script_writes(tmp_path: Path) -> None:
    script = ROOT / "superset" / "server" / "write_templates.py"
    subprocess.run([str(SUPERSET_PYTHON), str(script), str(tmp_path)], check=True)
    read = """
import sys, openpyxl
for path in sys.argv[1:]:
    for sheet in openpyxl.load_workbook(path):
        print(sheet.title, [[str(cell.value) for cell in row] for row in sheet.iter_rows()])
"""
    for name in ("targets", "ad_spend"):
        fresh, kept = tmp_path / f"{name}.csv", TEMPLATES / f"{name}.csv"
        assert fresh.read_bytes() == kept.read_bytes()
        cells = [
            subprocess.run(
                [str(SUPERSET_PYTHON), "-c", read, str(folder / f"{name}.xlsx")],
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            for folder in (tmp_path, TEMPLATES)
        ]
        assert cells[0] == cells[1] and "Как заполнить" in cells[0]


def test_a_right_table_counts_and_a_wrong_one_leaves_it_counting(
    stack: Stack, head: httpx.Client, uploads_id: int
) -> None:
    before = company_plan(stack)
    assert before not in (None, 32000000 * 2)

    # The template as it is, from Excel: dates and numbers come as such.
    template = (TEMPLATES / "targets.xlsx").read_bytes()
    answer = upload(head, uploads_id, "targets", "targets.xlsx", template)
    assert answer.status_code == 201, answer.text
    built = build(stack)
    assert built.returncode == 0, built.stdout
    assert state(stack, "targets") == ("Загрузка", "в порядке", 3, 0)
    assert company_plan(stack) == 32000000
    # A csv with the semicolons, spaces and commas of the country.
    text = HEADINGS.replace(",", ";") + "\nвыручка;Компания;;Месяц;01.01.2020;;33 000 000,50;\n"
    answer = upload(head, uploads_id, "targets", "t.csv", text.encode("utf-8-sig"), delimiter=";")
    assert answer.status_code == 201, answer.text
    assert build(stack).returncode == 0
    assert state(stack, "targets") == ("Загрузка", "в порядке", 1, 0)
    assert company_plan(stack) == 33000001
    planned = (
        "select round(sum(plan)) from marts.mart_plan_fact__daily where metric_code = 'revenue_won'"
        " and date_trunc('month', day) = (select date_trunc('month', max(day)) from marts.mart_plan_fact__daily)"
    )
    assert one(stack, planned)[0] == 33000001

    # Three mistakes: nothing fails, nothing changes, each is told with its line.
    text = (
        HEADINGS
        + "\nВыручка,компания,,месяц,01.01.2027,,99000000,\nВыручка,отдел,Нет такого,месяц,01.01.2027,,1,\n"
    )
    text += "Прибыль,компания,,месяц,01.01.2027,,1,\nСделок успех,компания,,месяц,32.01.2027,,1,\n"
    assert upload(head, uploads_id, "targets", "t.csv", text.encode()).status_code == 201
    built = build(stack)
    assert built.returncode == 0, built.stdout
    assert "WARN" in built.stdout and 'there is no department "Нет такого"' in built.stdout
    assert state(stack, "targets") == ("Загрузка", "загрузка не принята", 1, 3)
    assert company_plan(stack) == one(stack, planned)[0] == 33000001
    with psycopg.connect(stack.warehouse_url) as warehouse:
        told = warehouse.execute(
            "select line_number, column_label, problem from marts.mart_health__input_problems order by line_number"
        ).fetchall()
    assert [(line, column) for line, column, _ in told] == [
        (3, "Название"),
        (4, "Показатель"),
        (5, "Действует с"),
    ]
    assert told[0][2] == "Нет отдела «Нет такого»: напишите его, как он называется в Битрикс24"

    # A table of something else altogether, and no table at all.
    assert upload(head, uploads_id, "targets", "t.csv", b"a,b\n1,2\n").status_code == 201
    assert build(stack).returncode == 0
    assert state(stack, "targets")[:2] == ("Загрузка", "загрузка не принята")
    assert company_plan(stack) == 33000001

    # Taken back by an administrator: the file counts again.
    withdrawn = stack.dbt("run-operation", "withdraw_upload", "--args", "input: targets")
    assert withdrawn.returncode == 0, withdrawn.stdout
    assert build(stack).returncode == 0
    assert company_plan(stack) == before


def test_spend_is_uploaded_alike(stack: Stack, head: httpx.Client, uploads_id: int) -> None:
    channel = one(stack, "select min(channel) from marts.dim_channels where channel_sort < 900000")[0]
    text = f'Канал,С месяца,По месяц,Сумма в месяц,Комментарий\n{channel},2026-09-01,,"1 000,00",договор\n'
    assert upload(head, uploads_id, "ad_spend", "s.csv", text.encode()).status_code == 201
    assert build(stack).returncode == 0
    assert state(stack, "ad_spend") == ("Загрузка", "в порядке", 1, 0)
    spend = (
        "select sum(spend) from intermediate.int_kpi__channel_spend"
        " where period_grain = 'Месяц' and period_start = '2026-10-01'"
    )
    assert one(stack, spend)[0] == 1000
    wrong = text + f"{channel},2026-10-01,2026-10-01,-5,\n"
    assert upload(head, uploads_id, "ad_spend", "s.csv", wrong.encode()).status_code == 201
    assert build(stack).returncode == 0
    assert state(stack, "ad_spend")[1] == "загрузка не принята"
    assert one(stack, spend)[0] == 1000


def test_uploads_go_into_their_schema_only(head: httpx.Client, uploads_id: int) -> None:
    for schema in ("marts", "raw_inputs", "public"):
        answer = upload(head, uploads_id, "targets", "t.csv", b"a\n1\n", schema=schema)
        assert answer.status_code >= 400, schema
    databases = range(1, uploads_id + 3)
    others = [
        upload(head, number, "targets", "t.csv", b"a\n1\n") for number in databases if number != uploads_id
    ]
    assert all(answer.status_code >= 400 for answer in others)


def test_the_connection_of_uploads_reaches_nothing_else(stack: Stack) -> None:
    with psycopg.connect(stack.url("UPLOAD"), autocommit=True) as uploads:
        for table in (
            "marts.mart_kpi__register",
            "raw_bitrix24.deals",
            "raw_inputs.uploads",
            "staging.stg_bitrix24__deals",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                uploads.execute(f"select * from {table} limit 1")
        for statement in (
            "create schema mine",
            "create table public.mine (a int)",
            "create table marts.mine (a int)",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                uploads.execute(statement)
        uploads.execute("create table uploads.mine (a int)")
        uploads.execute("drop table uploads.mine")
    with psycopg.connect(stack.url("BI")) as reader, pytest.raises(psycopg.errors.InsufficientPrivilege):
        reader.execute("select * from uploads.targets")


def test_nobody_uploads_without_a_login(stack: Stack) -> None:
    answer = httpx.post(f"{stack.superset_url}/api/v1/database/1/upload/", data={"type": "csv"})
    assert answer.status_code == 401 or "/login" in answer.headers["Location"]
