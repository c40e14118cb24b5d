{% macro analyze_if_table() -%}
  {#-
    Post-hook: a table made by a query has no statistics until autovacuum comes by, and the planner guesses. One that was only
    brought up to date keeps those it has until a twentieth of its rows are others: at a million rows they cost a second.
  -#}
  {%- if model.config.materialized in ('table', 'incremental', 'seed') -%}
    {%- if not is_kept_up() or run_query(
      "select n_mod_since_analyze > 0.05 * n_live_tup from pg_stat_user_tables where relid = to_regclass('"
      ~ this.include(database=false) ~ "')"
    ).columns[0].values() != (false,) -%}
      analyze {{ this }}
    {%- endif -%}
  {%- endif -%}
{%- endmacro %}


{% macro read_in_place() -%}
  {#-
    After `as` of a CTE that is read more than once: PostgreSQL would write all of it aside first, a large table for the few
    rows that a refresh looks up.
  -#}
  {{- 'not materialized' -}}
{%- endmacro %}
