"""The one definition of every metric, `dbt_project/seeds/metric_catalogue.csv`: read, checked, and written out as documentation.

`python -m voronka.metric_catalogue` writes docs/ru/metrics.md and docs/metrics.md; `--check` only tells whether they differ.
Needs nothing but Python, so that whatever generates from the catalogue can read it here.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CATALOGUE = ROOT / "dbt_project" / "seeds" / "metric_catalogue.csv"

COLUMNS = (
    "metric_code", "label_ru", "label_en", "unit", "direction", "kind", "card_type", "numerator", "denominator",
    "formula_ru", "sort", "on_dashboard_1", "topic_ru", "moment_ru", "dashboards", "mart", "expression",
)  # fmt: skip
UNITS = {
    "count": ("штуки", "count"),
    "money": ("деньги", "money"),
    "minutes": ("минуты", "minutes"),
    "days": ("дни", "days"),
    "ratio": ("%", "share of 1"),
}
DIRECTIONS = {"more": ("больше", "more"), "less": ("меньше", "less")}
KINDS = ("event", "ratio", "measure")
CARDS = ("lead", "deal", "client", "call", "activity", "invoice")
DASHBOARDS = {
    1: "Верхнеуровневые KPI отдела продаж",
    2: "Выполнение норматива по исходящим вызовам",
    3: "Аналитика сделок в работе",
    4: "Анализ базы клиентов",
    5: "Сквозная воронка продаж",
    6: "План/факт менеджеров",
}
NAME = re.compile(r"[a-z][a-z0-9_]*")


class CatalogueError(Exception):
    """What is wrong in the catalogue: every problem with its file, line and cure."""


@dataclass(frozen=True)
class Metric:
    """One row. `kind`: an event of the ledger, a ratio of such events, or a measure of one mart (SQL over its columns)."""

    metric_code: str
    label_ru: str
    label_en: str
    unit: str
    direction: str
    kind: str
    card_type: str
    numerator: str
    denominator: str
    formula_ru: str
    sort: int
    on_dashboard_1: bool
    topic_ru: str
    moment_ru: str
    dashboards: tuple[int, ...]
    mart: str
    expression: str

    @property
    def parts(self) -> list[str]:
        """Codes above and below the line of a ratio."""
        return [self.numerator, *self.denominator.split("+")] if self.kind == "ratio" else []


def load(path: Path = CATALOGUE) -> list[Metric]:
    """The metrics in the order people see them in; CatalogueError names all that is wrong."""
    with path.open(encoding="utf-8", newline="") as handle:
        reader = csv.DictReader(handle)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise CatalogueError(f"{_shown(path)}, line 1: the columns must be {','.join(COLUMNS)}")
        rows = [(reader.line_num, row) for row in reader]
    if problems := _problems(rows):
        raise CatalogueError(
            "\n".join(f"{_shown(path)}, line {line}: {problem}" for line, problem in problems)
        )
    metrics = [
        Metric(
            **{
                **row,
                "sort": int(row["sort"]),
                "on_dashboard_1": row["on_dashboard_1"] == "true",
                "dashboards": tuple(int(number) for number in row["dashboards"].split()),
            }
        )
        for _, row in rows
    ]
    return sorted(metrics, key=lambda metric: metric.sort)


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else path.name


def _problems(rows: list[tuple[int, dict[str, str]]]) -> list[tuple[int, str]]:
    events = {row["metric_code"] for _, row in rows if row["kind"] == "event"}
    found = []
    seen: dict[tuple[str, str], int] = {}
    for line, row in rows:
        if None in row or None in row.values():
            found.append((line, f"{len(COLUMNS)} cells are needed: put texts with commas in quotes"))
            continue
        found += [(line, problem) for problem in _problems_of(row, events)]
        for column in ("metric_code", "label_ru", "label_en", "sort"):
            first = seen.setdefault((column, row[column]), line)
            if first != line:
                found.append((line, f"{column} '{row[column]}' is that of line {first} too: choose another"))
    return found


def _problems_of(row: dict[str, str], events: set[str]) -> list[str]:
    kind = row["kind"]
    is_ratio, is_measure = kind == "ratio", kind == "measure"
    parts = [part for part in (row["numerator"], *row["denominator"].split("+")) if part]
    unknown = [part for part in parts if part not in events]
    rules = (
        (
            NAME.fullmatch(row["metric_code"]),
            f"metric_code '{row['metric_code']}' must be snake_case English",
        ),
        (
            row["label_ru"] and row["label_en"],
            "label_ru and label_en must be filled: say it in both languages",
        ),
        (row["formula_ru"], "formula_ru is empty: say in Russian what is counted; it is the tooltip"),
        (row["topic_ru"], "topic_ru is empty: name the heading of the dictionary it belongs under"),
        (row["unit"] in UNITS, f"unit '{row['unit']}' is unknown: write one of {', '.join(UNITS)}"),
        (
            row["direction"] in DIRECTIONS,
            f"direction '{row['direction']}' is unknown: write more or less, whichever is better",
        ),
        (kind in KINDS, f"kind '{kind}' is unknown: write one of {', '.join(KINDS)}"),
        (
            row["card_type"] in (CARDS if kind == "event" else ("", *CARDS)),
            f"card_type '{row['card_type']}' is unknown: write one of {', '.join(CARDS)}",
        ),
        (row["sort"].isdecimal(), f"sort '{row['sort']}' must be a whole number"),
        (row["on_dashboard_1"] in ("true", "false"), "on_dashboard_1 must be true or false"),
        (
            all(number in map(str, DASHBOARDS) for number in row["dashboards"].split()),
            f"dashboards '{row['dashboards']}' must be numbers of dashboards, such as 1 6",
        ),
        (not unknown, f"{', '.join(unknown)} is no event metric: a ratio is made of events"),
        (
            not is_ratio or (row["numerator"] and row["denominator"]),
            "a ratio needs a numerator and a denominator: codes of event metrics, the denominator several joined by +",
        ),
        (
            is_ratio or not parts,
            f"numerator and denominator are for ratios: leave them empty, or make kind ratio of {kind}",
        ),
        (
            not is_measure or (row["mart"] and row["expression"]),
            "a measure needs its mart and its expression: the SQL of its value over columns of that mart",
        ),
        (
            is_measure or not (row["mart"] or row["expression"]),
            f"mart and expression are for measures: {kind} has neither",
        ),
        (is_ratio or row["moment_ru"], "moment_ru is empty: say by which moment it is counted in a period"),
        (
            not is_measure or row["on_dashboard_1"] != "true",
            "on_dashboard_1 is for events and ratios: a measure is in no period mart, write false",
        ),
    )
    return [problem for holds, problem in rules if not holds]


def by_topic(metrics: list[Metric]) -> dict[str, list[Metric]]:
    """Metrics under their headings, headings in the order of their first metric."""
    topics: dict[str, list[Metric]] = {}
    for metric in metrics:
        topics.setdefault(metric.topic_ru, []).append(metric)
    return topics


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _table(headings: list[str], lines: list[list[str]]) -> str:
    rows = [headings, ["---"] * len(headings), *[[_cell(cell) for cell in line] for line in lines]]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def russian(metrics: list[Metric]) -> str:
    """The dictionary for those who look at the dashboards."""
    by_code = {metric.metric_code: metric for metric in metrics}

    def moment(metric: Metric) -> str:
        moments = {by_code[part].moment_ru for part in metric.parts} or {metric.moment_ru}
        return moments.pop() if len(moments) == 1 else "По каждой части отдельно"

    sections = [
        f"## {topic}\n\n"
        + _table(
            ["Показатель", "Что считает", "Когда попадает в период", "В чём", "Лучше", "Дашборды"],
            [
                [
                    f"**{metric.label_ru}**",
                    metric.formula_ru,
                    moment(metric),
                    UNITS[metric.unit][0],
                    DIRECTIONS[metric.direction][0],
                    ", ".join(map(str, metric.dashboards)) or "—",
                ]
                for metric in group
            ],
        )
        for topic, group in by_topic(metrics).items()
    ]
    dashboards = "\n".join(f"{number}. {name}" for number, name in DASHBOARDS.items())
    return f"""\
<!-- Made by `make metrics` from dbt_project/seeds/metric_catalogue.csv: change it there. -->
# Показатели: что они значат

Каждая цифра на дашбордах — это число или сумма карточек CRM, и её можно раскрыть до этих карточек. Здесь сказано, что
именно считает каждый показатель. Те же слова стоят в подсказке к показателю на самом дашборде.

- **Период.** День, неделя (с понедельника), месяц, квартал и год — по часовому поясу портала. Карточка попадает в тот
  период, на который пришёлся её момент из третьего столбца.
- **Доли и средние** считаются из сумм после всех фильтров: средний чек отдела — это его выручка на его сделки, а не
  среднее из средних чеков менеджеров.
- **Прирост** — к предыдущему периоду, у текущего — к предыдущему за столько же прошедших дней и часов. Год назад — тот же
  период прошлого года, у недели — 52 недели назад. «—» значит, что сравнивать не с чем.
- **Деньги** — в базовой валюте портала, по его курсу на день события.
- **Чьё.** Звонок — того, кто говорил; дело — его ответственного; сделка и лид — того, кто отвечал за них в тот момент.
  Карточки без ответственного показаны как «Без ответственного» и никуда не пропадают.
- **Лучше** — в какую сторону изменение радует: от этого зависит цвет прироста.

Номера дашбордов:

{dashboards}

{chr(10).join(section + chr(10) for section in sections)}"""


def english(metrics: list[Metric]) -> str:
    """The table for engineers: codes, and what each metric is made of."""
    lines = []
    for metric in metrics:
        made_of = {
            "event": f"events of `{metric.card_type}` in `fct_metric_events`",
            "ratio": f"Σ `{metric.numerator}` / Σ `{metric.denominator}`",
            "measure": f"`{metric.mart}`: `{metric.expression}`",
        }[metric.kind]
        lines.append(
            [
                f"`{metric.metric_code}`",
                metric.label_en,
                metric.label_ru,
                UNITS[metric.unit][1],
                DIRECTIONS[metric.direction][1],
                made_of,
            ]
        )
    table = _table(["code", "English", "Russian", "unit", "better", "made of"], lines)
    return f"""\
<!-- Made by `make metrics` from dbt_project/seeds/metric_catalogue.csv: change it there. -->
# Metrics

Every metric is one row of [metric_catalogue.csv](../dbt_project/seeds/metric_catalogue.csv). From it come `dim_metrics`, the
metrics of Superset's datasets with their words and formats (`superset/server/sync_datasets.py`), this table and the
[dictionary for viewers](ru/metrics.md). An **event** is counted or summed from the ledger, a **ratio** divides sums of events
after the filters, a **measure** is the SQL of its value over columns of one mart.

Add one: a row there; for an event also its branch in `fct_metric_events`; then `make metrics` and
`python superset/server/sync_datasets.py`. `make lint` and the tests tell what parts from the catalogue.

{table}
"""


DOCUMENTS: dict[Path, Callable[[list[Metric]], str]] = {
    ROOT / "docs" / "ru" / "metrics.md": russian,
    ROOT / "docs" / "metrics.md": english,
}


def main() -> int:
    """Write the documents, or with --check compare; the exit code is 1 where they differ or the catalogue is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--check", action="store_true", help="write nothing; say which documents are out of date"
    )
    check = parser.parse_args().check
    try:
        metrics = load()
    except CatalogueError as error:
        print(error, file=sys.stderr)
        return 1
    wanted = {path: render(metrics) for path, render in DOCUMENTS.items()}
    differing = [
        path for path, text in wanted.items() if not path.exists() or path.read_text("utf-8") != text
    ]
    if check:
        for path in differing:
            print(f"{path.relative_to(ROOT)} is out of date: run make metrics", file=sys.stderr)
        return 1 if differing else 0
    for path in differing:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path], encoding="utf-8")
    print(f"{len(metrics)} metrics, {len(differing)} of {len(wanted)} documents written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
