{% test is_true(model, column_name) %}
{#- Rows whose column is false or unknown. -#}
select *
from {{ model }}
where {{ column_name }} is not true
{% endtest %}
