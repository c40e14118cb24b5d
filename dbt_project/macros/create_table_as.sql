{% macro postgres__create_table_as(temporary, relation, sql) -%}
  {#- dbt-postgres' own, and room on the pages of tables that are kept up. -#}
  {%- set header = config.get('sql_header') -%}
  {%- set contract = config.get('contract') -%}
  {{ header if header is not none }}
  create {{ 'temporary' if temporary }} table {{ relation }}
  {%- if contract.enforced %}
    {{ get_assert_columns_equivalent(sql) }}
  {%- endif %}
  {%- if contract.enforced and not temporary %}
    {{ get_table_columns_and_constraints() }}{{ room_for_updates() }};
    insert into {{ relation }} ({{ adapter.dispatch('get_column_names', 'dbt')() }})
    {%- set sql = get_select_subquery(sql) %}
  {%- else %}
    {{- room_for_updates() if not temporary }} as
  {%- endif %}
  (
    {{ sql }}
  );
{%- endmacro %}
