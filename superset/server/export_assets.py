"""Write what was changed in the browser back into the bundle, as a small diff: the way back from `import_assets.py`.

Charts and dashboards of the bundle are read from Superset, numbers that differ in every Superset are taken back to those
of the files, what Superset adds by itself is left out, keys keep their order. A file is written only where something
differs; a chart that was added to a dashboard gets a file beside its neighbours, one that left all of them loses it.
Datasets are made from the marts and come from `datasets.yaml` alone.
"""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import yaml
from bundle import BUNDLE, BundleError, application, assets, chart_uuids, common_css

# Where the files lie: a copy of the bundle in tests.
TARGET = Path(os.environ.get("VORONKA_EXPORT_TO", BUNDLE))
# Owner of what was imported: reads what it owns.
IMPORTER = "voronka-import"
VOLATILE = {"datasource", "slice_id", "dashboards", "url_params", "extra_form_data"}
CHART_KEYS = {
    "slice_name", "description", "viz_type", "params", "cache_timeout", "uuid", "version", "dataset_uuid",
}  # fmt: skip
DASHBOARD_KEYS = {
    "dashboard_title", "description", "slug", "published", "css", "uuid", "position", "metadata", "version",
}  # fmt: skip
LATIN = str.maketrans("абвгдеёзийклмнопрстуфхыэ", "abvgdeeziyklmnoprstufhye") | str.maketrans(
    {"ж": "zh", "ц": "c", "ч": "ch", "ш": "sh", "щ": "sch", "ъ": "", "ь": "", "ю": "yu", "я": "ya"}
)


class _Dumper(yaml.SafeDumper):
    """Texts of several lines stand as they are read."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None
    ),
)


def file_name(title: str) -> str:
    """A file's name for a chart's Russian title: «Норматив по дням» is `normativ-po-dnyam`."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower().translate(LATIN)).strip("-") or "chart"


def ordered(new: Any, old: Any) -> Any:
    """The new value, its keys in the order that the old one has them."""
    if isinstance(new, dict) and isinstance(old, dict):
        keys = [*(key for key in old if key in new), *(key for key in new if key not in old)]
        return {key: ordered(new[key], old.get(key)) for key in keys}
    if isinstance(new, list) and isinstance(old, list):
        return [ordered(item, old[i] if i < len(old) else None) for i, item in enumerate(new)]
    return new


def chart_of_file(exported: dict[str, Any], old: dict[str, Any] | None) -> dict[str, Any]:
    """A chart as the bundle keeps it."""
    chart = {key: value for key, value in exported.items() if key in CHART_KEYS}
    volatile = set(VOLATILE)
    if not chart["params"].get("annotation_layers") and "annotation_layers" not in (old or {}).get(
        "params", {}
    ):
        # The import adds an empty list of them.
        volatile.add("annotation_layers")
    chart["params"] = {key: value for key, value in chart["params"].items() if key not in volatile}
    return chart


def _with_numbers(metadata: dict[str, Any], numbers: dict[int, int]) -> dict[str, Any]:
    """Metadata with ids of charts replaced; scopes that the browser works out anew are emptied."""

    def scope(holder: dict[str, Any]) -> None:
        for derived in {"chartsInScope", "tabsInScope"} & holder.keys():
            holder[derived] = []
        if isinstance(found := holder.get("scope"), dict):
            found["excluded"] = [numbers[chart] for chart in found["excluded"] if chart in numbers]

    for native in metadata.get("native_filter_configuration") or []:
        scope(native)
    scope(metadata.get("global_chart_configuration") or {})
    configured = {}
    for key, entry in (metadata.get("chart_configuration") or {}).items():
        if int(key) in numbers:
            number = numbers[int(key)]
            scope(entry.get("crossFilters") or {})
            configured[str(number)] = entry | {"id": number}
    return metadata | {"chart_configuration": configured}


def dashboard_of_file(exported: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
    """A dashboard as the bundle keeps it; charts have the numbers that the old file gave them.

    Raises:
        BundleError: the styles that all dashboards share were changed on this one.
    """
    dashboard = {key: value for key, value in exported.items() if key in DASHBOARD_KEYS}
    common = common_css(old["slug"])
    if not (dashboard["css"] or "").startswith(common.rstrip()):
        raise BundleError(
            f"dashboard {old['slug']}: its styles no longer begin with those of superset/server/viewers.css; change them there"
        )
    dashboard["css"] = dashboard["css"][len(common) :] or None
    known = {
        node["meta"]["uuid"]: node["meta"]["chartId"]
        for node in old["position"].values()
        if isinstance(node, dict) and node.get("type") == "CHART"
    }
    numbers: dict[int, int] = {}
    for node in dashboard["position"].values():
        if isinstance(node, dict) and node.get("type") == "CHART":
            number = known.setdefault(node["meta"]["uuid"], max(known.values(), default=0) + 1)
            numbers[node["meta"]["chartId"]] = number
            node["meta"]["chartId"] = number
    # The import takes the empty default filters away.
    kept = {key: value for key, value in old["metadata"].items() if key == "default_filters"}
    dashboard["metadata"] = kept | _with_numbers(dashboard["metadata"], numbers)
    return dashboard


def _write(path: str, new: dict[str, Any], old: dict[str, Any] | None) -> bool:
    """Write a file unless it says the same already."""
    if new == old:
        return False
    target = TARGET / path
    target.parent.mkdir(parents=True, exist_ok=True)
    text = yaml.dump(
        ordered(new, old or {}), Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=1_000_000
    )
    target.write_text(text, encoding="utf-8")
    return True


def run() -> str:
    """Export; one line that says what was written.

    Raises:
        BundleError: Superset lacks a dashboard of the bundle.
    """
    files = assets()
    paths = {asset["uuid"]: name for name, asset in files.items()}
    written: list[str] = []
    placed: set[str] = set()
    app = application()
    with app.app_context():
        from superset.commands.chart.export import ExportChartsCommand
        from superset.commands.dashboard.export import ExportDashboardsCommand
        from superset.models.dashboard import Dashboard
        from superset.utils.core import override_user

        from superset import db
        from superset import security_manager as sm

        with override_user(sm.find_user(IMPORTER)):
            for name, old in files.items():
                if not name.startswith("dashboards/"):
                    continue
                model = db.session.query(Dashboard).filter_by(uuid=old["uuid"]).one_or_none()
                if model is None:
                    raise BundleError(f"superset/{name} is not in Superset: import the bundle first")
                new = dashboard_of_file(yaml.safe_load(ExportDashboardsCommand._file_content(model)), old)
                written += [name] * _write(name, new, old)
                on_it = set(chart_uuids(new["position"]))
                placed |= on_it
                folders = Counter(Path(paths[uuid]).parent.as_posix() for uuid in on_it & paths.keys())
                for chart in model.slices:
                    uuid = str(chart.uuid)
                    if uuid not in on_it:
                        continue
                    path = paths.setdefault(
                        uuid, f"{folders.most_common(1)[0][0]}/{file_name(chart.slice_name)}.yaml"
                    )
                    content = chart_of_file(
                        yaml.safe_load(ExportChartsCommand._file_content(chart)), files.get(path)
                    )
                    if path not in written:
                        written += [path] * _write(path, content, files.get(path))
    left = [
        name for name, asset in files.items() if name.startswith("charts/") and asset["uuid"] not in placed
    ]
    for name in left:
        (TARGET / name).unlink(missing_ok=True)
    said = "".join(f"\n  superset/{name}" for name in [*written, *(f"{name} (removed)" for name in left)])
    return f"exported {len(written)} changed, {len(left)} removed{said}"


if __name__ == "__main__":
    try:
        print(run())
    except BundleError as error:
        sys.exit(f"error: {error}")
