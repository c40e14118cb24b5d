{{
  config(
    materialized='table',
    indexes=[{'columns': ['deal_id'], 'unique': true}]
  )
}}

with versions as (

  select * from {{ ref('stg_bitrix24__deal_versions') }}

),

ranked as (

  select
    versions.*,
    row_number() over (
      partition by deal_id
      order by {{ newest_version_first() }}
    ) as version_rank,
    first_value(deleted_at) over (
      partition by deal_id
      order by modified_at desc, received_at desc
    ) as card_deleted_at
  from versions

),

final as (

  select
    ranked.*,
    {% if var('loss_reason_field', none) is not none -%}
      nullif(btrim(user_fields ->> '{{ var("loss_reason_field") }}'), '') as loss_reason_value
    {%- else -%}
      cast(null as text) as loss_reason_value
    {%- endif %}
  from ranked
  where version_rank = 1 and {{ present_at_as_of('card_deleted_at') }}

)

select * from final
