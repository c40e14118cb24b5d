with source as (

  select * from {{ source('bitrix24', 'currencies') }}

),

typed as (

  select
    replace(upper(btrim(id)), 'RUR', 'RUB') as currency,
    cast(left(modified_at, 10) as date) as rate_date,
    trim_scale({{ payload_amount('AMOUNT') }} / nullif({{ payload_amount('AMOUNT_CNT') }}, 0)) as rate,
    {{ payload_flag('BASE') }} as is_base,
    {{ payload_text('FULL_NAME') }} as full_name,
    upper(btrim(id)) as currency_as_written,
    _sdc_received_at as received_at
  from source

),

ranked as (

  -- RUR is RUB: where a portal has both, the modern code stands.
  select
    typed.*,
    row_number() over (
      partition by currency, rate_date
      order by currency_as_written = currency desc, received_at desc
    ) as duplicate_rank
  from typed

),

final as (

  select
    currency,
    rate_date,
    rate,
    is_base,
    full_name
  from ranked
  where duplicate_rank = 1

)

select * from final
