{% macro check_parents() %}
  {#-
    on-run-start: what this build reads and does not build must be there. The refresh leaves out what the night computes, so
    that the first build of a warehouse must be a whole one. A mart that a failed night left in marts_next, unpublished,
    gives way to the published one: the refresh goes on with the night before.
  -#}
  {%- if not execute or flags.WHICH not in ('build', 'run') -%}
    {{ return('') }}
  {%- endif -%}
  {%- set missing = [] -%}
  {%- set marts = [] -%}
  {%- for id in selected_resources if graph.nodes.get(id, {}).get('resource_type') == 'model' -%}
    {%- for parent_id in graph.nodes[id].depends_on.nodes if parent_id not in selected_resources -%}
      {%- set parent = graph.nodes.get(parent_id) -%}
      {%- if parent and parent.resource_type in ('model', 'seed') and parent.config.materialized != 'ephemeral'
          and parent.name not in missing + marts -%}
        {%- if not adapter.get_relation(database=parent.database, schema=parent.schema, identifier=parent.alias) -%}
          {%- do missing.append(parent.name) -%}
        {%- elif parent.schema == 'marts_next' -%}
          {%- do marts.append(parent.name) -%}
        {%- endif -%}
      {%- endif -%}
    {%- endfor -%}
  {%- endfor -%}
  {%- if missing -%}
    {{ exceptions.raise_compiler_error(
      'This build reads what has never been built: ' ~ missing[:5] | join(', ') ~ (' …' if missing | length > 5 else '')
      ~ '. Build everything once (`make refresh`, or `meltano run nightly`); then the refresh every 15 minutes has all it needs.'
    ) }}
  {%- endif -%}
  {%- if not marts -%}
    {{ return('') }}
  {%- endif -%}
  {%- set unpublished -%}
    select next.relname
    from pg_class as next
    inner join pg_class as published on next.relname = published.relname
    where next.relnamespace = to_regnamespace('marts_next') and published.relnamespace = to_regnamespace('marts')
      and next.relname in ({{ quoted_list(marts) }})
      and coalesce(obj_description(next.oid, 'pg_class'), '') !~ ('^(Built by |' || {{ published_mark() }} || ')')
  {%- endset -%}
  {%- set left_over = run_query(unpublished).columns[0].values() | list -%}
  {%- for name in left_over -%}
    {%- do adapter.drop_relation(adapter.get_relation(database=target.database, schema='marts_next', identifier=name)) -%}
  {%- endfor -%}
  {%- if left_over %}
begin;
    {%- for name in left_over %}
create view marts_next.{{ name }} as select * from marts.{{ name }};
comment on view marts_next.{{ name }} is {{ published_mark() }};
    {%- endfor %}
commit;
  {%- endif -%}
{% endmacro %}
