-- As many cards to act on as the registers flag, each with one main reason and one place in its manager's list.
with cards as (

  select * from {{ ref('mart_plan_fact__cards_to_act_on') }}

),

deals as (

  select * from {{ ref('mart_pipeline__open_deals') }}

),

leads as (

  select * from {{ ref('mart_pipeline__open_leads') }}

),

clients as (

  select * from {{ ref('mart_clients__base') }}

),

missed as (

  select * from {{ ref('fct_missed_calls') }}
  where resolution = 'open'

),

periods as (

  select * from {{ ref('dim_periods') }}
  where period_grain = 'Год'

),

-- As far back as the years of the dashboards reach.
lost as (

  select count(distinct missed.first_call_id) as cards
  from missed
  inner join periods
    on
      missed.missed_date >= periods.period_start
      and missed.missed_date < periods.period_end

),

flagged as (

  select
    3 as priority,
    count(*) filter (where is_overdue) as cards
  from deals
  union all
  select
    4 as priority,
    count(*) filter (where has_no_next_step) as cards
  from deals
  union all
  select
    6 as priority,
    count(*) filter (where is_stuck) as cards
  from deals
  union all
  select
    5 as priority,
    count(*) filter (where has_no_next_step) as cards
  from leads
  union all
  select
    7 as priority,
    count(*) filter (where is_stuck) as cards
  from leads
  union all
  select
    8 as priority,
    count(*) as cards
  from clients
  where
    (is_buyer or open_deals > 0)
    and coalesce(days_since_call, days_since_created, days_since_win) >= {{ var('client_silence_days') }}
  union all
  select
    2 as priority,
    cards
  from lost

),

-- Callers within the norm and beyond it are one list.
listed as (

  select
    greatest(priority, 2) as priority,
    count(*) as cards
  from cards
  group by greatest(priority, 2)

),

uneven as (

  select
    card_type,
    card_id
  from cards
  group by card_type, card_id
  having
    count(*) filter (where is_main) <> 1
    or min(manager_position) <> max(manager_position)
    or min(manager_id) <> max(manager_id)

)

select
  'flags' as what,
  priority as which
from flagged
full join listed using (priority)
where coalesce(flagged.cards, 0) <> coalesce(listed.cards, 0)
union all
select
  'one main reason and one place: ' || card_type as what,
  card_id as which
from uneven
