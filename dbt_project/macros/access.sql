{% macro access_roles() -%}
  {#- Roles of people on the dashboards, and whose rows each sees: all, channels (what holds no person), tree (departments
      headed and those below), own, none. -#}
  {{ return({
    'director': 'all',
    'head_of_sales': 'all',
    'analyst': 'all',
    'administrator': 'all',
    'head_of_department': 'tree',
    'manager': 'own',
    'marketer': 'channels',
    'none': 'none',
  }) }}
{%- endmacro %}


{% macro roles_that_see(what) -%}
  {#- The roles that see so much, as a list of SQL. -#}
  {%- set quoted = [] -%}
  {%- for role, seen in access_roles().items() if seen == what -%}
    {%- do quoted.append("'" ~ role ~ "'") -%}
  {%- endfor -%}
  ({{ quoted | join(', ') }})
{%- endmacro %}


{% macro login_pattern() -%}
  {#- What a login may be made of: nothing that could end a text of SQL, whoever chose the address in the portal. -#}
  ^[a-z0-9._+@-]{1,64}$
{%- endmacro %}
