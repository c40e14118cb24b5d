{% test sums_to_one(model, column, group_by, tolerance=0.000001) %}
{#- Groups whose `column` does not sum to 1. -#}
select
  {{ group_by }},
  sum({{ column }}) as total
from {{ model }}
group by {{ group_by }}
having sum({{ column }}) is null or abs(sum({{ column }}) - 1) > {{ tolerance }}
{% endtest %}
