{{ config(tags=['nightly']) }}
-- What the breakdowns say of each manager is what his rows of the register say: clients, money, coverage, repurchases.
with base as (

  select
    manager_id,
    count(*) as clients,
    sum(revenue) as revenue,
    sum(open_amount) as open_amount,
    count(*) filter (where call_bucket = 'никогда') as never_contacted,
    count(*) filter (where days_since_call < 30) as contacted_30,
    count(*) filter (where next_step = 'Нет следующего шага') as without_next_step,
    count(*) filter (where won_deals >= 1) as buyers,
    count(*) filter (where won_deals >= 2) as repeat_buyers
  from {{ ref('mart_clients__base') }}
  group by manager_id

),

matrix as (

  select
    manager_id,
    sum(clients) as clients,
    sum(revenue) as revenue,
    sum(open_amount) as open_amount
  from {{ ref('mart_clients__matrix') }}
  group by manager_id

),

coverage as (

  select
    manager_id,
    sum(clients) as clients,
    sum(never_contacted) as never_contacted,
    sum(contacted_30) as contacted_30,
    sum(without_next_step) as without_next_step,
    sum(buyers) as buyers,
    sum(repeat_buyers) as repeat_buyers
  from {{ ref('mart_clients__coverage') }}
  group by manager_id

),

months as (

  select
    manager_id,
    sum(clients) as clients,
    sum(revenue) as revenue,
    sum(open_amount) as open_amount,
    sum(never_contacted) as never_contacted,
    sum(without_next_step) as without_next_step,
    sum(buyers) as buyers,
    sum(repeat_buyers) as repeat_buyers
  from {{ ref('mart_clients__monthly') }}
  group by manager_id

)

select manager_id
from base
full join matrix using (manager_id)
full join coverage using (manager_id)
full join months using (manager_id)
where
  base.clients is distinct from matrix.clients
  or base.clients is distinct from coverage.clients
  or base.clients is distinct from months.clients
  or (abs(base.revenue - matrix.revenue) <= 0.01) is not true
  or (abs(base.revenue - months.revenue) <= 0.01) is not true
  or (abs(base.open_amount - matrix.open_amount) <= 0.01) is not true
  or (abs(base.open_amount - months.open_amount) <= 0.01) is not true
  {%- for measure in ['never_contacted', 'without_next_step', 'buyers', 'repeat_buyers'] %}
    or base.{{ measure }} is distinct from coverage.{{ measure }}
    or base.{{ measure }} is distinct from months.{{ measure }}
  {%- endfor %}
  or base.contacted_30 is distinct from coverage.contacted_30
