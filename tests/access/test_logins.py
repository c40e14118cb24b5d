"""Logins of the portal's people: issued, changed at the first login, closed with the dismissal, never told in a log."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from typing import Any

import httpx
import psycopg

from tests.access.people import PASSWORD, browser, change_password, csrf, issued, log_in, rows_of
from tests.conftest import Stack
from tests.dashboards.test_server import script


def provision(stack: Stack, *args: str) -> subprocess.CompletedProcess[str]:
    people = {
        name: dict(zip(("username", "password"), stack.login(name, f"{name.upper()}_PASSWORD"), strict=True))
        for name in ("admin", "director")
    }
    return script(stack, "provision", *args, stdin=json.dumps(people))


def somebody(stack: Stack, number: int) -> str:
    """The login of a manager whom no other test uses."""
    query = "select login from marts.mart_access__people where role = 'manager' order by login desc"
    return rows_of(stack, query)[number][0]


def question(client: httpx.Client) -> dict[str, Any]:
    """A request for whose deals there are, as a chart of the dashboard asks."""
    head = client.get("/api/v1/dashboard/sdelki-v-rabote").json()["result"]
    charts = client.get("/api/v1/dashboard/sdelki-v-rabote/charts").json()["result"]
    chart = next(c for c in charts if "manager" in (c["form_data"].get("all_columns") or []))
    return {
        "datasource": {"id": int(chart["form_data"]["datasource"].split("__")[0]), "type": "table"},
        "queries": [{"columns": ["manager_id"], "metrics": [], "row_limit": 10}],
        "form_data": {"slice_id": chart["id"], "dashboardId": head["id"]},
        "force": True,
    }


def metadata(stack: Stack) -> psycopg.Connection:
    return psycopg.connect(stack.env["SUPERSET_DATABASE_URI"].replace("+psycopg2", ""))


def test_everybody_of_the_portal_has_a_login_and_a_password_nobody_else_reads(stack: Stack) -> None:
    logins = {row[0] for row in rows_of(stack, "select login from marts.mart_access__people")}
    passwords = issued(stack)
    assert logins - {"director"} == set(passwords)
    assert len(set(passwords.values())) == len(passwords) and all(len(p) >= 16 for p in passwords.values())
    assert stat.S_IMODE((stack.home / "new_logins.csv").stat().st_mode) == 0o600
    for log in (stack.home / "logs").rglob("*"):
        if log.is_file():
            text = log.read_text(encoding="utf-8", errors="replace")
            assert not any(password in text for password in passwords.values()), log


def test_an_issued_password_opens_nothing_but_its_change(stack: Stack) -> None:
    login = somebody(stack, 0)
    password = issued(stack)[login]
    with browser(stack) as client:
        assert log_in(client, login, password).status_code == 302
        page = client.get("/superset/welcome/")
        assert (page.status_code, page.headers["location"]) == (302, "/resetmypassword/form")
        assert client.get("/api/v1/dashboard/sdelki-v-rabote").status_code == 403
        given = {"username": login, "password": password, "provider": "db"}
        with browser(stack) as program:
            token = program.post("/api/v1/security/login", json=given).json()["access_token"]
            bearer = {"Authorization": f"Bearer {token}"}
            assert program.get("/api/v1/dashboard/sdelki-v-rabote", headers=bearer).status_code == 403
            assert program.get("/api/v1/me/", headers=bearer).status_code == 403
        # The same again, and one that is too short, are no new password.
        change_password(client, password)
        assert client.get("/api/v1/dashboard/sdelki-v-rabote").status_code == 403
        change_password(client, "короткий")
        assert client.get("/api/v1/dashboard/sdelki-v-rabote").status_code == 403
        assert change_password(client, PASSWORD).status_code == 302
        assert client.get("/api/v1/dashboard/sdelki-v-rabote").status_code == 200
    with browser(stack) as client:
        assert log_in(client, login, password).headers["location"].startswith("/login/")
        log_in(client, login, PASSWORD)
        assert client.get("/api/v1/me/").json()["result"]["username"] == login


def test_filters_chosen_at_one_address_are_kept_apart_by_login(stack: Stack) -> None:
    """Superset would keep those of one office, of one browser's make, under one key; links read them (kept_filters.py)."""
    keys = []
    for _ in range(2):
        with browser(stack) as client:
            log_in(client, *stack.viewer)
            page = client.get("/superset/dashboard/sdelki-v-rabote/")
            head = client.get("/api/v1/dashboard/sdelki-v-rabote").json()["result"]
            made = client.post(
                f"/api/v1/dashboard/{head['id']}/filter_state?tab_id=1",
                json={"value": "{}"},
                headers={"X-CSRFToken": csrf(client, page.text)},
            )
            keys.append(made.json()["key"])
    assert keys[0] != keys[1]


def test_a_spoilt_link_opens_the_dashboard_all_the_same(stack: Stack) -> None:
    """A link names its chart and what it chooses (kept_filters.py); people paste and shorten addresses."""
    with browser(stack) as client:
        log_in(client, *stack.viewer)
        for spoilt in (
            "from=ROOT_ID", "from=DASHBOARD_VERSION_KEY", "from=CHART-nowhere", "from=CHART-knopki&native_filters=((",
            "from=CHART-knopki&native_filters=(a:",
            "from=CHART-knopki&native_filters=7", "from=CHART-knopki&native_filters_key=nothing",
        ):  # fmt: skip
            answer = client.get(f"/superset/dashboard/sdelki-v-rabote/?{spoilt}", follow_redirects=True)
            assert (answer.status_code, answer.url.path) == (200, "/superset/dashboard/sdelki-v-rabote/"), (
                spoilt
            )


def test_provisioning_again_issues_nothing_and_a_lost_password_is_issued_anew(stack: Stack) -> None:
    login, before = somebody(stack, 1), issued(stack)
    again = provision(stack, "--passwords", str(stack.home / "new_logins.csv"))
    assert again.returncode == 0, again.stderr
    assert "0 new passwords, 0 closed" in again.stdout and issued(stack) == before
    said = stack.voronka("password", login)
    assert said.returncode == 0, said.stdout
    after = issued(stack)
    assert {name for name in after if after[name] != before[name]} == {login}
    assert after[login] not in said.stdout
    with browser(stack) as client:
        log_in(client, login, after[login])
        assert client.get("/superset/welcome/").headers["location"] == "/resetmypassword/form"
    unknown = stack.voronka("password", "nobody")
    assert unknown.returncode == 1 and "nobody in the warehouse has the login nobody" in unknown.stdout


def test_who_is_dismissed_sees_nothing_from_the_publication_on(stack: Stack) -> None:
    """First the warehouse no longer names them: rules show nothing; then the login is closed."""
    login = somebody(stack, 2)
    with browser(stack) as client:
        log_in(client, login, issued(stack)[login])
        change_password(client, PASSWORD)
        body = question(client)

        def rows() -> int:
            answer = client.post("/api/v1/chart/data", json=body)
            assert answer.status_code == 200, answer.text
            return len(answer.json()["result"][0]["data"])

        assert rows() == 1
        with psycopg.connect(stack.warehouse_url) as warehouse:
            kept = [
                (
                    table,
                    warehouse.execute(
                        f"delete from marts.{table} where login = %s returning *", [login]
                    ).fetchall(),
                )
                for table in ("mart_access__visible_managers", "mart_access__people")
            ]
        try:
            assert rows() == 0
            closing = provision(stack)
            assert "1 closed" in closing.stdout, closing.stdout + closing.stderr
            assert client.get("/api/v1/me/").status_code == 401
        finally:
            with psycopg.connect(stack.warehouse_url) as warehouse:
                for table, lines in reversed(kept):
                    for line in lines:
                        places = ", ".join(["%s"] * len(line))
                        warehouse.execute(f"insert into marts.{table} values ({places})", line)
        assert provision(stack).returncode == 0
        log_in(client, login, PASSWORD)
        assert rows() == 1


def test_another_role_counts_from_the_next_request_on(stack: Stack) -> None:
    """What roles may is remembered for a minute, who has which role is not; the journal names the request once."""
    login = somebody(stack, 3)
    mine = "user_id = (select id from ab_user where username = %s)"
    with browser(stack) as client, metadata(stack) as superset:
        superset.autocommit = True
        log_in(client, login, issued(stack)[login])
        change_password(client, PASSWORD)
        body = question(client)
        (before,) = superset.execute("select max(id) from logs").fetchone()  # type: ignore[misc]
        assert client.post("/api/v1/chart/data", json=body).status_code == 200
        written = superset.execute(f"select action from logs where id > %s and {mine}", [before, login])
        assert written.fetchall() == [("ChartDataRestApi.data",)]
        roles = superset.execute(f"delete from ab_user_role where {mine} returning *", [login]).fetchall()
        try:
            assert client.post("/api/v1/chart/data", json=body).status_code in (401, 403)
            assert client.get("/api/v1/dashboard/sdelki-v-rabote").status_code in (401, 403, 404)
        finally:
            for role in roles:
                superset.execute("insert into ab_user_role values (%s, %s, %s)", role)
        assert client.post("/api/v1/chart/data", json=body).status_code == 200


def test_superset_reads_the_marts_and_nothing_else(stack: Stack) -> None:
    with psycopg.connect(stack.url("BI"), autocommit=True) as reader:
        reader.execute("set default_transaction_read_only = off")
        for statement in (
            "select 1 from raw_bitrix24.users limit 1",
            "select 1 from staging.stg_bitrix24__users limit 1",
            "create table marts.mine (x int)",
            "delete from marts.mart_access__people",
            "create schema mine",
            "copy marts.mart_access__people to program 'cat'",
        ):
            try:
                reader.execute(statement)
            except psycopg.errors.InsufficientPrivilege:
                continue
            raise AssertionError(f"the dashboards' account may: {statement}")
        limit = reader.execute("show statement_timeout").fetchone()
        assert limit and limit[0] not in ("0", "")
    assert os.environ.get("WAREHOUSE_BI_PASSWORD") is None


def test_a_logout_ends_the_session_also_for_whoever_copied_its_cookie(stack: Stack) -> None:
    with browser(stack) as client, browser(stack) as thief:
        assert log_in(client, *stack.viewer).status_code == 302
        thief.cookies.update(client.cookies)
        assert thief.get("/api/v1/me/").status_code == 200
        client.get("/logout/")
        assert thief.get("/api/v1/me/").status_code == 401


def test_whoever_guesses_passwords_has_to_wait(stack: Stack) -> None:
    """By the form and by the API, counted together over all processes; others come in meanwhile."""
    login = "nobody@example.com"
    wrong = {"username": login.upper(), "password": "wrong", "provider": "db"}
    with browser(stack) as client:
        for _ in range(5):
            assert log_in(client, login, "wrong").status_code in (200, 302)
            assert client.post("/api/v1/security/login", json=wrong).status_code == 401
        refused = log_in(client, login, "wrong")
        assert refused.status_code == 429 and "Подождите" in refused.text
        assert int(refused.headers["retry-after"]) == 600
        answer = client.post("/api/v1/security/login", json=wrong)
        assert answer.status_code == 429 and "Подождите" in answer.json()["message"]
        assert log_in(client, *stack.viewer).status_code == 302
        assert client.get("/api/v1/me/").status_code == 200
    with metadata(stack) as connection:
        connection.execute("delete from voronka_failed_logins")
