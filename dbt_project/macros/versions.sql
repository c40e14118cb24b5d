{% macro optional_source(stream) -%}
  {#-
    The raw table of a stream that a warehouse may lack: a stream switched off, or one that is newer than the last run
    of the tap. No rows then, in the loader's columns, so that no role but the loader's has to create raw tables. What
    the core needs (cards, calls, users, stages …) is read by source() and fails where it is missing.
  -#}
  {%- set relation = source('bitrix24', stream) -%}
  {%- set is_missing = execute and not relation.is_cte and not adapter.get_relation(
    database=relation.database, schema=relation.schema, identifier=relation.identifier
  ) -%}
  {%- if is_missing -%}
    (
      select
        cast(null as text) as id,
        cast(null as text) as modified_at,
        cast(null as jsonb) as payload,
        cast(null as timestamp) as _sdc_received_at,
        cast(null as timestamp) as _sdc_batched_at,
        cast(null as timestamp) as _sdc_deleted_at
      where false
    ) as {{ stream }}
  {%- else -%}
    {{ relation }}
  {%- endif -%}
{%- endmacro %}


{% macro loaded_at() -%}
  {#- When the loader last touched the row: a deletion mark touches it too. The loader writes UTC without a zone. -#}
  greatest(_sdc_batched_at, _sdc_deleted_at) at time zone 'UTC'
{%- endmacro %}


{% macro only_rows_loaded_since(relation) -%}
  {#- Filter of an incremental staging model. Batches of one stream are committed in the order of their marks; the
      overlap is for two loaders at once, and rows are replaced by key. -#}
  {%- if is_incremental() -%}
    where {{ loaded_at() }} >= (
      select coalesce(max(loaded_at), '-infinity') - interval '10 seconds' from {{ relation }}
    )
  {%- endif -%}
{%- endmacro %}


{% macro version_columns(created='createdTime') -%}
  {#- What tells the versions of a card apart and in which order they come; last in the list of columns. -#}
  coalesce(modified_at, '') as version_key,
    coalesce(cast(nullif(modified_at, '') as timestamptz), {{ payload_moment(created) }}) as modified_at,
    _sdc_received_at at time zone 'UTC' as received_at,
    {{ loaded_at() }} as loaded_at
{%- endmacro %}


{% macro newest_versions(versions, key, stream) %}
{#- SQL of a model: of each card that is not deleted at as_of the version that counts then: the newest one that existed;
    the present one where none reaches back so far. `key`: column of the id, or several. -#}
{%- set keys = [key] if key is string else key -%}
with versions as (

  select * from {{ ref(versions) }}

),
{%- if stream %}

deleted as (

  select * from {{ ref('stg_bitrix24__deleted_cards') }}
  where stream = '{{ stream }}'

),
{%- endif %}

ranked as (

  select
    versions.*,
    row_number() over (
      partition by {{ keys | join(', ') }}
      order by
        {% if var('as_of', none) is not none -%}
          case when modified_at < {{ as_of() }} then 0 else 1 end,
        {% endif -%}
        modified_at desc, received_at desc
    ) as version_rank
  from versions

),

final as (

  select ranked.*
  from ranked
  {%- if stream %}
  left join deleted
    on
      ranked.{{ keys[-1] }} = deleted.card_id
      {%- if keys | length > 1 %}
      and ranked.{{ keys[0] }} = deleted.entity_type_id
      {%- endif %}
  {%- endif %}
  where
    ranked.version_rank = 1
    {%- if stream %}
    and deleted.card_id is null
    {%- endif %}

)

select * from final
{% endmacro %}


{% macro present_at_as_of(deleted_at="_sdc_deleted_at at time zone 'UTC'") -%}
  {#- Whether a row of a stream that is read whole (dictionaries, users …) had not vanished yet: the loader marks it. -#}
  {%- if var('as_of', none) is not none -%}
    ({{ deleted_at }} is null or {{ deleted_at }} >= {{ as_of() }})
  {%- else -%}
    {{ deleted_at }} is null
  {%- endif -%}
{%- endmacro %}


{% macro should_full_refresh() %}
  {#- In place of dbt's own: an incremental table is built anew also when its SQL is not the one that built it, and a
      seed when its columns are others, so that an upgrade never leaves old rows in an old shape. -#}
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
  {%- set known = run_query(
    "select obj_description(to_regclass('" ~ this ~ "'), 'pg_class')"
  ).columns[0].values()[0] -%}
  {{ return(known != built_by()) }}
{% endmacro %}


{% macro built_by() -%}
  {{- 'Built by ' ~ local_md5(model.raw_code) -}}
{%- endmacro %}


{% macro remember_built_by() -%}
  {#- Post-hook of incremental tables, for should_full_refresh. -#}
  {%- if model.config.materialized == 'incremental' -%}
    comment on table {{ this }} is '{{ built_by() }}'
  {%- endif -%}
{%- endmacro %}
