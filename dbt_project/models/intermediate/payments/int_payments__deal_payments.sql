with payments as (

  select * from {{ ref('stg_bitrix24__payments') }}

),

owners as (

  select * from {{ ref('stg_bitrix24__order_owners') }}

),

deals as {{ read_in_place() }} (

  select * from {{ ref('stg_bitrix24__deals') }}
  where not is_recurring_template

),

versions as (

  select * from {{ ref('stg_bitrix24__deal_versions') }}

),

-- An order of several deals would count several times: the first one that is not deleted has it.
order_deals as (

  select
    owners.order_id,
    min(owners.owner_id) as deal_id
  from owners
  inner join deals on owners.owner_id = deals.deal_id
  where owners.owner_type_id = 2
  group by owners.order_id

),

-- A returned payment is no payment: the portal clears `paid` and writes its date anew, so that neither the day it came
-- nor the day it went is known, and it leaves the day it was counted in, as a reopened deal leaves its win.
received as (

  select
    payments.payment_id,
    order_deals.deal_id,
    payments.account_number,
    payments.paid_at,
    payments.amount,
    payments.currency,
    deals.manager_id
  from payments
  inner join order_deals on payments.order_id = order_deals.order_id
  inner join deals on order_deals.deal_id = deals.deal_id
  where
    payments.is_paid
    and not payments.is_returned
    and payments.paid_at < {{ as_of() }}

),

final as (

  select
    received.payment_id,
    received.deal_id,
    received.account_number,
    received.paid_at,
    received.amount,
    received.currency,
    coalesce({{ responsible_at('received.paid_at') }}, received.manager_id, 0) as paid_manager_id
  from received
  left join versions on received.deal_id = versions.deal_id
  group by
    received.payment_id,
    received.deal_id,
    received.account_number,
    received.paid_at,
    received.amount,
    received.currency,
    received.manager_id

)

select * from final
