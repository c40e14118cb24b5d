{% macro publish_marts(results) %}
  {#-
    on-run-end: the freshly built marts replace the published ones in one transaction, or nothing changes at all.

    Tables move from marts_next to marts with their indexes and constraints. A mart that is kept up (macros/changes.sql) stays
    in marts_next, and what is different there is written into the published table. Views are created anew in marts from their
    definitions, reading marts where they read marts_next. Views that stand on a replaced relation and were not part
    of the run are dropped with it and created again. In marts_next a view on the published relation takes the place
    of each that moved, so that a partial build finds its parents.

    Nothing is published when any node failed or was skipped, by `dbt run` (untested), with --empty, or by a build
    with a schema suffix; nor when a fresh mart was built on a relation that a failed run left in marts_next.
  -#}
  {%- if not execute or flags.WHICH != 'build' or flags.EMPTY or schema_suffix() | trim -%}
    {{ return('') }}
  {%- endif -%}

  {%- set failed = [] -%}
  {%- set fresh = [] -%}
  {%- for result in results -%}
    {%- if result.status | string not in ['success', 'pass', 'warn', 'no-op'] -%}
      {%- do failed.append(result.node.name) -%}
    {%- elif result.node.resource_type | string == 'model' and result.node.schema == 'marts_next'
        and result.node.config.materialized in ['table', 'incremental', 'view'] -%}
      {%- do fresh.append(result.node) -%}
    {%- endif -%}
  {%- endfor -%}
  {%- if failed -%}
    {%- do log('Nothing published: ' ~ failed | length ~ ' failed or skipped (' ~ failed[:5] | join(', ')
        ~ (' …' if failed | length > 5 else '') ~ '). The marts stay as they were.', info=true) -%}
    {{ return(restore_marts_next()) }}
  {%- endif -%}
  {%- if not fresh -%}
    {{ return(restore_marts_next()) }}
  {%- endif -%}

  {%- set fresh_names = fresh | map(attribute='name') | list -%}
  {%- set parents = [] -%}
  {%- for node in fresh -%}
    {%- for parent_id in node.depends_on.nodes -%}
      {%- set parent = graph.nodes.get(parent_id) -%}
      {%- if parent and parent.resource_type == 'model' and parent.schema == 'marts_next'
          and parent.name not in fresh_names and parent.name not in parents -%}
        {%- do parents.append(parent.name) -%}
      {%- endif -%}
    {%- endfor -%}
  {%- endfor -%}

  {#- Of a mart that was built as a whole the log begins with that build, and its table moves. -#}
  {%- set kept = [] -%}
  {%- for node in fresh if node.config.materialized == 'incremental' -%}
    {%- set built = api.Relation.create(database=node.database, schema='marts_next', identifier=node.name, type='table') -%}
    {%- set published = built.incorporate(path={'schema': 'marts'}) -%}
    {%- set state = build_state(published) -%}
    {%- if state is not none and build_state(built).anew <= state.through -%}
      {%- do kept.append({'node': node, 'built': built, 'published': published}) -%}
    {%- endif -%}
  {%- endfor -%}
  {%- set kept_names = kept | map(attribute='node') | map(attribute='name') | list -%}

  {%- do log('Publishing ' ~ fresh | length ~ ' marts', info=true) -%}
begin;
set local lock_timeout = '60s';
{%- for mart in kept %}
{{ hand_over(**mart) }}
{%- endfor %}
do $publish$
declare
  fresh text[] := array[{{ quoted_list(fresh_names | reject('in', kept_names)) }}]::text[];
  parents text[] := array[{{ quoted_list(parents) }}]::text[];
  bi_user text := {{ quoted_list([env_var('WAREHOUSE_BI_USER', '')]) }};
  stale text;
  bad text;
  relation record;
  pending integer;
  made integer;
begin
  -- Names in view definitions come out schema-qualified.
  set local search_path = pg_catalog;
  create schema if not exists marts;

  select string_agg(parent, ', ' order by parent) into stale
  from unnest(parents) as parent
  where not exists (
    select from pg_class c
    where c.relnamespace = 'marts_next'::regnamespace and c.relname = parent
      and obj_description(c.oid, 'pg_class')
      in ({{ published_mark() }}, obj_description(to_regclass(format('marts.%I', parent)), 'pg_class'))
  );
  if stale is not null then
    raise exception 'Nothing published: % in marts_next is left from a run that failed, and this run built on it', stale
      using hint = 'Run a full dbt build.';
  end if;

  select string_agg(distinct v.relname || ' (reads ' || n.nspname || '.' || c.relname || ')', ', ') into bad
  from pg_class v
  join pg_rewrite r on r.ev_class = v.oid
  join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid and d.refclassid = 'pg_class'::regclass
  join pg_class c on c.oid = d.refobjid and c.oid <> v.oid
  join pg_namespace n on n.oid = c.relnamespace
  where v.relnamespace = 'marts_next'::regnamespace and v.relkind = 'v' and v.relname = any(fresh)
    and n.nspname in ('staging', 'intermediate', 'raw_inputs');
  if bad is not null then
    raise exception 'Nothing published: the view % would be dropped by the next build of what it reads', bad
      using hint = 'Make it a table, or let it read marts and ephemeral staging models only.';
  end if;

  -- Definitions of the fresh views, and of every view that stands on a relation about to be replaced.
  create temporary table view_to_make on commit drop as
  with recursive dependent as (
    select c.oid, c.relname, c.relnamespace
    from pg_class c
    where c.relnamespace = 'marts'::regnamespace and c.relname = any(fresh)
    union
    select v.oid, v.relname, v.relnamespace
    from dependent
    join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = dependent.oid
      and d.classid = 'pg_rewrite'::regclass
    join pg_rewrite r on r.oid = d.objid
    join pg_class v on v.oid = r.ev_class and v.relkind = 'v' and v.oid <> dependent.oid
  )
  select
    n.nspname::text as schema_name,
    dependent.relname::text as view_name,
    pg_get_viewdef(dependent.oid) as definition,
    c.relacl as acl,
    n.nspname = 'marts' as is_mart
  from dependent
  join pg_class c on c.oid = dependent.oid and c.relkind = 'v'
  join pg_namespace n on n.oid = dependent.relnamespace
  where n.nspname <> 'marts_next' and not (n.nspname = 'marts' and dependent.relname = any(fresh))
  union all
  select 'marts', c.relname::text, pg_get_viewdef(c.oid), null, true
  from pg_class c
  where c.relnamespace = 'marts_next'::regnamespace and c.relkind = 'v' and c.relname = any(fresh);

  update view_to_make set definition = replace(definition, ' marts_next.', ' marts.') where is_mart;
  update view_to_make set definition = replace(definition, '(marts_next.', '(marts.') where is_mart;

  for relation in
    select c.relname, c.relkind from pg_class c
    where c.relnamespace = 'marts'::regnamespace and c.relname = any(fresh) and c.relkind in ('r', 'v')
  loop
    -- A relation that fell to an earlier one's cascade is gone already.
    execute format('drop %s if exists marts.%I cascade', case relation.relkind when 'r' then 'table' else 'view' end,
      relation.relname);
  end loop;

  for relation in
    select c.relname from pg_class c
    where c.relnamespace = 'marts_next'::regnamespace and c.relname = any(fresh) and c.relkind = 'r'
  loop
    execute format('alter table marts_next.%I set schema marts', relation.relname);
  end loop;

  -- Views may stand on each other: whatever can be made is made, until all are.
  loop
    select count(*) into pending from view_to_make;
    exit when pending = 0;
    made := 0;
    for relation in select * from view_to_make loop
      begin
        execute format('create view %I.%I as %s', relation.schema_name, relation.view_name, relation.definition);
        execute (
          select coalesce(string_agg(format(
            'grant %s on %I.%I to %s', a.privilege_type, relation.schema_name, relation.view_name,
            case a.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end
          ), '; '), 'select 1')
          from aclexplode(relation.acl) as a
        );
        delete from view_to_make
        where schema_name = relation.schema_name and view_name = relation.view_name;
        made := made + 1;
      exception when undefined_table then
        null;
      end;
    end loop;
    if made = 0 then
      raise exception 'Nothing published: cannot create the views %',
        (select string_agg(schema_name || '.' || view_name, ', ') from view_to_make);
    end if;
  end loop;

  for relation in
    select c.relname from pg_class c
    where c.relnamespace = 'marts_next'::regnamespace and c.relname = any(fresh) and c.relkind = 'v'
  loop
    execute format('drop view if exists marts_next.%I cascade', relation.relname);
  end loop;

  if bi_user <> '' and exists (select from pg_roles where rolname = bi_user) then
    execute format('grant usage on schema marts to %I', bi_user);
    execute format('grant select on all tables in schema marts to %I', bi_user);
  end if;
end
$publish$;
{{ fill_marts_next() }}
commit;
{% endmacro %}


{% macro restore_marts_next() %}
  {#- After a run that publishes nothing: parents that the run's own replacing took along come back. -#}
begin;
{{ fill_marts_next() }}
commit;
{% endmacro %}


{% macro fill_marts_next() %}
  {#- A view in marts_next for each published relation that has nothing there. -#}
do $fill$
declare
  relation record;
begin
  if to_regnamespace('marts') is null or to_regnamespace('marts_next') is null then
    return;
  end if;
  for relation in
    select c.relname from pg_class c
    where c.relnamespace = 'marts'::regnamespace and c.relkind in ('r', 'v')
      and not exists (
        select from pg_class n where n.relnamespace = 'marts_next'::regnamespace and n.relname = c.relname
      )
  loop
    execute format('create view marts_next.%1$I as select * from marts.%1$I', relation.relname);
    execute format('comment on view marts_next.%I is %L', relation.relname, {{ published_mark() }});
  end loop;
end
$fill$;
{% endmacro %}


{% macro published_mark() -%}
  'Reads the published mart of this name'
{%- endmacro %}


{% macro quoted_list(texts) -%}
  {%- for text in texts -%}
    '{{ text | replace("'", "''") }}'{{ ', ' if not loop.last }}
  {%- endfor -%}
{%- endmacro %}
