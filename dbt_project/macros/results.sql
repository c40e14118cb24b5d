{#- The ledger of dbt results: what every model, seed and test said when it last ran. It stands in a schema of its own
    (build_log), outside everything that is built and swapped, so that it also tells of a build that failed. -#}

{% macro make_results_table() %}
  {#- on-run-start: the view mart_health__tests stands on the table before anything has been recorded. -#}
  {%- if not execute -%}
    {{ return('') }}
  {%- endif -%}
begin;
create schema if not exists build_log;
create table if not exists build_log.results (
  node_id text primary key,
  node_name text not null,
  resource_type text not null,
  folder text not null,
  status text not null,
  failures bigint,
  message text,
  ran_at timestamptz not null
);
{#- Warehouses of before have the table without it. -#}
{%- if not run_query(
  "select 1 from information_schema.columns where table_schema = 'build_log' and table_name = 'results'"
  ~ " and column_name = 'failing_since'"
).rows %}
alter table build_log.results add column if not exists failing_since timestamptz;
{%- endif %}
commit;
{% endmacro %}


{% macro record_results(results) %}
  {#- on-run-end, before the publication and in a transaction of its own: a live build's or test's results take the place
      of what the same nodes said before; nodes that left the project leave the ledger. -#}
  {%- if not is_live_build() -%}
    {{ return('') }}
  {%- endif -%}
  {%- set kept = ['model', 'seed', 'test', 'unit_test'] -%}
  {%- set good = ['success', 'pass', 'no-op'] -%}
  {%- set rows = [] -%}
  {%- set known = [] -%}
  {%- for node in graph.nodes.values() if node.resource_type | string in kept -%}
    {%- do known.append(node.unique_id) -%}
  {%- endfor -%}
  {%- for result in results if result.node.resource_type | string in kept -%}
    {%- set node = result.node -%}
    {%- if node.resource_type | string == 'unit_test' -%}
      {%- do known.append(node.unique_id) -%}
    {%- endif -%}
    {#- The first lines say what happened; the rest quotes the query. -#}
    {%- set message = (result.message or '') | string | truncate(500, true, '…', 0) -%}
    {%- do rows.append(
      '(' ~ result_text(node.unique_id) ~ ', ' ~ result_text(node.name) ~ ', ' ~ result_text(node.resource_type | string)
      ~ ', ' ~ result_text(result_folder(node)) ~ ', ' ~ result_text(result.status | string) ~ ', '
      ~ (result.failures if result.failures is not none else 'null') ~ ', '
      ~ (result_text(message) if message else 'null') ~ ", '" ~ run_started_at.isoformat() ~ "', "
      ~ ('null' if result.status | string in good else "'" ~ run_started_at.isoformat() ~ "'") ~ ')'
    ) -%}
  {%- endfor -%}
  {%- if not rows -%}
    {{ return('') }}
  {%- endif -%}
begin;
{% for batch in rows | batch(500) -%}
insert into build_log.results (node_id, node_name, resource_type, folder, status, failures, message, ran_at, failing_since) values
{{ batch | join(',\n') }}
on conflict (node_id) do update set
  node_name = excluded.node_name,
  resource_type = excluded.resource_type,
  folder = excluded.folder,
  status = excluded.status,
  failures = excluded.failures,
  message = excluded.message,
  ran_at = excluded.ran_at,
  -- since when it has not passed: the first run of those in a row
  failing_since = case
    when excluded.failing_since is not null then coalesce(results.failing_since, excluded.failing_since)
  end;
{% endfor -%}
delete from build_log.results
where resource_type <> 'unit_test' and node_id not in (
  {%- for id in known %}{{ result_text(id) }}{{ ', ' if not loop.last }}{% endfor -%}
);
commit;
{% endmacro %}


{% macro result_text(text) -%}
  {#- SQL literal of any text: quotes are doubled, and NUL characters, which no text may hold, left out. -#}
  {{ "'" ~ (text | string | replace("'", "''") | replace('\x00', '')) ~ "'" }}
{%- endmacro %}


{% macro result_folder(node) -%}
  {#- What a node is about: of a test of a model, the family of the model; else the folder of the file. -#}
  {%- set about = graph.nodes.get(node.attached_node) if node.attached_node is defined and node.attached_node else none -%}
  {%- set path = (about.original_file_path if about else node.original_file_path) -%}
  {{- path.split('/')[:-1] | join('/') -}}
{%- endmacro %}
