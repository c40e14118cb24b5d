"""Write datasets/voronka/*.yaml from what dbt and the metric catalogue say; `--check` only tells whether they differ.

Columns and types come from the marts' contracts (dbt_project/models/marts/**/*.yml), words, units and formulas of metrics
from dbt_project/seeds/metric_catalogue.csv, the rest from datasets.yaml beside this file. The output depends on these alone.
"""

from __future__ import annotations

import argparse
import re
import sys
import uuid
from pathlib import Path
from typing import Any

import yaml

# The script is run by its path, so that the repository's own packages have to be found.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from voronka.metric_catalogue import CatalogueError, Metric, load

SERVER = Path(__file__).resolve().parent
BUNDLE = SERVER.parent
REPOSITORY = BUNDLE.parent
DBT = REPOSITORY / "dbt_project"
TARGET = BUNDLE / "datasets" / "voronka"
NAMESPACE = "voronka"
TYPES = {
    "text": "TEXT", "bigint": "BIGINT", "integer": "INTEGER", "numeric": "NUMERIC", "boolean": "BOOLEAN",
    "date": "DATE", "timestamp": "TIMESTAMP", "timestamptz": "TIMESTAMP WITH TIME ZONE",
}  # fmt: skip
FIELDS = {
    "name", "suffix", "label", "description", "format", "expression", "against", "threshold",
    "value_of", "text_of", "growth_of", "swing_of", "verdict_of",
}  # fmt: skip
FORMATS = {"count": ",d", "money": "$,.0f", "minutes": ",.1f", "days": ",.1f", "ratio": ",.1%"}
NBSP = "\u00a0"


def asset_uuid(path: str) -> str:
    """The uuid of an asset, for ever the same for its path in the bundle (`datasets/voronka/dim_periods`)."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{NAMESPACE}/{path}"))


def contracts() -> dict[str, list[dict[str, str]]]:
    """Columns (name, data_type) of every mart by its name, in the order of its contract."""
    found = {}
    for path in sorted((DBT / "models" / "marts").rglob("*.yml")):
        for model in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("models") or []:
            if model.get("columns"):
                found[model["name"]] = model["columns"]
    return found


def catalogue() -> dict[str, Metric]:
    """The metric catalogue's rows by code, in the order people see them in."""
    return {metric.metric_code: metric for metric in load()}


def number(value: str) -> str:
    """SQL: a number as people write it, «1 234 567», or «—»."""
    return (
        f"COALESCE(replace(to_char(round(({value})::numeric), 'FM999,999,999,999,990'), ',', '{NBSP}'), '—')"
    )


def decimal(value: str) -> str:
    """SQL: a number with one decimal, «12,5», or «—»."""
    return f"COALESCE(replace(to_char(({value})::numeric, 'FM999999990.0'), '.', ','), '—')"


def percent(value: str) -> str:
    """SQL: a signed share in percent, «▲ +12,5 %», or «—»."""
    return (
        f"CASE WHEN ({value}) IS NULL THEN '—' ELSE "
        f"CASE SIGN({value}) WHEN 1 THEN '▲{NBSP}+' WHEN -1 THEN '▼{NBSP}−' ELSE '' END || "
        f"replace(to_char(ABS(({value})::numeric) * 100, 'FM999999990.0'), '.', ',') || '{NBSP}%' END"
    )


def share(value: str) -> str:
    """SQL: a share in percent without a sign, «87,5 %», or «—»."""
    return (
        f"COALESCE(replace(to_char(({value})::numeric * 100, 'FM999999990.0'), '.', ',') || '{NBSP}%', '—')"
    )


def signed(value: str) -> str:
    """SQL: a whole number with its sign, «+12», «−34», or «—»."""
    sign = f"CASE SIGN(round(({value})::numeric)) WHEN 1 THEN '+' WHEN -1 THEN '−' ELSE '' END"
    return f"CASE WHEN ({value}) IS NULL THEN '—' ELSE {sign} || {number(f'ABS({value})')} END"


def signed_decimal(value: str) -> str:
    """SQL: a number of one decimal with its sign, «+1,2», «−0,4», or «—»."""
    sign = f"CASE SIGN(round(({value})::numeric, 1)) WHEN 1 THEN '+' WHEN -1 THEN '−' ELSE '' END"
    return f"CASE WHEN ({value}) IS NULL THEN '—' ELSE {sign} || {decimal(f'ABS({value})')} END"


def chosen(value: str) -> str:
    """SQL: what a link says to choose one value of a native filter: `<id of the filter> <its column> <SQL of the value>`."""
    filter_id, column, text = value.split(" ", 2)
    # «!» and apostrophes belong to the notation (rison), the rest would end the address or its attribute.
    for sign, code in (
        ("!", "!!"), ("%", "%25"), ("''", "!%27"), ("&", "%26"), ("#", "%23"), ("+", "%2B"), ('"', "%22"), ("<", "%3C"),
        (">", "%3E"),
    ):  # fmt: skip
        text = f"replace({text}, '{sign}', '{code}')"
    return (
        f"'{filter_id}:(extraFormData:(filters:!((col:{column},op:IN,val:!(%27' || {text} || '%27)))),"
        f"filterState:(label:%27' || {text} || '%27,value:!(%27' || {text} || '%27)),id:{filter_id},ownState:())'"
    )


def clock(value: str) -> str:
    """SQL: seconds as minutes and seconds, «3:07», or «—»."""
    seconds = f"round(({value})::numeric)::bigint"
    return f"COALESCE({seconds} / 60 || ':' || lpad(({seconds} % 60)::text, 2, '0'), '—')"


def hours(value: str) -> str:
    """SQL: seconds as hours and minutes, «12 ч 05 мин», or «—»."""
    minutes = f"round(({value})::numeric / 60)::bigint"
    return f"COALESCE({minutes} / 60 || '{NBSP}ч{NBSP}' || lpad(({minutes} % 60)::text, 2, '0') || '{NBSP}мин', '—')"


# What expressions of datasets.yaml may call, {{number(…)}}.
WORDS = {
    word.__name__: word
    for word in (number, decimal, percent, share, signed, signed_decimal, chosen, clock, hours)
}


def measure(column: str) -> str:
    """SQL: one measure of the period mart in a query that keeps metrics apart."""
    return (
        f"CASE WHEN BOOL_OR(is_ratio) THEN CASE MAX(unit) WHEN 'ratio' THEN 100 ELSE 1 END"
        f" * SUM({column}) / NULLIF(SUM({column}_divisor), 0) ELSE SUM({column}) END"
    )


def measure_of(column: str, metric: Metric) -> str:
    """SQL: one measure of the period mart for one metric of the catalogue."""
    where = f"FILTER (WHERE metric_code = '{metric.metric_code}')"
    if metric.kind != "ratio":
        return f"COALESCE(SUM({column}) {where}, 0)"
    scale = "100 * " if metric.unit == "ratio" else ""
    return f"{scale}SUM({column}) {where} / NULLIF(SUM({column}_divisor) {where}, 0)"


def growth(value: str, base: str) -> str:
    """SQL: growth in words, «—» where there is nothing to compare with."""
    return percent(f"CASE WHEN ({base}) > 0 THEN ({value}) / ({base}) - 1 END")


def swing(value: str, base: str, threshold: float) -> str:
    """SQL: growth in words with an arrow only where it reaches the threshold (0.15 = 15 %) either way."""
    share = f"(({value}) / ({base}) - 1)::numeric"
    plain = f"replace(replace(to_char({share} * 100, 'FMSG999999990.0'), '.', ','), '-', '−') || '{NBSP}%'"
    arrow = f"CASE WHEN {share} >= {threshold} THEN '▲{NBSP}' WHEN {share} <= -{threshold} THEN '▼{NBSP}' ELSE '' END"
    return f"CASE WHEN ({base}) > 0 AND ({value}) IS NOT NULL THEN {arrow} || {plain} ELSE '—' END"


def verdict(value: str, base: str) -> str:
    """SQL: 1 where growth is good, -1 where it is bad, 0 where nothing changed or nothing is known."""
    better = "CASE MAX(direction) WHEN 'less' THEN -1 ELSE 1 END"
    return f"CASE WHEN ({base}) > 0 THEN COALESCE(SIGN(({value}) - ({base})), 0) * {better} ELSE 0 END"


def _put_in(text: str, pieces: dict[str, str]) -> str:
    """Replace {{name}} by the piece of SQL of that name."""
    return re.sub(r"\{\{(\w+)\}\}", lambda found: pieces[found[1]], text)


def _expression(spec: dict[str, Any], pieces: dict[str, str], resolve: Any) -> str:
    if unknown := spec.keys() - FIELDS:
        # Most often a comma inside an unquoted expression.
        sys.exit(
            f"error: superset/server/datasets.yaml, metric {spec.get('name')}: unknown {unknown}: quote the expression"
        )
    if "value_of" in spec:
        return resolve(spec["value_of"])
    if "text_of" in spec:
        value = resolve(spec["text_of"])
        return f"CASE MAX(unit) WHEN 'ratio' THEN {decimal(value)} ELSE {number(value)} END"
    if "growth_of" in spec:
        return growth(resolve(spec["growth_of"]), resolve(spec["against"]))
    if "swing_of" in spec:
        return swing(resolve(spec["swing_of"]), resolve(spec["against"]), spec["threshold"])
    if "verdict_of" in spec:
        return verdict(resolve(spec["verdict_of"]), resolve(spec["against"]))
    # Pieces first: they may hold words too.
    text = _put_in(spec["expression"], pieces)
    for name, words in WORDS.items():
        text = re.sub(r"\{\{" + name + r"\((.*?)\)\}\}", lambda found, words=words: words(found[1]), text)
    return text


def _metric(
    name: str, label: str, expression: str, number_format: str | None, description: str
) -> dict[str, Any]:
    return {
        "metric_name": name,
        "verbose_name": label,
        "expression": expression,
        "d3format": number_format,
        "description": description,
    }


def _check_measures(codes: dict[str, Metric], known: dict[str, list[dict[str, str]]]) -> None:
    """Every measure of the catalogue stands on columns that its mart has; SQL's own words are in capitals there."""
    for metric in codes.values():
        if metric.kind != "measure":
            continue
        where = f"error: dbt_project/seeds/metric_catalogue.csv, metric {metric.metric_code}"
        if metric.mart not in known:
            sys.exit(f"{where}: no mart has the name {metric.mart}")
        columns = {column["name"] for column in known[metric.mart]}
        if unknown := set(re.findall(r"(?<!:)\b[a-z_]\w*", metric.expression)) - columns:
            sys.exit(
                f"{where}: {metric.mart} has no column {', '.join(sorted(unknown))}: mend the expression"
            )


def _metrics(
    dataset: str, spec: dict[str, Any], pieces: dict[str, str], codes: dict[str, Metric]
) -> list[dict[str, Any]]:
    """Metrics of a dataset: those of datasets.yaml, each code in the family's ways, and the measures of its mart."""
    made = []
    entries = list(spec.get("metrics") or [])
    listed = {entry["name"] for entry in entries}
    entries += [
        {"name": code}
        for code, metric in codes.items()
        if metric.kind == "measure" and metric.mart == dataset and code not in listed
    ]
    for entry in entries:
        name = entry["name"]
        metric = codes.get(name.removesuffix("_text"))
        if metric and (second := {"label", "description"} & entry.keys()):
            sys.exit(
                f"error: superset/server/datasets.yaml, {dataset}, metric {name}: {', '.join(sorted(second))} is what the "
                "catalogue (dbt_project/seeds/metric_catalogue.csv) says: leave it out, or choose another name"
            )
        if not metric and "label" not in entry:
            sys.exit(
                f"error: superset/server/datasets.yaml, {dataset}, metric {name}: no such code: give it a label"
            )
        if metric and metric.kind == "measure" and name == metric.metric_code and "expression" not in entry:
            entry = entry | {"expression": metric.expression}
        label = metric.label_ru if metric else entry["label"]
        description = metric.formula_ru if metric else entry.get("description") or label
        number_format = entry.get("format") or (
            FORMATS[metric.unit] if metric and name == metric.metric_code else None
        )
        made.append(_metric(name, label, _expression(entry, pieces, measure), number_format, description))
    for family in spec.get("per_code") or []:
        for name, code in codes.items():
            if code.kind == "measure":
                continue
            expression = _expression(family, pieces, lambda column, code=code: measure_of(column, code))
            is_text = "growth_of" in family or "swing_of" in family
            label = family.get("label") or code.label_ru
            description = family.get("description") or code.formula_ru
            number_format = None if is_text else (",.1f" if code.unit == "ratio" else ",.0f")
            made.append(_metric(f"{name}{family['suffix']}", label, expression, number_format, description))
    return made


def _columns(
    name: str,
    spec: dict[str, Any],
    columns: list[dict[str, str]],
    labels: dict[str, str],
    pieces: dict[str, str],
) -> list[dict[str, Any]]:
    made = [(column["name"], TYPES[column["data_type"]], None) for column in columns]
    made += [(column, "TEXT", pieces[piece]) for column, piece in (spec.get("columns") or {}).items()]
    if unknown := [column for column, _, _ in made if column not in labels]:
        sys.exit(
            f"error: superset/server/datasets.yaml: no label for {', '.join(unknown)} of {name}: add it to `labels`"
        )
    return [
        {
            "column_name": column,
            "verbose_name": labels[column],
            "type": kind,
            "is_dttm": kind.startswith(("DATE", "TIMESTAMP")),
            "is_active": True,
            "groupby": True,
            "filterable": True,
            "expression": expression,
        }
        for column, kind, expression in made
    ]


def datasets() -> dict[str, dict[str, Any]]:
    """Every dataset of datasets.yaml as Superset imports it, by the mart's name."""
    config = yaml.safe_load((SERVER / "datasets.yaml").read_text(encoding="utf-8"))
    pieces = config["pieces"]
    for name, text in pieces.items():
        pieces[name] = _put_in(text, pieces)
    known = contracts()
    try:
        codes = catalogue()
    except CatalogueError as error:
        sys.exit(str(error))
    _check_measures(codes, known)
    pieces |= {code: f"({metric.expression})" for code, metric in codes.items() if metric.kind == "measure"}
    made = {}
    for name, spec in config["datasets"].items():
        if name not in known:
            sys.exit(
                f"error: superset/server/datasets.yaml names {name}, which no contract in dbt_project/models/marts has"
            )
        made[name] = {
            "table_name": name,
            "description": spec["description"],
            "main_dttm_col": None,
            "schema": "marts",
            "sql": None,
            "source_db_engine": "postgresql",
            "cache_timeout": spec.get("cache_timeout"),
            "filter_select_enabled": True,
            "normalize_columns": False,
            "always_filter_main_dttm": False,
            "uuid": asset_uuid(f"datasets/voronka/{name}"),
            "database_uuid": asset_uuid("databases/voronka"),
            "columns": _columns(name, spec, known[name], config["labels"] | spec.get("labels", {}), pieces),
            "metrics": _metrics(name, spec, pieces, codes),
            "version": "1.0.0",
        }
    return made


def rendered() -> dict[Path, str]:
    """Text of every dataset file by its path."""
    head = "# Made by superset/server/sync_datasets.py; change datasets.yaml there, a mart's contract or the catalogue.\n"
    return {
        TARGET / f"{name}.yaml": head
        + yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=1_000_000)
        for name, content in datasets().items()
    }


def main() -> int:
    """Write the files, or with --check compare; the exit code is 1 where they differ."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; say which files are out of date")
    check = parser.parse_args().check
    wanted = rendered()
    existing = set(TARGET.glob("*.yaml"))
    differing = [
        path for path, text in wanted.items() if path not in existing or path.read_text("utf-8") != text
    ]
    superfluous = sorted(existing - set(wanted))
    if check:
        for path in [*differing, *superfluous]:
            print(
                f"{path.relative_to(REPOSITORY)} is out of date: run superset/server/sync_datasets.py",
                file=sys.stderr,
            )
        return 1 if differing or superfluous else 0
    TARGET.mkdir(parents=True, exist_ok=True)
    for path in differing:
        path.write_text(wanted[path], encoding="utf-8")
    for path in superfluous:
        path.unlink()
    print(f"{len(wanted)} datasets, {len(differing)} written, {len(superfluous)} removed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
