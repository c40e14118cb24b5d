{{ config(tags=['nightly']) }}
-- Every number of missed calls opens down to them: the register's rows are the overview's counts, outcome by outcome,
-- and the waits still open are the lost clients.
with registered as (

  select
    period_grain,
    period_start,
    manager_id,
    count(*) as missed,
    count(*) filter (where is_hidden) as missed_hidden,
    count(*) filter (where is_repeat) as missed_again,
    count(*) filter (where not is_repeat and outcome = 'Перезвонили вовремя') as called_back_in_time,
    count(*) filter (where not is_repeat and is_late) as called_back_late,
    count(*) filter (where not is_repeat and outcome = 'Клиент дозвонился сам') as client_reached_us,
    count(*) filter (where not is_repeat and is_open) as not_reached
  from {{ ref('mart_telephony__missed_calls') }}
  group by period_grain, period_start, manager_id

),

counted as (

  select * from {{ ref('mart_telephony__overview') }}

),

missed as (

  select * from {{ ref('fct_missed_calls') }}

),

periods as (

  select * from {{ ref('dim_periods') }}

),

open_waits as (

  select
    periods.period_grain,
    periods.period_start,
    count(distinct missed.first_call_id) as lost_clients
  from missed
  inner join periods
    on missed.missed_date >= periods.period_start and missed.missed_date < periods.period_end
  where missed.resolution = 'open'
  group by periods.period_grain, periods.period_start

),

lost as (

  select
    period_grain,
    period_start,
    count(*) as lost_clients
  from {{ ref('mart_telephony__lost_clients') }}
  group by period_grain, period_start

)

select
  counted.period_grain,
  counted.period_start,
  counted.manager_id
from counted
full join registered using (period_grain, period_start, manager_id)
where
  {%- for measure in [
    'missed', 'missed_hidden', 'missed_again', 'called_back_in_time', 'called_back_late', 'client_reached_us', 'not_reached',
  ] %}
    {{ 'or ' if not loop.first }}coalesce(counted.{{ measure }}, 0) <> coalesce(registered.{{ measure }}, 0)
  {%- endfor %}
union all
select
  open_waits.period_grain,
  open_waits.period_start,
  null as manager_id
from open_waits
full join lost using (period_grain, period_start)
where coalesce(open_waits.lost_clients, 0) <> coalesce(lost.lost_clients, 0)
