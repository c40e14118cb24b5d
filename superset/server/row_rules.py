"""Row-level rules: which rows of each dataset a person sees, from the warehouse's marts of access. Deny by default.

Each dataset stands under exactly one rule, and the rules hold for everybody but administrators (Superset's filter type
Base: the roles it names are exempt, all others are under it). Who a person is, the marts `mart_access__people` and
`mart_access__visible_managers` say at the moment of the query: whoever is dismissed is in neither after the next publication,
and sees nothing, whatever Superset still holds.
"""

from __future__ import annotations

from typing import Any

from bundle import policy

GROUP = "voronka"
SCHEMA = "marts"
# current_username() also enters the cache's key: nobody gets an answer that was computed for another.
_WHO = "login = '{{ current_username() }}'"
_OWN = f"manager_id in (select manager_id from {SCHEMA}.mart_access__visible_managers where {_WHO})"


def _person(condition: str = "") -> str:
    return f"exists (select 1 from {SCHEMA}.mart_access__people where {_WHO}{condition})"


CLAUSES = {
    "Строки сотрудников": f"{_person(' and sees_all')} or {_OWN}",
    "Воронка и каналы": f"{_person(' and sees_channels')} or {_OWN}",
    "Справочники": _person(),
    "Закрыто": "1 = 0",
}


def rule_of(dataset: Any, lists: dict[str, list[str]]) -> str:
    """Name of the rule that a dataset stands under: closed, unless policy.yaml opens it or its rows name who they are of."""
    if dataset.schema != SCHEMA:
        return "Закрыто"
    if dataset.table_name in lists["channels"]:
        return "Воронка и каналы"
    if dataset.table_name in lists["no_persons"]:
        return "Справочники"
    if any(column.column_name == "manager_id" for column in dataset.columns):
        return "Строки сотрудников"
    return "Закрыто"


def apply(exempt: list[Any]) -> int:
    """Put every dataset under its rule, and remove rules of ours that are no more; the number of datasets."""
    from superset.connectors.sqla.models import RowLevelSecurityFilter, SqlaTable

    from superset import db

    datasets = db.session.query(SqlaTable).all()
    lists = policy()["rows"]
    known = {rule.name: rule for rule in db.session.query(RowLevelSecurityFilter).filter_by(group_key=GROUP)}
    for name, clause in CLAUSES.items():
        rule = known.pop(name, None) or RowLevelSecurityFilter(name=name, group_key=GROUP)
        rule.filter_type, rule.clause, rule.roles = "Base", clause, exempt
        rule.tables = [dataset for dataset in datasets if rule_of(dataset, lists) == name]
        db.session.add(rule)
    for rule in known.values():
        db.session.delete(rule)
    db.session.commit()
    return len(datasets)
