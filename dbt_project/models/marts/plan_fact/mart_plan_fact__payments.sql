{{ config(materialized='view') }}

with register as (

  select * from {{ ref('mart_kpi__register') }}
  where metric_code = 'payments_received' and period_grain in ('День', 'Неделя', 'Месяц')

),

-- Without the metric: whoever picks another one on the dashboard still sees who paid.
final as (

  select
    {{ period_columns('register') }},
    manager_id,
    manager,
    department,
    pipeline,
    channel,
    event_at,
    event_local,
    card_type_label,
    card_id,
    card_title,
    client,
    amount,
    crm_url,
    crm_link
  from register

)

select * from final
