with source as (

  select * from {{ source('bitrix24', 'departments') }}

),

final as (

  select
    cast(id as bigint) as department_id,
    {{ payload_text('NAME') }} as department,
    {{ payload_id('PARENT') }} as parent_id,
    {{ payload_id('UF_HEAD') }} as head_id,
    coalesce({{ payload_integer('SORT') }}, 0) as sort
  from source
  where {{ present_at_as_of() }}

)

select * from final
