{% macro say_problems(query) -%}
  {#- The query of a test of configuration, whose rows say in `problem` what is wrong, where, and the cure; they are
      printed when the test runs, so that nobody has to look them up in the warehouse. -#}
  {%- if execute and flags.WHICH in ('build', 'test') and not flags.EMPTY -%}
    {%- for problem in run_query(query).columns['problem'].values() -%}
      {%- do log(problem, info=true) -%}
    {%- endfor -%}
  {%- endif -%}
  {{ query }}
{%- endmacro %}
