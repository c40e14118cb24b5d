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


{% macro newest_version_first() -%}
  {#- Order of a card's versions: the newest one that existed at as_of; the present one where none did. -#}
  {%- if var('as_of', none) is not none -%}
    case when modified_at < {{ as_of() }} then 0 else 1 end,
  {% endif -%}
  modified_at desc, received_at desc
{%- endmacro %}


{% macro present_at_as_of(deleted_at='deleted_at') -%}
  {#- Whether a card or dictionary row was not deleted yet. -#}
  {%- if var('as_of', none) is not none -%}
    ({{ deleted_at }} is null or {{ deleted_at }} >= {{ as_of() }})
  {%- else -%}
    {{ deleted_at }} is null
  {%- endif -%}
{%- endmacro %}
