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
    -- As the loader's index has it.
    where greatest(_sdc_batched_at, _sdc_deleted_at) >= (
      select (coalesce(max(loaded_at), '-infinity') - interval '10 seconds') at time zone 'UTC' from {{ relation }}
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
{%- if stream -%}
  {%- set affected -%}
    select {{ keys | join(', ') }} from {{ changed_in(versions) }}
    union all
    {% if keys | length > 1 -%}
      select versions.{{ keys | join(', versions.') }}
      from {{ changed_in('stg_bitrix24__deleted_cards') }}
      inner join (select * from {{ ref(versions) }}) as versions on changes.card_id = versions.{{ keys[-1] }}
    {%- else -%}
      select card_id as {{ key }} from {{ changed_in('stg_bitrix24__deleted_cards') }}
    {%- endif %}
    where changes.stream = '{{ stream }}'
  {%- endset -%}
  {{ gather_affected(affected) }}
{%- endif -%}
with versions as (

  select * from {{ ref(versions) }}
  {{ affected_only(keys) }}

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
