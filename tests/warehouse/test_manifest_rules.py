"""Structure of the dbt project, read from the manifest of the last run: what a reviewer would otherwise have to watch."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, Stack
from voronka.metric_catalogue import load

LAYERS = {
    "staging": r"stg_[a-z0-9]+__[a-z0-9_]+",
    "intermediate": r"int_[a-z0-9]+__[a-z0-9_]+",
    "marts": r"(fct_[a-z0-9_]+|dim_[a-z0-9_]+|mart_[a-z0-9]+(_[a-z0-9]+)*__[a-z0-9_]+)",
}
UNIQUE_TESTS = {"unique", "unique_combination"}


@pytest.fixture(scope="module")
def manifest(stack: Stack) -> dict[str, Any]:
    parsed = stack.dbt("parse")
    assert parsed.returncode == 0, parsed.stdout
    return json.loads(Path(stack.manifest_path).read_text())


@pytest.fixture(scope="module")
def models(manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        key: node
        for key, node in manifest["nodes"].items()
        if node["resource_type"] == "model" and node["package_name"] == "voronka"
    }


def layer(node: dict[str, Any]) -> str:
    return node["path"].split("/")[0]


def parents(node: dict[str, Any]) -> list[str]:
    return node["depends_on"]["nodes"]


def test_models_are_named_for_their_layer(models: dict[str, dict[str, Any]]) -> None:
    wrong = [m["path"] for m in models.values() if not re.fullmatch(LAYERS[layer(m)], m["name"])]
    assert wrong == []


def test_only_staging_reads_sources_and_every_source_is_read(
    manifest: dict[str, Any], models: dict[str, dict[str, Any]]
) -> None:
    outside = [
        m["name"]
        for m in models.values()
        if layer(m) != "staging" and any(p.startswith("source.") for p in parents(m))
    ]
    assert outside == []
    read = {p for m in models.values() for p in parents(m)}
    assert set(manifest["sources"]) - read == set()


def test_a_staging_model_reads_one_source(models: dict[str, dict[str, Any]]) -> None:
    several = [m["name"] for m in models.values() if sum(p.startswith("source.") for p in parents(m)) > 1]
    assert several == []


def test_layers_read_downwards(models: dict[str, dict[str, Any]]) -> None:
    """A staging model stands on its source or on the versions of its entity, and which cards are deleted is known there
    too, from the sweeps of the run ledger; a KPI mart stands on facts, not on staging."""
    deletions = {f"stg_bitrix24__{name}" for name in ("card_id_buckets", "deleted_cards", "extract_runs")}
    wrong = []
    for model in models.values():
        for parent in (models[p] for p in parents(model) if p in models):
            if layer(model) == "staging":
                allowed = layer(parent) == "staging" and (
                    parent["name"].endswith("_versions") or parent["name"] in deletions
                )
            elif layer(model) == "marts" and "/core/" not in model["path"]:
                # The ledgers of loads and of builds are read at query time: what no mart can hold, since it tells of
                # runs that published none.
                ledgers = ("stg_bitrix24__extract_runs", "stg_dbt__results")
                allowed = layer(parent) != "staging" or parent["name"] in ledgers
            else:
                allowed = True
            if not allowed:
                wrong.append(f"{model['name']} reads {parent['name']}")
    assert wrong == []


def test_views_in_marts_read_what_is_published_with_them(models: dict[str, dict[str, Any]]) -> None:
    wrong = [
        f"{model['name']} reads {parent['name']}"
        for model in models.values()
        if layer(model) == "marts" and model["config"]["materialized"] == "view"
        for parent in (models[p] for p in parents(model) if p in models)
        if layer(parent) != "marts" and parent["config"]["materialized"] != "ephemeral"
    ]
    assert wrong == []


def test_what_is_kept_up_accounts_for_every_parent(models: dict[str, dict[str, Any]]) -> None:
    """A table that computes only what changed follows the log of each parent, or is built anew when that changes."""
    wrong = []
    for model in models.values():
        meta = model["config"].get("meta") or {}
        if not meta.get("follows"):
            continue
        accounted = {name.split(".")[0] for name in [*meta["follows"], *meta.get("watches", [])]}
        if accounted != {p.split(".")[2] for p in parents(model)}:
            wrong.append(f"{model['name']}: parents and meta differ")
        for name in meta["follows"]:
            parent = models[f"model.voronka.{name}"]["config"]
            meta_of_parent = parent.get("meta") or {}
            if (
                parent["materialized"] != "incremental"
                or not meta_of_parent.get("key")
                or meta_of_parent.get("logs") == []
            ):
                wrong.append(f"{model['name']} follows {name}, which logs nothing")
    assert wrong == []


def test_logs_of_marts_hold_their_keys(models: dict[str, dict[str, Any]]) -> None:
    """It is by key that a publication finds what is different in a mart that is kept up (macros/changes.sql)."""
    wrong = []
    for model in models.values():
        meta = model["config"].get("meta") or {}
        if model["schema"] == "marts_next" and meta.get("logs"):
            keys = [meta["key"]] if isinstance(meta["key"], str) else meta["key"]
            if not {*keys} <= {*meta["logs"]}:
                wrong.append(f"{model['name']}: {keys} are not all in {meta['logs']}")
    assert wrong == []


def test_relations_are_never_named_by_hand(models: dict[str, dict[str, Any]]) -> None:
    schemas = r"\b(from|join)\s+(raw_bitrix24|raw_inputs|staging|intermediate|marts_next|marts)\."
    assert [m["name"] for m in models.values() if re.search(schemas, m["raw_code"])] == []


def test_parents_are_imported_whole(manifest: dict[str, Any]) -> None:
    """An alias behind a ref breaks `dbt build --empty`, which puts its own there; import it in a CTE of that name."""
    aliased = r"\b(ref|source)\([^)]*\)\s*\}\}\s+as\s"
    nodes = (n for n in manifest["nodes"].values() if n["resource_type"] in ("model", "test"))
    assert [n["name"] for n in nodes if re.search(aliased, n["raw_code"])] == []


def test_every_model_and_column_is_described(models: dict[str, dict[str, Any]]) -> None:
    for model in models.values():
        assert model["description"].startswith("Grain: one row"), f"{model['name']}: say the grain first"
        bare = [name for name, column in model["columns"].items() if not column["description"]]
        assert bare == [], f"{model['name']}: columns without a description"


def test_every_model_proves_its_grain(manifest: dict[str, Any], models: dict[str, dict[str, Any]]) -> None:
    """A unique index (it fails the build) or a test of uniqueness for each model but the ephemeral ones. A register's
    grain is that of its fact times the periods, both of which are proven; a million rows are not sorted for it."""
    tested = {
        node["attached_node"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and (node.get("test_metadata") or {}).get("name") in UNIQUE_TESTS
    }
    untested = [
        m["name"]
        for key, m in models.items()
        if key not in tested
        and not any(index.get("unique") for index in m["config"].get("indexes") or [])
        and m["config"]["materialized"] != "ephemeral"
    ]
    assert sorted(untested) == [
        "mart_funnel__journey_steps", "mart_funnel__journeys", "mart_funnel__lost_journeys", "mart_funnel__step_days",
        "mart_kpi__register", "mart_plan_fact__payments", "mart_plan_fact__register",
    ]  # fmt: skip


def test_marts_are_public_contracts_with_all_columns(models: dict[str, dict[str, Any]]) -> None:
    marts = [m for m in models.values() if layer(m) == "marts"]
    assert len(marts) > 20
    for mart in marts:
        assert mart["access"] == "public", mart["name"]
        assert mart["config"]["contract"]["enforced"], f"{mart['name']} has no contract"
        assert all(c["data_type"] for c in mart["columns"].values()), (
            f"{mart['name']}: a column without a type"
        )
    below = [m["name"] for m in models.values() if layer(m) != "marts" and m["access"] == "public"]
    assert below == []


def test_every_kpi_mart_carries_the_columns_of_the_filters(models: dict[str, dict[str, Any]]) -> None:
    """One filter of the dashboard must reach every chart."""
    period = ["period_grain", "period_grain_sort", "period_choice", "period_choice_sort", "period_label"]
    who = ["manager_id", "manager", "department", "pipeline", "channel"]
    families = (
        "marts/kpi/mart_kpi__",
        "marts/telephony/mart_telephony__",
        "marts/plan_fact/mart_plan_fact__",
        "marts/pipeline/mart_pipeline__",
        "marts/funnel/mart_funnel__",
        "marts/clients/mart_clients__",
    )
    marts = [m for m in models.values() if m["path"].startswith(families)]
    assert len(marts) >= 25
    for mart in marts:
        missing = [c for c in who if c not in mart["columns"]]
        # What is in work, and a client, is so now, whatever the period; only win rates have one.
        of_now = "/clients/" in mart["path"] or (
            "/pipeline/" in mart["path"] and mart["name"] != "mart_pipeline__win_rate"
        )
        if not of_now and mart["name"] not in (
            "mart_kpi__daily",
            "mart_kpi__norm_baseline",
            "mart_plan_fact__daily",
            "mart_plan_fact__cards_to_act_on",
        ):
            missing += [c for c in [*period, "period_start", "is_current"] if c not in mart["columns"]]
        assert missing == [], f"{mart['name']} lacks columns"


def test_every_kpi_model_has_numbers_worked_out_by_hand(
    manifest: dict[str, Any], models: dict[str, dict[str, Any]]
) -> None:
    """A unit test for each model that computes; sums and joins by period are held by the conservation tests."""
    tested = {node["model"] for node in manifest["unit_tests"].values()}
    conserved = {
        "mart_kpi__daily", "mart_kpi__won_deals", "mart_kpi__won_products", "mart_kpi__register",
        "mart_telephony__missed_calls", "mart_telephony__norm", "mart_pipeline__by_stage", "mart_health__stream_rows",
    }  # fmt: skip
    families = (
        "kpi",
        "health",
        "calendar",
        "telephony",
        "targets",
        "plan_fact",
        "pipeline",
        "recency",
        "activities",
        "clients",
        "funnel",
        "inputs",
    )
    kpi = {m["name"] for m in models.values() if Path(m["path"]).parent.name in families} | {"dim_calendar"}
    assert kpi - tested - conserved == set()


def test_the_ledger_makes_every_event_metric_of_the_catalogue(models: dict[str, dict[str, Any]]) -> None:
    ledger = models["model.voronka.fct_metric_events"]["raw_code"]
    made = re.findall(r"\(\s*'([a-z_]+)', '[a-z_]+_at'", ledger)
    assert sorted(made) == sorted(metric.metric_code for metric in load() if metric.kind == "event")


def test_measures_of_the_catalogue_stand_on_columns_of_their_mart(models: dict[str, dict[str, Any]]) -> None:
    """SQL's own words are in capitals there, so that every other word is a column."""
    wrong = []
    for metric in load():
        if metric.kind == "measure":
            mart = models.get(f"model.voronka.{metric.mart}")
            columns = set(mart["columns"]) if mart and layer(mart) == "marts" else set()
            wrong += [
                f"{metric.metric_code}: {word}"
                for word in re.findall(r"(?<!:)\b[a-z_]\w*", metric.expression)
                if word not in columns
            ]
    assert wrong == []


def test_exposures_stand_on_marts(manifest: dict[str, Any], models: dict[str, dict[str, Any]]) -> None:
    assert manifest["exposures"]
    for exposure in manifest["exposures"].values():
        assert exposure["config"]["meta"]["superset_slug"], exposure["name"]
        assert all(layer(models[p]) == "marts" for p in parents(exposure) if p in models), exposure["name"]


def test_dashboards_named_by_health_stand_on_what_is_wrong(manifest: dict[str, Any]) -> None:
    """Where a stream fails, health names dashboards: each of them is downstream of its staging model."""
    slugs = [
        "kpi-otdela-prodazh", "normativ-ishodyaschih", "sdelki-v-rabote", "baza-klientov", "skvoznaya-voronka", "plan-fakt",
    ]  # fmt: skip
    shown = {
        exposure["config"]["meta"]["superset_slug"]: set(parents(exposure))
        for exposure in manifest["exposures"].values()
    }

    def reaches(node: str, seen: set[str]) -> set[str]:
        for child in manifest["child_map"].get(node, []):
            if child not in seen:
                seen.add(child)
                reaches(child, seen)
        return seen

    macro = Path(ROOT, "dbt_project", "macros", "health.sql").read_text(encoding="utf-8")
    streams = re.findall(r"'(\w+)': \{'label': '[^']*', 'without': '[^']*', 'on': \[([\d, ]*)\]", macro)
    assert len(streams) > 20
    for stream, numbers in streams:
        staged = f"model.voronka.stg_bitrix24__{stream}"
        below = reaches(staged, {staged})
        for number in numbers.split(", ") if numbers else []:
            assert shown[slugs[int(number) - 1]] & below, f"{stream}: dashboard {number} does not read it"
