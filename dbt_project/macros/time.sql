{% macro portal_timezone() %}
  {{- var('timezone', none) or env_var('VORONKA_TIMEZONE', 'Europe/Moscow') -}}
{% endmacro %}


{% macro build_moment() -%}
  {#- When the run began, in UTC; the variable `moment` has it begin at another, so that two builds can be compared. -#}
  {{- var('moment', none) or run_started_at.strftime('%Y-%m-%d %H:%M:%S.%f+00') -}}
{%- endmacro %}


{% macro as_of() %}
  {#- "Now" of the whole warehouse. Live: the moment the run began. With the variable as_of: the end of that day
      in the portal's zone. Events are kept while `event_at < as_of`. -#}
  {%- if var('as_of', none) is not none -%}
    {%- set day = var('as_of') | string -%}
    {%- if not modules.re.fullmatch('\\d{4}-\\d{2}-\\d{2}', day) -%}
      {{ exceptions.raise_compiler_error("Variable as_of is '" ~ day ~ "': write a day as YYYY-MM-DD") }}
    {%- endif -%}
    (cast(cast('{{ day }}' as date) + 1 as timestamp) at time zone '{{ portal_timezone() }}')
  {%- else -%}
    cast('{{ build_moment() }}' as timestamptz)
  {%- endif -%}
{% endmacro %}


{% macro as_of_date() %}
  {#- The portal's calendar day in which as_of falls; midnight ends the day before, it does not begin the next. -#}
  cast(({{ as_of() }} - interval '1 microsecond') at time zone '{{ portal_timezone() }}' as date)
{%- endmacro %}


{% macro local_date(moment) %}
  cast({{ moment }} at time zone '{{ portal_timezone() }}' as date)
{%- endmacro %}


{% macro local_time(moment) %}
  ({{ moment }} at time zone '{{ portal_timezone() }}')
{%- endmacro %}


{% macro local_midnight(day) %}
  (cast({{ day }} as timestamp) at time zone '{{ portal_timezone() }}')
{%- endmacro %}


{% macro days_between(earlier, later) %}
  trim_scale(extract(epoch from {{ later }} - {{ earlier }}) / 86400)
{%- endmacro %}


{% macro month_label(day) -%}
  (
    array[
      'Январь', 'Февраль', 'Март', 'Апрель', 'Май', 'Июнь',
      'Июль', 'Август', 'Сентябрь', 'Октябрь', 'Ноябрь', 'Декабрь'
    ]
  )[cast(extract(month from {{ day }}) as integer)] || ' ' || to_char({{ day }}, 'YYYY')
{%- endmacro %}


{% macro period_label() -%}
  {#- A period in words, from its columns period_grain, period_start and period_end. -#}
  case period_grain
      when 'День' then to_char(period_start, 'DD.MM.YYYY')
      when 'Неделя' then to_char(period_start, 'DD.MM.YYYY') || '–' || to_char(period_end - 1, 'DD.MM.YYYY')
      when 'Месяц'
        then {{ month_label('period_start') }}
      when 'Квартал'
        then (
          array['I', 'II', 'III', 'IV']
        )[cast(extract(quarter from period_start) as integer)] || ' квартал ' || to_char(period_start, 'YYYY')
      else to_char(period_start, 'YYYY')
    end
{%- endmacro %}


{% macro period_columns(alias='periods') -%}
  {{ alias }}.period_grain,
    {{ alias }}.period_grain_sort,
    {{ alias }}.period_choice,
    {{ alias }}.period_choice_sort,
    {{ alias }}.period_label,
    {{ alias }}.period_start,
    {{ alias }}.is_current
{%- endmacro %}
