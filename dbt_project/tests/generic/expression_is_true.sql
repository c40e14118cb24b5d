{% test expression_is_true(model, expression) %}
{#- Rows for which `expression` is false or unknown. -#}
select *
from {{ model }}
where ({{ expression }}) is not true
{% endtest %}
