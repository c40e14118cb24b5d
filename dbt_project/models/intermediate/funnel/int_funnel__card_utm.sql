with leads as (

  select * from {{ ref('stg_bitrix24__leads') }}

),

deals as (

  select * from {{ ref('stg_bitrix24__deals') }}

),

cards as (

  select
    'lead' as card_type,
    lead_id as card_id,
    utm_source,
    utm_medium,
    utm_campaign
  from leads
  union all
  select
    'deal' as card_type,
    deal_id as card_id,
    utm_source,
    utm_medium,
    utm_campaign
  from deals

),

final as (

  select
    card_type,
    card_id,
    coalesce(utm_source, 'Без метки') as utm_source,
    coalesce(utm_medium, 'Без метки') as utm_medium,
    coalesce(utm_campaign, 'Без метки') as utm_campaign
  from cards

)

select * from final
