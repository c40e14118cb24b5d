"""The bundle holds together before any Superset sees it."""

from __future__ import annotations

import colorsys
import json
import os
import re
import runpy
import subprocess
import sys
from collections import Counter
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import pytest
import yaml

from tests.conftest import ROOT
from tests.dashboards.bundle_reading import (
    BUNDLE,
    SUPERSET_PYTHON,
    assets,
    chart_columns,
    chart_metrics,
    chart_names,
    charts_of,
    columns_of,
    dashboards,
    datasets,
    filters_reaching,
    links_of,
    metrics_of,
    nodes,
)
from voronka.metric_catalogue import Metric, load

CHARTS = assets("charts")
DASHBOARDS = assets("dashboards")
EVERYTHING = {
    path: asset
    for folder in ("databases", "datasets", "charts", "dashboards")
    for path, asset in assets(folder).items()
}
# The same words in Russian and in English.
INTERNATIONAL = {"ROMI", "CRM"}
# Superset's own settings are only needed to be there, not to be right.
SETTINGS = {
    "SUPERSET_SECRET_KEY": "x" * 42,
    "SUPERSET_DATABASE_URI": "sqlite://",
    "SUPERSET_CONFIG_PATH": str(BUNDLE / "server" / "superset_config.py"),
}

each_chart = pytest.mark.parametrize("path", CHARTS)
each_dashboard = pytest.mark.parametrize("path", DASHBOARDS)


def catalogue() -> dict[str, Metric]:
    return {metric.metric_code: metric for metric in load()}


def test_uuids_are_unique_and_versions_known() -> None:
    counted = Counter(asset["uuid"] for asset in EVERYTHING.values())
    assert [uuid for uuid, times in counted.items() if times > 1] == []
    assert {asset["version"] for asset in EVERYTHING.values()} == {"1.0.0"}


def test_references_resolve_and_nothing_is_left_over() -> None:
    databases = {asset["uuid"] for asset in assets("databases").values()}
    charts = {asset["uuid"] for asset in CHARTS.values()}
    assert {asset["database_uuid"] for asset in datasets().values()} <= databases
    assert {asset["dataset_uuid"] for asset in CHARTS.values()} <= set(datasets())
    placed = [
        n["meta"]["uuid"] for d in DASHBOARDS.values() for n in nodes(d).values() if n["type"] == "CHART"
    ]
    assert set(placed) == charts
    targets = {
        target["datasetUuid"]
        for dashboard in DASHBOARDS.values()
        for native in dashboard["metadata"]["native_filter_configuration"]
        for target in native["targets"]
    }
    assert targets <= set(datasets())
    assert set(datasets()) == targets | {asset["dataset_uuid"] for asset in CHARTS.values()}


def test_no_secret_and_no_real_address_in_the_bundle() -> None:
    for asset in assets("databases").values():
        assert not re.search(r"//[^@/]*:[^@/]*@", asset["sqlalchemy_uri"])


@each_chart
def test_every_name_of_a_chart_is_in_its_dataset(path: str) -> None:
    params = CHARTS[path]["params"]
    dataset = datasets()[CHARTS[path]["dataset_uuid"]]
    columns, metrics = columns_of(dataset), metrics_of(dataset)
    assert [name for name in chart_columns(params) if name not in columns] == []
    assert [name for name in chart_metrics(params) if name not in metrics] == []
    assert [(where, name) for where, name in chart_names(params) if name not in columns | metrics] == []
    shown = {*chart_columns(params), *chart_metrics(params)}
    in_template = {name for where, name in chart_names(params) if where == "handlebarsTemplate"}
    assert in_template <= shown, "a template shows what the chart does not ask for"


@each_chart
def test_headings_differ_within_a_chart(path: str) -> None:
    """Superset answers 400 where two columns of one query carry the same heading."""
    params = CHARTS[path]["params"]
    dataset = datasets()[CHARTS[path]["dataset_uuid"]]
    headings = columns_of(dataset), metrics_of(dataset)
    shown = [headings[0][name] for name in chart_columns(params)] + [
        headings[1][name] for name in chart_metrics(params)
    ]
    assert [heading for heading, times in Counter(shown).items() if times > 1] == []


@each_chart
def test_charts_hold_no_sql_and_nothing_generated(path: str) -> None:
    chart = CHARTS[path]
    assert "query_context" not in chart
    assert {"datasource", "slice_id", "dashboards", "currency_format"}.isdisjoint(chart["params"])
    assert all(isinstance(metric, str) for metric in chart_metrics(chart["params"]))
    assert all(clause["expressionType"] == "SIMPLE" for clause in chart["params"].get("adhoc_filters") or [])


def test_everything_people_read_is_russian() -> None:
    words = [(path, asset["slice_name"]) for path, asset in CHARTS.items()]
    words += [(path, asset["dashboard_title"]) for path, asset in DASHBOARDS.items()]
    for path, dataset in assets("datasets").items():
        words += [(path, heading) for heading in (columns_of(dataset) | metrics_of(dataset)).values()]
        words += [(path, metric["description"]) for metric in dataset["metrics"]]
    for path, dashboard in DASHBOARDS.items():
        words += [(path, native["name"]) for native in dashboard["metadata"]["native_filter_configuration"]]
        words += [
            (path, node["meta"]["text"])
            for node in nodes(dashboard).values()
            if node["type"] in ("TAB", "HEADER")
        ]
    assert [
        word for word in words if word[1] not in INTERNATIONAL and not re.search("[а-яё]", word[1], re.I)
    ] == []


def test_metrics_carry_the_words_of_the_catalogue() -> None:
    period = {
        m["metric_name"]: m for m in assets("datasets")["datasets/voronka/mart_kpi__period.yaml"]["metrics"]
    }
    of_periods = {code: metric for code, metric in catalogue().items() if metric.kind != "measure"}
    for code, metric in of_periods.items():
        assert period[code]["verbose_name"] == metric.label_ru
        assert period[code]["description"] == metric.formula_ru


def test_no_dataset_words_a_metric_of_the_catalogue_otherwise() -> None:
    known = catalogue()
    said = [
        (path, made["metric_name"], made["verbose_name"], made["description"])
        for path, dataset in assets("datasets").items()
        for made in dataset["metrics"]
    ]
    said = [
        (*one, known[one[1].removesuffix("_text")]) for one in said if one[1].removesuffix("_text") in known
    ]
    assert len(said) > len(known)
    assert [one[:2] for one in said if one[2:4] != (one[4].label_ru, one[4].formula_ru)] == []


def test_measures_stand_in_the_dataset_of_their_mart() -> None:
    shown = {path.rsplit("/", 1)[-1]: dataset for path, dataset in assets("datasets").items()}
    for metric in catalogue().values():
        if metric.kind == "measure" and f"{metric.mart}.yaml" in shown:
            made = {m["metric_name"]: m for m in shown[f"{metric.mart}.yaml"]["metrics"]}
            assert made[metric.metric_code]["expression"] == metric.expression, metric.metric_code


def test_datasets_are_as_the_contracts_and_the_catalogue_make_them() -> None:
    command = [sys.executable, str(BUNDLE / "server" / "sync_datasets.py"), "--check"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@each_dashboard
def test_layout_is_consistent(path: str) -> None:
    layout = nodes(DASHBOARDS[path])
    for key, node in layout.items():
        assert node["id"] == key
        for child in node.get("children", []):
            assert layout[child]["parents"] == [*node.get("parents", []), key], child
        if node["type"] == "ROW":
            assert sum(layout[child]["meta"]["width"] for child in node["children"]) <= 12, key
    reachable = {child for node in layout.values() for child in node.get("children", [])}
    assert set(layout) - reachable == {"ROOT_ID", "HEADER_ID"}
    charts = [node for node in layout.values() if node["type"] == "CHART"]
    assert max(Counter(node["meta"]["chartId"] for node in charts).values()) == 1
    titles = {asset["uuid"]: asset["slice_name"] for asset in CHARTS.values()}
    assert all(node["meta"]["sliceName"] == titles[node["meta"]["uuid"]] for node in charts)
    per_tab = Counter(
        parent for node in charts for parent in node["parents"] if layout[parent]["type"] == "TAB"
    )
    assert max(per_tab.values()) <= 12
    assert len(json.dumps(DASHBOARDS[path]["position"], ensure_ascii=True)) < 65_535


def _in_scope(dashboard: dict[str, Any], native: dict[str, Any]) -> list[str]:
    """Uuids of the charts that a filter reaches."""
    return [
        node["meta"]["uuid"]
        for node in nodes(dashboard).values()
        if node["type"] == "CHART" and native in filters_reaching(dashboard, node)
    ]


@each_dashboard
def test_filters_name_columns_and_reach_every_chart_in_their_scope(path: str) -> None:
    """What a filter cannot reach is out of its scope, or speaks of no period and no people at all."""
    indifferent = {"mart_health__freshness", "dim_metrics"}
    dashboard, by_uuid = DASHBOARDS[path], {chart["uuid"]: chart for chart in CHARTS.values()}
    for native in dashboard["metadata"]["native_filter_configuration"]:
        column = native["targets"][0]["column"]["name"]
        target = datasets()[native["targets"][0]["datasetUuid"]]
        assert column in columns_of(target)
        assert native.get("sortMetric") is None or native["sortMetric"] in metrics_of(target)
        unreached = {
            datasets()[by_uuid[uuid]["dataset_uuid"]]["table_name"]
            for uuid in _in_scope(dashboard, native)
            if column not in columns_of(datasets()[by_uuid[uuid]["dataset_uuid"]])
        }
        assert unreached <= indifferent | {"mart_kpi__norm_baseline"}, native["name"]
        # A word of one's own would leave every chart empty.
        assert native["controlValues"]["creatable"] is False, native["name"]
        if native["controlValues"]["enableEmptyFilter"]:
            default = native["defaultDataMask"]["filterState"].get("value")
            # Which entries a portal has, only its data says.
            assert default or native["controlValues"]["defaultToFirstItem"], (
                "a required filter needs a default"
            )
            assert not native["controlValues"]["multiSelect"], (
                "several periods at once would multiply the sums"
            )


@each_dashboard
def test_overlapping_rows_are_never_summed(path: str) -> None:
    """Periods of several steps, and horizons, hold the same card twice: a filter chooses one, or the chart does itself."""
    dashboard, by_uuid = DASHBOARDS[path], {chart["uuid"]: chart for chart in CHARTS.values()}
    chosen_by = {
        "period_grain": "period_grain", "period_choice": "period_choice_sort", "horizon": "horizon",
        "view_kind": "view_kind", "entry": "entry",
    }  # fmt: skip
    reached: dict[str, set[str]] = {column: set() for column in chosen_by}
    for native in dashboard["metadata"]["native_filter_configuration"]:
        column = native["targets"][0]["column"]["name"]
        if column in reached and native["controlValues"]["enableEmptyFilter"]:
            reached[column] |= set(_in_scope(dashboard, native))
    for chart in charts_of(dashboard):
        has = columns_of(datasets()[by_uuid[chart["uuid"]]["dataset_uuid"]])
        limits = {clause["subject"] for clause in chart["params"]["adhoc_filters"]}
        for column in chosen_by.keys() & has.keys():
            apart = all(name.startswith(f"{column}_") for name in chart_metrics(chart["params"])) or (
                column in chart_columns(chart["params"])
            )
            assert chart["uuid"] in reached[column] or chosen_by[column] in limits or apart, chart[
                "slice_name"
            ]


def test_filters_are_called_alike_and_stand_in_one_order() -> None:
    order = [
        "Закрыть", "Период", "Отрезок", "Срок", "Месяц", "Вход", "Считать по", "Показатель", "Отдел", "Менеджер", "Воронка",
        "Стадия", "Категория",
        "Сегмент", "Канал", "Следующий шаг", "Без изменений", "Без созвона", "Группа RFM", "Кто ведёт", "Статус лида", "Шаг",
        "Состояние", "Причина отказа", "Недочёт",
    ]  # fmt: skip
    columns: dict[str, set[str]] = {}
    for dashboard in DASHBOARDS.values():
        filters = dashboard["metadata"]["native_filter_configuration"]
        names = [native["name"] for native in filters]
        assert names == sorted(names, key=order.index)
        for native in filters:
            columns.setdefault(native["name"], set()).add(native["targets"][0]["column"]["name"])
    assert {name: found for name, found in columns.items() if len(found) > 1} == {}


def test_exposures_name_the_marts_that_dashboards_show() -> None:
    exposures = {
        exposure["config"]["meta"]["superset_slug"]: set(exposure["depends_on"])
        for path in (ROOT / "dbt_project" / "models" / "marts").rglob("*exposures.yml")
        for exposure in yaml.safe_load(path.read_text(encoding="utf-8"))["exposures"]
    }
    for slug, dashboard in dashboards().items():
        shown = {datasets()[chart["dataset_uuid"]]["table_name"] for chart in charts_of(dashboard)}
        shown |= {
            datasets()[target["datasetUuid"]]["table_name"]
            for native in dashboard["metadata"]["native_filter_configuration"]
            for target in native["targets"]
        }
        assert {f"ref('{mart}')" for mart in shown} == exposures[slug], slug


def test_every_dashboard_leads_to_every_other() -> None:
    navigation = CHARTS["charts/obschee/navigaciya.yaml"]
    linked = re.findall(r'href="/superset/dashboard/([^/]+)/"', navigation["params"]["handlebarsTemplate"])
    assert sorted(linked) == sorted(dashboards())
    assert all(navigation in charts_of(dashboard) for dashboard in DASHBOARDS.values())


def test_buttons_choose_the_horizons_there_are() -> None:
    """Each button names a row of dim_horizons, counts by its place, and sets the filter that the dashboard has."""
    sql = (ROOT / "dbt_project" / "models" / "marts" / "pipeline" / "dim_horizons.sql").read_text("utf-8")
    horizons = re.findall(r"^  \('([^']+)', ", sql, re.M)
    links = re.findall(
        r'native_filters=([^"]+)".*?horizon_(\d+)_deals',
        CHARTS["charts/sdelki/knopki.yaml"]["params"]["handlebarsTemplate"],
    )
    assert [int(place) for _, place in links] == list(range(len(horizons)))
    for horizon, (link, _) in zip(horizons, links, strict=True):
        assert unquote(link) == (
            f"(NATIVE_FILTER-zakryt:(extraFormData:(filters:!((col:horizon,op:IN,val:!('{horizon}')))),"
            f"filterState:(label:'{horizon}',value:!('{horizon}')),id:NATIVE_FILTER-zakryt,ownState:()))"
        )
    (filter_,) = (
        native
        for native in dashboards()["sdelki-v-rabote"]["metadata"]["native_filter_configuration"]
        if native["name"] == "Закрыть"
    )
    assert filter_["id"] == "NATIVE_FILTER-zakryt"
    assert filter_["targets"][0]["column"]["name"] == "horizon"


@each_dashboard
def test_a_link_opens_what_its_number_counts(path: str) -> None:
    """It names its own place, so that the filters that reach its chart stay chosen; what a click on another chart chose, which no
    address holds, either does not reach it or is chosen by the link itself."""
    dashboard, by_uuid = DASHBOARDS[path], {chart["uuid"]: chart for chart in CHARTS.values()}
    placed = {node["meta"]["chartId"]: node for node in nodes(dashboard).values() if node["type"] == "CHART"}
    columns = {
        native["id"]: native["targets"][0]["column"]["name"]
        for native in dashboard["metadata"]["native_filter_configuration"]
    }
    for number, node in placed.items():
        held = set(columns_of(datasets()[by_uuid[node["meta"]["uuid"]]["dataset_uuid"]]))
        for link in links_of(by_uuid[node["meta"]["uuid"]]):
            assert f"from={node['id']}&native_filters=" in link, node["id"]
            chosen = set(re.findall(r"(NATIVE_FILTER-[\w-]+):\(extraFormData", link))
            assert chosen and chosen <= set(columns), node["id"]
            for emitter, about in dashboard["metadata"]["chart_configuration"].items():
                scope = about["crossFilters"]["scope"]
                if set(scope["rootPath"]) & set(node["parents"]) and number not in scope["excluded"]:
                    other = by_uuid[placed[int(emitter)]["meta"]["uuid"]]
                    clicked = (
                        set(chart_columns(other["params"])) if other["viz_type"] != "handlebars" else set()
                    )
                    told = {columns[name] for name in chosen}
                    # What a manager is, goes with the manager.
                    told |= {"department", "owner_status"} if "manager" in told else set()
                    assert clicked & held <= told, (node["id"], emitter)


def test_red_is_no_series_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    # Superset itself is not in this environment.
    for module, name in (("journal", "Journal"), ("permissions", "SecurityManager")):
        monkeypatch.setitem(sys.modules, module, SimpleNamespace(**{name: object}))
    config = runpy.run_path(str(BUNDLE / "server" / "superset_config.py"))
    colours = [colour for scheme in config["EXTRA_CATEGORICAL_COLOR_SCHEMES"] for colour in scheme["colors"]]
    colours += [c for d in DASHBOARDS.values() for c in d["metadata"]["label_colors"].values()]
    for colour in colours:
        red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        hue, _, saturation = colorsys.rgb_to_hls(red, green, blue)
        assert not (saturation > 0.35 and (hue < 20 / 360 or hue > 335 / 360)), colour


def test_a_thing_has_one_colour() -> None:
    """The comparison is grey wherever it is drawn, and no metric changes its colour between dashboards."""
    everywhere: dict[str, set[str]] = {}
    for dashboard in DASHBOARDS.values():
        colours = dashboard["metadata"]["label_colors"]
        assert colours == dashboard["metadata"]["map_label_colors"]
        for name, colour in colours.items():
            everywhere.setdefault(name, set()).add(colour)
        drawn = {name for chart in charts_of(dashboard) for name in chart_metrics(chart["params"])}
        assert {name for name in drawn if name.endswith("__year_ago")} <= set(colours)
    assert {name: found for name, found in everywhere.items() if len(found) > 1} == {}
    codes = [code for code, metric in catalogue().items() if metric.kind != "measure"]
    assert {f"{code}__year_ago" for code in codes} <= set(everywhere)


def test_policy_names_dashboards_of_the_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BUNDLE / "server"))
    policy = runpy.run_path(str(BUNDLE / "server" / "bundle.py"))["policy"]()
    assert set(policy["dashboards"]) == {dashboard["slug"] for dashboard in DASHBOARDS.values()}
    for dashboard in policy["dashboards"].values():
        assert set(dashboard["roles"]) <= set(policy["roles"])
        assert set(dashboard["may_be_empty"]) <= {chart["slice_name"] for chart in CHARTS.values()}


def test_no_dataset_of_the_bundle_stays_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Row-level rules show nobody a dataset without managers that no list of policy.yaml names: a filter of it is empty."""
    monkeypatch.syspath_prepend(str(BUNDLE / "server"))
    rows = runpy.run_path(str(BUNDLE / "server" / "bundle.py"))["policy"]()["rows"]
    tables = {dataset["table_name"]: columns_of(dataset) for dataset in datasets().values()}
    opened = {*rows["no_persons"], *rows["channels"]}
    assert [
        table for table, columns in tables.items() if "manager_id" not in columns and table not in opened
    ] == []
    assert [table for table in rows["no_persons"] if "manager_id" in tables.get(table, {})] == []


def test_superset_s_own_schemas_accept_every_asset() -> None:
    """In Superset's Python, with none of its databases; the schema of `databases` would ask for one."""
    script = """
import sys, yaml, pathlib
from superset.app import create_app
import logging; logging.disable(logging.CRITICAL)
with create_app().app_context():
    from superset.commands.importers.v1.assets import ImportAssetsCommand
    root, wrong, seen = pathlib.Path(sys.argv[1]), [], 0
    for folder, schema in ImportAssetsCommand.schemas.items():
        if folder == "databases/":
            continue
        for path in sorted((root / folder).rglob("*.yaml")):
            seen += 1
            try:
                schema.load(yaml.safe_load(path.read_text(encoding="utf-8")))
            except Exception as error:
                wrong.append(f"{path.relative_to(root)}: {error}")
    print("RESULT", seen, wrong)
"""
    env = {**os.environ, **SETTINGS}
    command = [str(SUPERSET_PYTHON), "-c", script, str(BUNDLE)]
    result = subprocess.run(command, env=env, capture_output=True, text=True, cwd=BUNDLE.parent)
    seen = len(EVERYTHING) - len(assets("databases"))
    assert f"RESULT {seen} []" in result.stdout.splitlines(), result.stdout + result.stderr[-2000:]
