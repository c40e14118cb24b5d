"""What people write wrongly into files and variables: named with its line and cure, in one build, and nothing is published."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import psycopg
import pytest

from tests.conftest import DBT, ROOT, Stack

# Wrong lines by file, each with what must be said of it; files are longer than their own first lines nowhere.
WRONG: dict[str, list[tuple[str, str]]] = {
    "targets": [
        ("profit,company,,month,2026-01-01,,1,", 'there is no metric "profit"'),
        ("deals_won,firm,,month,2026-01-01,,1,", 'scope is "firm"'),
        ("deals_won,department,Нет такого,month,2026-01-01,,1,", 'there is no department "Нет такого"'),
        ("deals_won,manager,Никто,month,2026-01-01,,1,", 'there is no employee "Никто"'),
        ("deals_won,company,,quarter,2026-01-01,,1,", 'period is "quarter"'),
        ("deals_won,company,,month,2026-02-30,,1,", "valid_from is no day"),
        ("deals_won,company,,month,2025-01-01,2024-01-01,1,", "valid_to is before valid_from"),
        ("deals_won,company,,month,2024-01-01,2024-01-31,много,", "value is no number"),
        ("deals_won,company,,month,2023-01-01,2023-01-31,-5,", "value is negative"),
        ("deals_won,company,,month,2022-01-01,2022-01-31,1,иногда", "per_person is neither true nor false"),
        ("leads_created,company,,month,2026-01-01,,1,", "line 13 holds on the same days"),
        ("leads_created,company,,month,2026-05-01,,1,", ""),
    ],
    "ad_spend": [
        (",2026-01-01,,1", "channel is empty"),
        ("Сайт,январь,,1", "from_month is no day"),
        ("Сайт,2020-05-01,2020-04-01,1", "to_month is before from_month"),
        ("Сайт,2021-01-01,2021-01-01,-1", "amount_per_month is negative"),
        ("Сайт,2021-03-01,2021-03-01,0", "amount_per_month is 0"),
        ("Сайт,2021-05-01,2021-05-01,сто", "amount_per_month is no number"),
        ("Сайт,2022-01-01,2022-06-01,1", "line 9 is for the same channel and month"),
        ("Сайт,2022-06-01,2022-08-01,1", ""),
    ],
    "absences": [
        ("Никто,2026-01-01,,отпуск", 'there is no employee "Никто"'),
        (",2026-01-01,,отпуск", "employee is empty"),
    ],
    "production_calendar": [
        ("2026-13-01,false,Праздник", "day is no day"),
        ("2026-01-01,возможно,Праздник", "is_working is neither true nor false"),
        ("2026-01-02,false,Праздник", ""),
        ("2026-01-02,false,Праздник", "line 4 has the same day already"),
    ],
    "channel_groups": [
        ("WEB,Сайт,10", ""),
        ("WEB,Реклама,20", 'line 2 has the source "WEB" already'),
        ("CALL,Звонки,первый", "sort is no whole number"),
        ("EMAIL,,10", "channel is empty"),
    ],
    "people": [
        (",director,director", ""),
        ("Никто,,manager", 'there is no employee "Никто"'),
        (",,manager", "neither employee nor login"),
        (",Директор,director", 'login is "Директор"'),
        (",admin,director", "Voronka's own"),
        (",owner,boss", 'role is "boss"'),
        (",director,analyst", "line 2 has the login already"),
    ],
    "user_fields": [
        ("сделка,ufCrm_1,Бюджет", 'card_type is "сделка"'),
        ("deal,,Бюджет", "field is empty"),
    ],
}
# Values of variables, and a word of what must be said of each; none for a good one.
VALUES: list[tuple[str, str, str]] = [
    ("stuck_share", "0.75", ""),
    ("stuck_share", "1.5", "share"),
    ("stuck_share", "'many'", "share"),
    ("stage_norm_days", "365", ""),
    ("stage_norm_days", "0", "whole number"),
    ("stage_norm_days", "2.5", "whole number"),
    ("stage_norm_days", "true", "whole number"),
    ("stage_norm_days", "none", "whole number"),
    ("targets_for_heads", "false", ""),
    ("targets_for_heads", "'maybe'", "true or false"),
    ("selling_pipelines", "'all'", ""),
    ("selling_pipelines", "[0, '5']", ""),
    ("selling_pipelines", "5", "list of ids"),
    ("selling_pipelines", "['sales']", "list of ids"),
    ("selling_departments", "[]", "list of ids"),
    ("payment_stages", "[]", ""),
    ("payment_stages", "'C9:UC_PAID'", "list of texts"),
    ('payment_stages', '["a\'b"]', "list of texts"),
    ("working_weekdays", "[1, 7]", ""),
    ("working_weekdays", "[0, 8]", "Monday"),
    ("working_weekdays", "[1, 1]", "Monday"),
    ("working_weekdays", "5", "Monday"),
    ("schema_suffix", "none", ""),
    ("schema_suffix", "'Прод'", "small letters"),
    ("base_currency", "'RUB'", ""),
    ("base_currency", "'рубли'", "capital letters"),
    ("loss_reason_field", "'ufCrm_170'", ""),
    ("loss_reason_field", "'Причина'", "user field"),
]  # fmt: skip
DAYS = [("2026-02-28", ""), ("2024-02-29", ""), ("2026-02-30", "calendar"), ("28.02.2026", "YYYY-MM-DD")]
DAYS += [("2026-12-31", ""), ("2026-13-01", "YYYY-MM-DD"), ("2026-06-00", "calendar")]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the dbt project, whose files a test may spoil."""
    copy = tmp_path / "project"
    shutil.copytree(ROOT / "dbt_project", copy, ignore=shutil.ignore_patterns("target", "logs"))
    return copy


def spoil(project: Path, name: str, lines: list[str]) -> None:
    path = project / "seeds" / f"{name}.csv"
    header = path.read_text(encoding="utf-8").splitlines()[0]
    path.write_text("\n".join([header, *lines, ""]), encoding="utf-8")


def dbt(stack: Stack, project: Path, *args: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **stack.env, "DBT_PROJECT_DIR": str(project), "DBT_PROFILES_DIR": str(project)}
    env["DBT_TARGET_PATH"] = str(project / "target")
    return subprocess.run([str(DBT), *args], env=env, cwd=project, capture_output=True, text=True)


def drop_schemas(stack: Stack) -> None:
    with psycopg.connect(stack.warehouse_url, autocommit=True) as warehouse:
        for schema in ("raw_inputs", "staging", "intermediate", "marts"):
            warehouse.execute(f"drop schema if exists {schema}_wrong_inputs cascade")


def test_every_wrong_line_is_named_with_its_cure(stack: Stack, project: Path) -> None:
    for name, lines in WRONG.items():
        spoil(project, name, [line for line, _ in lines])
    built = dbt(
        stack, project, "build", "--select", "+int_inputs__problems", "assert_files_can_be_read",
        "--indirect-selection", "cautious", "--exclude-resource-type", "unit_test",
        "--vars", "schema_suffix: wrong_inputs",
    )  # fmt: skip
    try:
        assert built.returncode == 1, built.stdout
        said = {
            (name, int(line)): problem
            for name, line, problem in re.findall(r"seeds/(\w+)\.csv, line (\d+): (.*)", built.stdout)
        }
        for name, lines in WRONG.items():
            for number, (_, problem) in enumerate(lines, start=2):
                told = said.pop((name, number), "")
                assert problem in told and bool(problem) == bool(told), f"{name}, line {number}: {told!r}"
        assert said == {}
    finally:
        drop_schemas(stack)


def test_ids_that_the_portal_does_not_have_are_named(stack: Stack, project: Path) -> None:
    given = {
        "schema_suffix": "wrong_inputs", "not_selling_pipelines": "0, 777", "selling_departments": [888],
        "call_norm_metric": "calls_of_love",
    }  # fmt: skip
    built = dbt(
        stack, project, "build", "--select", "+assert_named_ids_exist", "--indirect-selection", "cautious",
        "--exclude-resource-type", "unit_test", "--vars", json.dumps(given),
    )  # fmt: skip
    try:
        assert built.returncode == 1, built.stdout
        said = re.findall(r"variable (\w+): there is no (\w+) (\w+)\.", built.stdout)
        assert sorted(said) == [
            ("call_norm_metric", "metric_code", "calls_of_love"),
            ("not_selling_pipelines", "pipeline_id", "777"),
            ("selling_departments", "department_id", "888"),
        ]
    finally:
        drop_schemas(stack)


def test_a_failed_build_is_told_and_publishes_nothing(stack: Stack, project: Path) -> None:
    nodes = [
        "absences",
        "int_targets__absences",
        "int_inputs__problems",
        "int_inputs__uploads",
        "mart_health__inputs",
    ]
    select = ["--select", *nodes, "assert_files_can_be_read", "--indirect-selection", "cautious"]
    shown = "select status, is_problem, failures from marts.mart_health__tests where check_name = 'assert_files_can_be_read'"
    listed = (
        "select severity, problem, dashboards, cure, since_local is not null from marts.mart_health__problems"
        " where subject = 'Таблицы, которые заполняют люди' order by severity desc"
    )
    lines = "select lines_count from marts.mart_health__inputs where input = 'absences'"
    with psycopg.connect(stack.warehouse_url, autocommit=True) as warehouse:
        before = warehouse.execute(lines).fetchone()
        spoil(project, "absences", ["О'Нил 100% \\ «Никто»,2026-01-01,,отпуск", "Никто,2026-01-01,,отпуск"])
        failed = dbt(stack, project, "build", *select)
        try:
            assert failed.returncode == 1 and "Nothing published" in failed.stdout, failed.stdout
            assert warehouse.execute(shown).fetchone() == ("ошибка", True, 2)
            assert warehouse.execute(listed).fetchall() == [
                (
                    "ошибка",
                    "Не прошла проверка «Файлы с планами, расходами и ролями читаются без ошибок», строк: 2.",
                    "KPI, Норматив звонков, План/факт",
                    "Показаны прежние данные, пока ошибка не исправлена. Сообщите администратору.",
                    True,
                ),
                # The models that wait for that test.
                (
                    "внимание",
                    f"Не выполнялись из-за ошибки до них, проверок и расчётов: {len(nodes) - 1}.",
                    "KPI, Норматив звонков, План/факт",
                    "Администратор: исправьте ошибку, которая стоит в этом списке выше.",
                    True,
                ),
            ]
            assert warehouse.execute(lines).fetchone() == before
        finally:
            restored = stack.dbt("build", *select)
        assert restored.returncode == 0, restored.stdout
        assert warehouse.execute(shown).fetchone() == ("пройдена", False, 0)
        assert warehouse.execute(listed).fetchall() == []


def test_a_variable_that_cannot_be_right_is_told_with_what_to_write(stack: Stack) -> None:
    cells = [f"{{{{ variable_problem({value}, variable_limits()['{name}']) }}}}" for name, value, _ in VALUES]
    cells += [f"{{{{ day_problem('{day}') }}}}" for day, _ in DAYS]
    inline = "|".join(f"[{number}:{cell}]" for number, cell in enumerate(cells))
    compiled = stack.dbt("compile", "--inline", inline, "--quiet")
    assert compiled.returncode == 0, compiled.stdout
    said = {int(number): problem for number, problem in re.findall(r"\[(\d+):([^\]]*)\]", compiled.stdout)}
    expected = [*((f"{name} {value}", problem) for name, value, problem in VALUES), *DAYS]
    assert len(said) == len(expected)
    for number, (what, problem) in enumerate(expected):
        assert problem in said[number] and bool(problem) == bool(said[number]), f"{what}: {said[number]!r}"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            "{stuck_share: 1.5}",
            "Variable stuck_share is '1.5' (vars: in dbt_project/dbt_project.yml, or --vars): write a share",
        ),
        ("{timezone: Mars/Olympus}", "Variable timezone is 'Mars/Olympus'"),
    ],
)
def test_a_run_ends_before_anything_is_built(stack: Stack, given: str, said: str) -> None:
    run = stack.dbt("run", "--select", "stg_inputs__upload_lines", "--vars", given)
    assert run.returncode != 0
    assert said in run.stdout and "OK created" not in run.stdout


def test_a_refresh_before_any_whole_build_says_what_to_build_first(stack: Stack) -> None:
    run = stack.dbt("build", "--selector", "refresh", "--vars", "{schema_suffix: never_built}")
    assert run.returncode != 0
    assert "reads what has never been built: " in run.stdout and "meltano run nightly" in run.stdout
    assert "OK created" not in run.stdout
