{% macro rate_of_day(currency, day, alias='rates') -%}
  {#- Condition of a join with int_currencies__daily_rates. -#}
  {{ currency }} = {{ alias }}.currency
      and {{ day }} >= {{ alias }}.valid_from
      and {{ day }} < {{ alias }}.valid_to
{%- endmacro %}
