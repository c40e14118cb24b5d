{#- How long ago: calendar days of the portal's zone, and the buckets of the dashboards (variable recency_buckets). -#}

{% macro days_since(moment) -%}
  ({{ as_of_date() }} - {{ local_date(moment) }})
{%- endmacro %}


{% macro recency_labels() -%}
  {#- Labels of the buckets in their order: by default 0, 1–3, 4–7, 8–14, 15–30, 31+. -#}
  {%- set bounds = var('recency_buckets') -%}
  {%- if bounds is string or not bounds or bounds | sort | unique | list != bounds | list or bounds[0] < 0 -%}
    {{ exceptions.raise_compiler_error(
      "Variable recency_buckets is '" ~ bounds ~ "': write the last day of each bucket, growing, such as [0, 3, 7]"
    ) }}
  {%- endif -%}
  {%- set labels = [] -%}
  {%- for bound in bounds -%}
    {%- set first = 0 if loop.first else loop.previtem + 1 -%}
    {%- do labels.append(bound | string if first == bound else first ~ '–' ~ bound) -%}
  {%- endfor -%}
  {%- do labels.append((bounds[-1] + 1) ~ '+') -%}
  {{ return(labels) }}
{%- endmacro %}


{% macro recency_bucket_sort(days) -%}
  case
    {%- for bound in var('recency_buckets') %}
    when {{ days }} <= {{ bound }} then {{ loop.index0 }}
    {%- endfor %}
    when {{ days }} is not null then {{ var('recency_buckets') | length }}
    else {{ var('recency_buckets') | length + 1 }}
  end
{%- endmacro %}


{% macro recency_bucket(days) -%}
  (array[{{ quoted_list(recency_labels()) }}, 'никогда'])[1 + {{ recency_bucket_sort(days) }}]
{%- endmacro %}
