{% test unique_combination(model, columns) %}
{#- Rows that share their values of `columns` with another row. -#}
select
  {{ columns | join(', ') }},
  count(*) as rows_count
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}
