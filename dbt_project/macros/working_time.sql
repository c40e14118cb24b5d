{#- Working time: days by the production calendar (dim_calendar), hours by the variables working_hours. -#}

{% macro working_hour(name) -%}
  {#- Checked wall clock time of the variable working_hours, as an interval of the day. -#}
  {%- set hours = var('working_hours') -%}
  {%- set minutes = {} -%}
  {%- for key in ['from', 'until'] -%}
    {%- set text = hours[key] | string -%}
    {%- if not modules.re.fullmatch('([01]\\d|2[0-4]):[0-5]\\d', text) or text > '24:00' -%}
      {{ exceptions.raise_compiler_error(
        "Variable working_hours." ~ key ~ " is '" ~ text ~ "': write a time of the day in quotes, such as '09:00'"
      ) }}
    {%- endif -%}
    {%- do minutes.update({key: text}) -%}
  {%- endfor -%}
  {%- if minutes['from'] >= minutes['until'] -%}
    {{ exceptions.raise_compiler_error(
      "Variable working_hours: the day must end after it begins (from " ~ minutes['from'] ~ " until "
      ~ minutes['until'] ~ "); shifts over midnight are not supported"
    ) }}
  {%- endif -%}
  interval '{{ minutes[name] }}'
{%- endmacro %}


{% macro calendar_from() -%}
  {#- First day of dim_calendar: older than any Bitrix24 portal. -#}
  cast('2000-01-01' as date)
{%- endmacro %}


{% macro calendar_until() -%}
  {#- Last day of dim_calendar: the end of the year after as_of. -#}
  cast(date_trunc('year', {{ as_of_date() }} + interval '2 years') as date) - 1
{%- endmacro %}


{% macro working_seconds_until(calendar, moment) -%}
  {#-
    Seconds of working time from the beginning of dim_calendar until a moment, `calendar` being the alias of the row of
    the moment's local day. Two of them subtracted are the working time between two moments: two joins by day instead
    of a row a day.
  -#}
  {{ calendar }}.working_seconds_before + least(
    greatest(extract(epoch from {{ moment }} - {{ calendar }}.working_from), 0), {{ calendar }}.working_seconds
  )
{%- endmacro %}


{% macro working_seconds_between(earlier_calendar, earlier, later_calendar, later) -%}
  greatest(
    ({{ working_seconds_until(later_calendar, later) }})
    - ({{ working_seconds_until(earlier_calendar, earlier) }}),
    0
  )
{%- endmacro %}
