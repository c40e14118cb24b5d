{#-
  How a table above raw is kept up with what changed, at the cost of what changed, and still equals one built at once.

  An incremental table with `meta.key` logs the keys whose rows really changed (rows that came out the same do not count)
  in `<table>__changes`, with the moment of the build (`logs: []`: nobody asks). A table that stands on it asks for the
  changes since its own last build, `changed_in()`, gathers from them the keys of its own that may be affected,
  `gather_affected()`, computes those anew, `affected_only()`, and logs in turn. Each table goes by its own last build, so
  that failed and partial builds lose nothing: what a table missed is still in the logs of its parents.

  A table with `meta.tallies` logs, beside the keys, how many rows more there are (`rows_more`, less than zero where rows went)
  and by how much the sums of those columns grew (`<column>_more`), so that sums are kept up without reading its rows again.

  A table is built anew as a whole when its SQL or a variable is another, when a log it follows (`meta.follows`) does not
  reach back to its last build because that parent was built anew itself, and when one of the small tables that decide
  about all rows (`meta.watches`: stages, rates, people …) has other rows than at its last build. What it knows of itself
  stands in its comment.
-#}

{% macro build_state(relation) -%}
  {#- What the comment of an incremental table says: built_by, inputs, anew (its log begins then), through (its last
      build); none where there is no such table. -#}
  {%- set comment = run_query(
    "select obj_description(to_regclass('" ~ relation.include(database=false) ~ "'), 'pg_class')"
  ).columns[0].values()[0] -%}
  {%- set found = modules.re.fullmatch(
    'Built by (?P<built_by>\\w+), inputs (?P<inputs>\\w+), anew (?P<anew>\\S+ \\S+), through (?P<through>\\S+ \\S+)',
    comment or ''
  ) -%}
  {{ return(found.groupdict() if found else none) }}
{%- endmacro %}


{% macro built_by() -%}
  {#- The SQL of a table, its settings and the variables that decide about its rows. -#}
  {%- set decided = [model.raw_code, portal_timezone(), env_var('VORONKA_NOT_SELLING_PIPELINES', '')] -%}
  {%- for name in [
    'base_currency', 'successful_call_min_seconds', 'ring_group_seconds', 'selling_pipelines', 'not_selling_pipelines',
    'payments_source', 'payment_stages', 'loss_reason_field', 'callback_norm_minutes'
  ] -%}
    {%- do decided.append(name ~ '=' ~ var(name, none)) -%}
  {%- endfor -%}
  {{- local_md5(decided | join('|')) -}}
{%- endmacro %}


{% macro small_inputs() -%}
  {#- A fingerprint of all rows of the tables in `meta.watches`; of `table.column` the different values count. -#}
  {%- set prints = [] -%}
  {%- for name in config.get('meta', {}).get('watches', []) -%}
    {%- set columns = name.split('.')[1:] or ['*'] -%}
    {%- set read -%}
      select md5(coalesce(string_agg(md5(cast(watched as text)), '' order by md5(cast(watched as text))), ''))
      from (select distinct {{ columns[0] }} from {{ ref(name.split('.')[0]) }}) as watched
    {%- endset -%}
    {%- do prints.append(run_query(read).columns[0].values()[0]) -%}
  {%- endfor -%}
  {{- local_md5(prints | join(' ')) -}}
{%- endmacro %}


{% macro should_full_refresh() %}
  {#- In place of dbt's own, for incremental tables, and for a seed whose columns are others. -#}
  {%- set configured = config.get('full_refresh') -%}
  {%- set asked = flags.FULL_REFRESH if configured is none else configured -%}
  {%- if execute and not asked and model.resource_type == 'seed' -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set wanted = config.get('column_types', {}) -%}
    {%- if existing is not none and wanted -%}
      {{ return(adapter.get_columns_in_relation(existing) | map(attribute='name') | sort | list != wanted | sort | list) }}
    {%- endif -%}
  {%- endif -%}
  {%- if asked or not execute or model.resource_type != 'model' or model.config.materialized != 'incremental' -%}
    {{ return(asked) }}
  {%- endif -%}
  {{ return(decided().anew) }}
{% endmacro %}


{% macro decided() -%}
  {#-
    What is asked of the database once a node, and not each time that a macro needs it: `state`, what the table says of its last
    build, `inputs`, the fingerprint of what it watches, `anew`, whether it is built anew. Macros have no memory of their own;
    the graph lives as long as the run.
  -#}
  {%- set memory = graph.setdefault('decided ' ~ invocation_id, {}) -%}
  {%- if model.unique_id not in memory -%}
    {%- set state = build_state(this) -%}
    {%- set inputs = small_inputs() -%}
    {%- set follows = config.get('meta', {}).get('follows', []) -%}
    {%- set why = [] -%}
    {%- if state is none or state.built_by != built_by() or state.inputs != inputs -%}
      {%- do why.append('itself') -%}
    {%- elif follows and var('rebuild', false) and 'staging' not in model.fqn -%}
      {%- do why.append('asked') -%}
    {%- else -%}
      {%- for name in follows -%}
        {%- set parent = build_state(ref(name)) -%}
        {%- if parent is none or parent.anew > state.through -%}
          {%- do why.append(name) -%}
        {%- endif -%}
      {%- endfor -%}
    {%- endif -%}
    {%- do memory.update({model.unique_id: {'state': state, 'inputs': inputs, 'anew': why | length > 0}}) -%}
  {%- endif -%}
  {{ return(memory[model.unique_id]) }}
{%- endmacro %}


{% macro replaced_keys(of=none) -%}
  {%- set key = (of or config).get('meta', {}).get('key', []) -%}
  {{ return([key] if key is string else key) }}
{%- endmacro %}


{% macro logged_columns() -%}
  {%- set logs = config.get('meta', {}).get('logs') -%}
  {{ return(replaced_keys() if logs is none else logs) }}
{%- endmacro %}


{% macro tallies() -%}
  {{ return(config.get('meta', {}).get('tallies', [])) }}
{%- endmacro %}


{% macro logged_rows() -%}
  {#- What the log gets of the rows of `different` that came (more > 0) and went (more < 0). -#}
  {%- set moment = "cast('" ~ build_moment() ~ "' as timestamptz)" -%}
  {%- if tallies() -%}
    select
      {{ logged_columns() | join(', ') }}, sum(more){% for name in tallies() %}, sum(more * {{ name }}){% endfor %}, {{ moment }}
    from different group by {{ logged_columns() | join(', ') }}
  {%- else -%}
    select distinct {{ logged_columns() | join(', ') }}, {{ moment }} from different
  {%- endif -%}
{%- endmacro %}


{% macro changes_of(relation) -%}
  {{ return(relation.incorporate(path={'identifier': relation.identifier ~ '__changes'})) }}
{%- endmacro %}


{% macro is_kept_up() -%}
  {#- Whether this build of a table brings it up to date only; dbt's own answer, but for unit tests, which have no `this`. -#}
  {{ return(execute and this is not none and is_incremental()) }}
{%- endmacro %}


{% macro changed_in(name) -%}
  {#- The log of a parent since the last build of this table; to be read in the query of gather_affected(). -#}
  {%- if is_kept_up() -%}
    (
      select * from {{ changes_of(ref(name)) }}
      where changed_at > cast('{{ decided().state.through }}' as timestamptz)
    ) as changes
  {%- else -%}
    (select * from {{ ref(name) }}) as changes
  {%- endif -%}
{%- endmacro %}


{% macro of_changed_managers(name, key, columns) -%}
  {#- Branches of the query of gather_affected(): rows of a parent whose employee is new, renamed or moved, by the columns that
      name one. -#}
  {%- for column in columns %}
  union all
  select cards.{{ key }} from (select * from {{ ref(name) }}) as cards
  inner join {{ changed_in('int_managers__known') }} on cards.{{ column }} = changes.manager_id
  {%- endfor %}
{%- endmacro %}


{% macro last_build() -%}
  {#- SQL of the moment of this table's last build: what was in the future then may not be any more. -#}
  {%- if is_kept_up() -%}
    cast('{{ decided().state.through }}' as timestamptz)
  {%- else -%}
    cast('-infinity' as timestamptz)
  {%- endif -%}
{%- endmacro %}


{% macro affected_keys() -%}
  {{- 'affected__' ~ this.identifier -}}
{%- endmacro %}


{% macro gather_first(name, keys) -%}
  {#- Run a part of the query of gather_affected() before it: of a table the planner knows how few rows it has, where it takes
      those of a CTE for a share of what is read. The name of that table. -#}
  {%- set gathered = name ~ '__' ~ this.identifier -%}
  {%- if is_kept_up() -%}
    {%- do run_query(
      'drop table if exists pg_temp.' ~ gathered ~ '; create temporary table ' ~ gathered ~ ' as ' ~ keys
      ~ '; analyze ' ~ gathered
    ) -%}
  {%- endif -%}
  {{ return(gathered) }}
{%- endmacro %}


{% macro gather_affected(keys) -%}
  {#- Run the query of the keys that are to be computed anew; it returns columns named as in `meta.key`. -#}
  {%- if is_kept_up() -%}
    {%- set columns = replaced_keys() -%}
    {%- do run_query(
      'drop table if exists pg_temp.' ~ affected_keys() ~ ';'
      ~ ' create temporary table ' ~ affected_keys() ~ ' as select distinct ' ~ columns | join(', ')
      ~ ' from (' ~ keys ~ ') as keys where keys.' ~ columns[0] ~ ' is not null order by ' ~ columns | join(', ') ~ ';'
      ~ ' create index on ' ~ affected_keys() ~ ' (' ~ columns | join(', ') ~ ');'
      ~ ' analyze ' ~ affected_keys()
    ) -%}
  {%- endif -%}
{%- endmacro %}


{% macro affected_only(columns, word='where') -%}
  {#- The condition that a row is of an affected key; nothing where all rows are computed. -#}
  {%- if is_kept_up() -%}
    {%- set columns = [columns] if columns is string else columns -%}
    {{ word }} ({{ columns | join(', ') }}) in (select {{ replaced_keys() | join(', ') }} from {{ affected_keys() }})
  {%- endif -%}
{%- endmacro %}


{% macro take_up_published() -%}
  {#-
    First in an incremental mart. It is kept up and tested in marts_next, in a table that stays there beside the published one,
    which takes the differences over (publish_marts). Where marts_next has none, after a build as a whole, the published one
    is copied. (Tables called __spare are of a version before.)
  -#}
  {%- if execute and this is not none and flags.WHICH in ('build', 'run') and not flags.FULL_REFRESH and not var('rebuild', false) -%}
    {%- set here = adapter.get_relation(this.database, this.schema, this.identifier) -%}
    {%- set published = this.incorporate(path={'schema': 'marts'}, type='table') -%}
    {%- set state = build_state(published) -%}
    {%- if here is not none and here.is_view and state is not none -%}
      {%- set copy = here.incorporate(path={'identifier': this.identifier ~ '__copy'}, type='table') -%}
      {#- Indexes last: they are sorted once, and not kept up row by row. -#}
      {%- set indexes = run_query(
        "select regexp_replace(pg_get_indexdef(indexrelid), '^(CREATE .*INDEX) .* ON \\S+ USING', '\\1 ON "
        ~ copy.include(database=false) ~ " USING') from pg_index where indrelid = to_regclass('"
        ~ published.include(database=false) ~ "')"
      ).columns[0].values() | list -%}
      {%- do run_query(
        'drop table if exists ' ~ copy ~ ', ' ~ copy | replace('__copy', '__spare') ~ ';'
        ~ ' create table ' ~ copy ~ ' (like ' ~ published ~ ' including all excluding indexes)' ~ room_for_updates() ~ ';'
        ~ ' insert into ' ~ copy ~ ' select * from ' ~ published ~ ';'
        ~ indexes | join(';') ~ '; analyze ' ~ copy ~ '; ' ~ say_build_state(copy, state)
      ) -%}
      {%- do adapter.drop_relation(here) -%}
      {%- do adapter.rename_relation(copy, this.incorporate(type='table')) -%}
    {%- endif -%}
  {%- endif -%}
{%- endmacro %}


{% macro row_key(of=none) -%}
  {#- What tells the rows of a table apart: the columns of its unique index; none where it has no such index. -#}
  {%- set unique = (of or config).get('indexes', []) | selectattr('unique', 'defined') | selectattr('unique') | list -%}
  {{ return(unique[0].columns if unique else []) }}
{%- endmacro %}


{% macro room_for_updates() -%}
  {#- The storage of a table whose rows are replaced in their place. -#}
  {%- if model.config.materialized == 'incremental' and row_key() %} with (fillfactor = 90){% endif -%}
{%- endmacro %}


{% macro replace_different(target, fresh, names, own, keys, in_target='', in_fresh='') -%}
  {#-
    Make rows of a table what they are in another one; `different` holds then what came (more > 0) and went (more < 0).

    names: columns; own: those that tell rows apart; keys: some that both have in common where rows differ; in_target, in_fresh:
    conditions of the rows compared.
  -#}
  {%- set columns = names | join(', ') -%}
  drop table if exists pg_temp.different;
  -- Both tables are read once, and what is written goes from page to page. Paired is what one row was and is.
  create temporary table different as
  with compared as (
    select {{ columns }}, sum(side) as more, count(place) as copies, min(place) as place
    from (
      select {{ columns }}, 1 as side, cast(null as tid) as place from {{ fresh }} {{ in_fresh }}
      union all
      select {{ columns }}, -1 as side, ctid as place from {{ target }} {{ in_target }}
    ) as sides
    group by {{ columns }}
    having sum(side) <> 0
  )
  select
    *,
    {%- if own %}
      count(*) over of_row = 2 and min(more) over of_row = -1 and max(more) over of_row = 1 as is_paired
    from compared
    window of_row as (partition by {{ own | join(', ') }})
    {%- else %}
      false as is_paired
    from compared
    {%- endif %}
  order by place;
  analyze different;
  {%- if own %}
    -- In their place: indexes are not written where what they hold stays, if the page has room.
    update {{ target }} as kept
    set {% for name in names %}{{ name }} = came.{{ name }}{{ ', ' if not loop.last }}{% endfor %}
    from (select place, {{ own | join(', ') }} from different where is_paired and more < 0) as went
    inner join (select {{ columns }} from different where is_paired and more > 0) as came
      on {% for name in own %}went.{{ name }} = came.{{ name }}{{ ' and ' if not loop.last }}{% endfor %}
    where kept.ctid = went.place;
  {%- else %}
    -- Nothing but a test forbids the same row twice here.
    delete from {{ target }} as kept
    using (select * from different where more < 0 and copies > 1) as went
    where
      {% for name in keys %}kept.{{ name }} = went.{{ name }} and {% endfor %}
      ({% for name in names %}kept.{{ name }}{{ ', ' if not loop.last }}{% endfor %}) is not distinct from
      ({% for name in names %}went.{{ name }}{{ ', ' if not loop.last }}{% endfor %});
  {%- endif %}
  delete from {{ target }} where ctid in (select place from different where more < 0 and not is_paired);
  insert into {{ target }} ({{ columns }})
  select {{ columns }} from different
  cross join lateral generate_series(1, case when more < 0 then copies + more else more end)
  where not is_paired;
{%- endmacro %}


{% macro get_incremental_replace_changed_sql(arg_dict) %}
  {#-
    Strategy: of the keys in scope, replace the rows that are not what they were, and log whose they are. In scope are the
    affected keys, all of them where `meta.scope` is `all`, else the unique keys of the new rows.
  -#}
  {%- set target, fresh = arg_dict['target_relation'], arg_dict['temp_relation'] -%}
  {%- set names = arg_dict['dest_columns'] | map(attribute='quoted') | list -%}
  {%- set scope = config.get('meta', {}).get('scope', 'rows') -%}
  {%- set unique_key = config.get('unique_key') -%}
  {%- set keys = ([unique_key] if unique_key is string else unique_key) if scope == 'rows' else replaced_keys() -%}
  {%- set listed = keys | join(', ') -%}
  {%- set in_scope = {
    'rows': 'where (' ~ listed ~ ') in (select ' ~ listed ~ ' from ' ~ fresh ~ ')',
    'affected': 'where (' ~ listed ~ ') in (select ' ~ listed ~ ' from ' ~ affected_keys() ~ ')',
    'all': '',
  }[scope] -%}
  analyze {{ fresh }};
  {{ replace_different(target, fresh, names, row_key(), keys, in_target=in_scope) }}
  {%- if logged_columns() %}
    insert into {{ changes_of(target) }} {{ logged_rows() }};
  {%- endif %}
  drop table different
{% endmacro %}


{% macro hand_over(node, built, published) -%}
  {#-
    SQL that brings the published table of a kept-up mart to what the one in marts_next is, by the log of the latter.

    node: the mart; built, published: its two tables.
  -#}
  {%- set keys = replaced_keys(node.config) -%}
  {%- set listed = keys | join(', ') -%}
  {%- set names = adapter.get_columns_in_relation(published) | map(attribute='quoted') | list -%}
  {%- set in_scope = 'where (' ~ listed ~ ') in (select ' ~ listed ~ ' from handed_over)' -%}
  create temporary table handed_over as
  select distinct {{ listed }} from {{ changes_of(built) }}
  where changed_at > cast('{{ build_state(published).through }}' as timestamptz)
  order by {{ listed }};
  analyze handed_over;
  {{ replace_different(published, built, names, row_key(node.config), keys, in_target=in_scope, in_fresh=in_scope) }}
  drop table handed_over, different;
  {{ say_build_state(published, build_state(built)) }};
{%- endmacro %}


{% macro say_build_state(relation, state) -%}
  comment on table {{ relation }} is
    'Built by {{ state.built_by }}, inputs {{ state.inputs }}, anew {{ state.anew }}, through {{ state.through }}'
{%- endmacro %}


{% macro remember_build() -%}
  {#- Post-hook of incremental tables: an empty log after a build as a whole, and the comment. Logs are kept two days. -#}
  {%- if model.config.materialized == 'incremental' and execute -%}
    {%- set kept_from = (run_started_at - modules.datetime.timedelta(days=2)).strftime('%Y-%m-%d %H:%M:%S.%f+00') -%}
    {%- set state = decided().state -%}
    {%- if should_full_refresh() or state is none -%}
      {%- set anew = build_moment() -%}
      {%- if logged_columns() %}
        drop table if exists {{ changes_of(this) }};
        create table {{ changes_of(this) }} as
        select
          {{ logged_columns() | join(', ') }},
          {%- if tallies() %} cast(0 as bigint) as rows_more, {% endif %}
          {%- for name in tallies() %} {{ name }} as {{ name }}_more, {% endfor %}
          cast(null as timestamptz) as changed_at
        from {{ this }} where false;
        create index on {{ changes_of(this) }} (changed_at);
      {%- endif %}
    {%- else -%}
      {%- set anew = [state.anew, kept_from] | max -%}
      {%- if logged_columns() %}
        delete from {{ changes_of(this) }} where changed_at < cast('{{ kept_from }}' as timestamptz);
      {%- endif %}
    {%- endif %}
    {{ say_build_state(
      this, {'built_by': built_by(), 'inputs': decided().inputs, 'anew': anew, 'through': build_moment()}
    ) }}
  {%- endif -%}
{%- endmacro %}
