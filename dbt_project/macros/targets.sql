{% macro target_levels() -%}
  {#- How many departments with targets may stand one within another, the company included. -#}
  {{ return(8) }}
{%- endmacro %}


{% macro in_selling_department(path_ids) -%}
  {#- Whether a department, given by the ids of its path, is one of those that share targets, or below one. -#}
  {%- set departments = var('selling_departments') -%}
  {%- if departments == 'all' -%}
    true
  {%- else -%}
    {%- if departments is string or departments is number -%}
      {%- set departments = (departments | string).split(',') -%}
    {%- endif -%}
    {%- set conditions = [] -%}
    {%- for department in departments -%}
      {%- set id = department | string | trim -%}
      {%- if not modules.re.fullmatch('\\d+', id) -%}
        {{ exceptions.raise_compiler_error(
          "Variable selling_departments has '" ~ id ~ "': write 'all' or a list of department ids, such as [7, 9]"
        ) }}
      {%- endif -%}
      {%- do conditions.append("position('/" ~ id ~ "/' in " ~ path_ids ~ ") > 0") -%}
    {%- endfor -%}
    ({{ conditions | join(' or ') if conditions else 'false' }})
  {%- endif -%}
{%- endmacro %}
