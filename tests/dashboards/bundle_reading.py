"""The bundle as its tests see it: assets by path, and every name that a chart uses."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import yaml

from tests.conftest import ROOT

BUNDLE = ROOT / "superset"
SUPERSET_PYTHON = ROOT / ".voronka" / "envs" / "superset" / "bin" / "python"


@cache
def assets(folder: str) -> dict[str, dict[str, Any]]:
    """Assets of one folder of the bundle (`charts`) by path."""
    return {
        path.relative_to(BUNDLE).as_posix(): yaml.safe_load(path.read_text(encoding="utf-8"))
        for path in sorted((BUNDLE / folder).rglob("*.yaml"))
    }


def datasets() -> dict[str, dict[str, Any]]:
    """Datasets by uuid."""
    return {dataset["uuid"]: dataset for dataset in assets("datasets").values()}


def columns_of(dataset: dict[str, Any]) -> dict[str, str]:
    """Headings by column."""
    return {column["column_name"]: column["verbose_name"] for column in dataset["columns"]}


def metrics_of(dataset: dict[str, Any]) -> dict[str, str]:
    """Headings by metric."""
    return {metric["metric_name"]: metric["verbose_name"] for metric in dataset["metrics"]}


def _listed(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


def chart_columns(params: dict[str, Any]) -> list[str]:
    """Columns that a chart selects."""
    keys = ("groupby", "groupby_b", "all_columns", "columns", "groupbyRows", "groupbyColumns", "x_axis")
    return [name for key in keys for name in _listed(params.get(key))]


def chart_metrics(params: dict[str, Any]) -> list[Any]:
    """Metrics that a chart selects."""
    return [name for key in ("metrics", "metrics_b", "metric") for name in _listed(params.get(key))]


def chart_names(params: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(where, name) of everything else that must be a column or metric of the chart's dataset."""
    for name in _listed(params.get("timeseries_limit_metric")):
        yield "timeseries_limit_metric", name
    for name in _listed(params.get("percent_metrics")):
        yield "percent_metrics", name
    for item in params.get("order_by_cols") or []:
        yield "order_by_cols", json.loads(item)[0]
    for clause in params.get("adhoc_filters") or []:
        yield "adhoc_filters", clause["subject"]
    for name in params.get("column_config") or {}:
        yield "column_config", name.removeprefix("%")
    for rule in params.get("conditional_formatting") or []:
        yield "conditional_formatting", rule["column"]
        yield "conditional_formatting", rule["columnFormatting"]
    # A chart of several series may sort its axis by their sum.
    if params.get("x_axis_sort") and not (params.get("groupby") and params["x_axis_sort"] == "sum"):
        yield "x_axis_sort", params["x_axis_sort"]
    for name in re.findall(r"this\.(\w+)", params.get("handlebarsTemplate") or ""):
        yield "handlebarsTemplate", name


def dashboards() -> dict[str, dict[str, Any]]:
    """Dashboards by slug."""
    return {dashboard["slug"]: dashboard for dashboard in assets("dashboards").values()}


def charts_of(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    """The charts that a dashboard places."""
    by_uuid = {chart["uuid"]: chart for chart in assets("charts").values()}
    return [by_uuid[node["meta"]["uuid"]] for node in nodes(dashboard).values() if node["type"] == "CHART"]


def tabs_of(dashboard: dict[str, Any]) -> dict[str, int]:
    """How many charts each tab of a dashboard has, by its title."""
    layout = nodes(dashboard)
    return {
        node["meta"]["text"]: sum(
            chart["type"] == "CHART" and node["id"] in chart["parents"] for chart in layout.values()
        )
        for node in layout.values()
        if node["type"] == "TAB"
    }


def nodes(dashboard: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The layout's nodes by id."""
    return {key: node for key, node in dashboard["position"].items() if isinstance(node, dict)}


def links_of(chart: dict[str, Any]) -> list[str]:
    """Links of a chart that choose filters of its dashboard: those of its template, those that its metrics make."""
    used = set(chart_metrics(chart["params"]))
    made = [
        metric["expression"]
        for metric in datasets()[chart["dataset_uuid"]]["metrics"]
        if metric["metric_name"] in used
    ]
    written = re.findall(r"[?&\w=-]*native_filters=[^\"]+", chart["params"].get("handlebarsTemplate") or "")
    return written + [text.replace("' || '", "") for text in made if "native_filters=" in text]


def filters_reaching(dashboard: dict[str, Any], chart_node: dict[str, Any]) -> list[dict[str, Any]]:
    """Native filters in whose scope a chart of the layout lies."""
    return [
        native
        for native in dashboard["metadata"]["native_filter_configuration"]
        if set(native["scope"]["rootPath"]) & set(chart_node["parents"])
        and chart_node["meta"]["chartId"] not in native["scope"]["excluded"]
    ]
