"""Mechanical mutants are of one place each, and of none that dbt compiles beyond recognition."""

from __future__ import annotations

from tests.proof.mechanical import of_model, of_project

CODE = """with deals as (
  select * from {{ ref('fct_deals') }}
  where amount < 5
),
-- not where amount < 7
final as (
  select a
  from deals
  where amount < 9
    and amount < 7
    {%- if x %} and b = 1{% endif %}
  union all
  select a
  from deals
  where amount > 1
    and amount < 7
)
"""


def test_each_turn_is_of_one_place() -> None:
    found = {(mutant.old, mutant.new) for mutant in of_model("m", "m.sql", CODE)}
    assert ("where amount < 5", "where amount <= 5") in found
    # A line that stands twice is named with the one before it.
    assert (
        "where amount < 9\n    and amount < 7", "where amount < 9\nand amount <= 7"
    ) in found  # fmt: skip
    assert ("where amount > 1\n    and amount < 7", "where amount > 1\n") in found
    assert all(CODE.count(old) == 1 and "ref(" not in old and "{%" not in old for old, _ in found)


def test_the_project_has_places_to_turn() -> None:
    assert len(list(of_project())) > 1000
