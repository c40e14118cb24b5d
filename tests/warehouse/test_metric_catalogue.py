"""The metric catalogue is the one definition: what is wrong in it is told with its cure, and the documents are made from it."""

from __future__ import annotations

import csv
from pathlib import Path

import psycopg
import pytest
import yaml

from tests.conftest import ROOT, Stack
from voronka.metric_catalogue import CATALOGUE, COLUMNS, DOCUMENTS, CatalogueError, by_topic, load, russian

EVENT = {
    "metric_code": "deals_won", "label_ru": "Сделок успех", "label_en": "Deals won", "unit": "count", "direction": "more",
    "kind": "event", "card_type": "deal", "formula_ru": "Успешные сделки", "sort": "10", "on_dashboard_1": "true",
    "topic_ru": "Сделки", "moment_ru": "Успех", "dashboards": "1 6",
}  # fmt: skip
RATIO = EVENT | {
    "metric_code": "win_rate", "label_ru": "Доля", "label_en": "Share", "unit": "ratio", "kind": "ratio", "card_type": "",
    "numerator": "deals_won", "denominator": "deals_won", "sort": "20", "moment_ru": "",
}  # fmt: skip
MEASURE = EVENT | {
    "metric_code": "open_deals", "label_ru": "В работе", "label_en": "Open", "kind": "measure", "sort": "30",
    "on_dashboard_1": "false", "mart": "mart_pipeline__by_stage", "expression": "SUM(open_deals)",
}  # fmt: skip


def written(folder: Path, *rows: dict[str, str]) -> Path:
    path = folder / "metric_catalogue.csv"
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_good_rows_are_read_in_the_order_people_see_them_in(tmp_path: Path) -> None:
    metrics = load(written(tmp_path, MEASURE, RATIO, EVENT))
    assert [metric.metric_code for metric in metrics] == ["deals_won", "win_rate", "open_deals"]
    assert metrics[0].dashboards == (1, 6)
    assert metrics[1].parts == ["deals_won", "deals_won"]


@pytest.mark.parametrize(
    "row, cure",
    [
        (
            RATIO | {"unit": "percent"},
            "unit 'percent' is unknown: write one of count, money, minutes, days, ratio",
        ),
        (RATIO | {"direction": "up"}, "direction 'up' is unknown: write more or less"),
        (RATIO | {"kind": "share"}, "kind 'share' is unknown: write one of event, ratio, measure"),
        (RATIO | {"numerator": ""}, "a ratio needs a numerator and a denominator"),
        (RATIO | {"denominator": "deals_won+deals_gone"}, "deals_gone is no event metric"),
        (RATIO | {"numerator": "win_rate"}, "win_rate is no event metric"),
        (MEASURE | {"numerator": "deals_won"}, "numerator and denominator are for ratios"),
        (MEASURE | {"mart": ""}, "a measure needs its mart and its expression"),
        (MEASURE | {"on_dashboard_1": "true"}, "on_dashboard_1 is for events and ratios"),
        (RATIO | {"expression": "SUM(x)"}, "mart and expression are for measures: ratio has neither"),
        (MEASURE | {"moment_ru": ""}, "moment_ru is empty"),
        (RATIO | {"formula_ru": ""}, "formula_ru is empty"),
        (RATIO | {"label_en": ""}, "label_ru and label_en must be filled"),
        (RATIO | {"topic_ru": ""}, "topic_ru is empty"),
        (RATIO | {"sort": "last"}, "sort 'last' must be a whole number"),
        (RATIO | {"sort": "10"}, "sort '10' is that of line 2 too"),
        (RATIO | {"metric_code": "deals_won"}, "metric_code 'deals_won' is that of line 2 too"),
        (RATIO | {"metric_code": "Win rate"}, "metric_code 'Win rate' must be snake_case English"),
        (RATIO | {"label_ru": "Сделок успех"}, "label_ru 'Сделок успех' is that of line 2 too"),
        (RATIO | {"dashboards": "1, 7"}, "dashboards '1, 7' must be numbers of dashboards"),
        (RATIO | {"on_dashboard_1": "yes"}, "on_dashboard_1 must be true or false"),
        (MEASURE | {"card_type": "order"}, "card_type 'order' is unknown"),
    ],
)
def test_a_wrong_row_is_named_with_its_cure(tmp_path: Path, row: dict[str, str], cure: str) -> None:
    with pytest.raises(CatalogueError) as refused:
        load(written(tmp_path, EVENT, row))
    assert f"metric_catalogue.csv, line 3: {cure}" in str(refused.value)


def test_a_text_with_a_bare_comma_is_told(tmp_path: Path) -> None:
    path = written(tmp_path, EVENT)
    path.write_text(path.read_text(encoding="utf-8") + "a,b\n", encoding="utf-8")
    with pytest.raises(CatalogueError, match="line 3: 17 cells are needed"):
        load(path)


def test_other_columns_are_told(tmp_path: Path) -> None:
    path = tmp_path / "metric_catalogue.csv"
    path.write_text("metric_code,label\n", encoding="utf-8")
    with pytest.raises(CatalogueError, match="line 1: the columns must be metric_code,label_ru"):
        load(path)


def test_documents_are_as_the_catalogue_makes_them() -> None:
    metrics = load()
    for path, render in DOCUMENTS.items():
        assert path.read_text(encoding="utf-8") == render(metrics), (
            f"{path.name} is out of date: run make metrics"
        )


def test_every_metric_stands_once_in_the_dictionary_under_its_heading() -> None:
    metrics = load()
    text = russian(metrics)
    assert all(text.count(f"| **{metric.label_ru}** |") == 1 for metric in metrics)
    headings = [line[3:] for line in text.splitlines() if line.startswith("## ")]
    assert headings == list(by_topic(metrics))


def test_dbt_reads_and_describes_the_same_columns() -> None:
    seed = yaml.safe_load((ROOT / "dbt_project/seeds/_metric_catalogue.yml").read_text(encoding="utf-8"))[
        "seeds"
    ][0]
    assert tuple(seed["config"]["column_types"]) == COLUMNS
    assert tuple(column["name"] for column in seed["columns"]) == COLUMNS
    assert CATALOGUE.stem == seed["name"]


def test_every_measure_is_sql_that_its_mart_answers(stack: Stack) -> None:
    """As whoever looks at the dashboards, of the whole mart and of none of its rows."""
    measures = [metric for metric in load() if metric.kind == "measure"]
    with psycopg.connect(stack.url("BI")) as warehouse:
        for metric in measures:
            for rows in ("true", "false"):
                warehouse.execute(f"select {metric.expression} from marts.{metric.mart} where {rows}")
    assert measures
