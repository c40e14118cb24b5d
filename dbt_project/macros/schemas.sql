{% macro schema_suffix() %}
  {#- Nothing for the live build; a suffix for a build as of a date or aside. -#}
  {%- if var('schema_suffix', none) is not none -%}
    _{{ var('schema_suffix') }}
  {%- elif var('as_of', none) is not none -%}
    _as_of_{{ var('as_of') | string | replace('-', '_') }}
  {%- endif -%}
{% endmacro %}


{% macro generate_schema_name(custom_schema_name, node) %}
  {#- Schemas are named exactly as configured. A build with a suffix goes past marts_next: it is not published,
      so its marts stand in marts<suffix> at once. -#}
  {%- set configured = (custom_schema_name or target.schema) | trim -%}
  {%- set suffix = schema_suffix() | trim -%}
  {%- if suffix and configured == 'marts_next' -%}
    {%- set configured = 'marts' -%}
  {%- endif -%}
  {{ configured ~ suffix }}
{% endmacro %}
