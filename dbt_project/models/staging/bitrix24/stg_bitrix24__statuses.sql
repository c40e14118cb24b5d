with source as (

  select * from {{ source('bitrix24', 'statuses') }}

),

final as (

  select
    cast(id as bigint) as status_row_id,
    {{ payload_text('ENTITY_ID') }} as dictionary,
    {{ payload_text('STATUS_ID') }} as status_id,
    {{ payload_text('NAME') }} as status,
    coalesce({{ payload_integer('SORT') }}, 0) as sort,
    coalesce(
      {{ payload_semantic('SEMANTICS') }},
      case payload #>> '{EXTRA,SEMANTICS}'
        when 'success' then 'success'
        when 'failure' then 'failure'
        when 'apology' then 'failure'
      end,
      'process'
    ) as semantic,
    _sdc_deleted_at at time zone 'UTC' as deleted_at,
    not {{ present_at_as_of() }} as is_deleted
  from source

)

select * from final
