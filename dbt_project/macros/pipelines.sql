{% macro not_selling_pipelines() %}
  {#- Comma-separated ids of pipelines whose success is no sale, checked, from the variable or the environment. -#}
  {%- set ids = var('not_selling_pipelines', none) -%}
  {%- if ids is none -%}
    {%- set ids = env_var('VORONKA_NOT_SELLING_PIPELINES', '') -%}
  {%- endif -%}
  {%- set ids = ids | join(',') if ids is not string else ids -%}
  {%- if not modules.re.fullmatch('\\s*(\\d+(\\s*,\\s*\\d+)*)?\\s*', ids) -%}
    {{ exceptions.raise_compiler_error(
      "VORONKA_NOT_SELLING_PIPELINES (or the variable not_selling_pipelines) is '" ~ ids
      ~ "': write pipeline ids separated by commas, such as 1,7"
    ) }}
  {%- endif -%}
  {{ ids }}
{% endmacro %}


{% macro is_selling(pipeline_id) -%}
  {%- set selling = var('selling_pipelines') -%}
  {%- set not_selling = not_selling_pipelines() | trim -%}
  {%- set conditions = [] -%}
  {%- if selling != 'all' -%}
    {%- do conditions.append(pipeline_id ~ ' in (' ~ selling | join(', ') ~ ')') -%}
  {%- endif -%}
  {%- if not_selling -%}
    {%- do conditions.append(pipeline_id ~ ' not in (' ~ not_selling ~ ')') -%}
  {%- endif -%}
  {{ '(' ~ conditions | join(' and ') ~ ')' if conditions else 'true' }}
{%- endmacro %}
