{% macro query_now() %}
  {#- The moment of the query, unlike as_of(), the moment of the build: for views that tell how old the data are. -#}
  current_timestamp
{%- endmacro %}
