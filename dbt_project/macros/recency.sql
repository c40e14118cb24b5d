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


{% macro activity_done_at() -%}
  {#- When an activity was done, from its columns: its end if between creation and last change, else the last change. -#}
  case
      when is_completed and end_at between created_at and modified_at then end_at
      when is_completed then modified_at
    end
{%- endmacro %}


{% macro activity_planned_at() -%}
  {#- Of an activity not done at as_of (column done_at) the next of its dates. What was done after as_of was still to be
      done then: no older version may have been kept that says so. -#}
  case
      when done_at is null or done_at >= {{ as_of() }}
        then least(
          case when start_at >= {{ as_of() }} then start_at end,
          case when deadline_at >= {{ as_of() }} then deadline_at end
        )
    end
{%- endmacro %}


{% macro dated_step(moment, activity_id) -%}
  {#- A planned activity as [its moment, its id]: arrays compare element by element, so that min() finds the next one. -#}
  case
      when {{ activity_id }} is not null
        then array[cast(extract(epoch from {{ moment }}) * 1000000 as bigint), {{ activity_id }}]
    end
{%- endmacro %}
