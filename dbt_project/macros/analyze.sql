{% macro analyze_if_table() -%}
  {#- Post-hook: a table made by a query has no statistics until autovacuum comes by, and the planner guesses. -#}
  {%- if model.config.materialized in ('table', 'incremental', 'seed') -%}
    analyze {{ this }}
  {%- endif -%}
{%- endmacro %}
