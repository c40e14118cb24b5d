-- The sums of the funnel are the rows behind them: over all years every step a journey has reached, and of each period
-- exactly the cards of the register; what stays at a step as lost is what the loss reasons tell, and their register.
with all_steps as (

  select * from {{ ref('mart_funnel__steps') }}

),

register as (

  select * from {{ ref('mart_funnel__journey_steps') }}

),

journey_steps as (

  select * from {{ ref('fct_journey_steps') }}

),

journeys as (

  select * from {{ ref('fct_journeys') }}

),

loss_reasons as (

  select * from {{ ref('mart_funnel__loss_reasons') }}

),

lost_journeys as (

  select * from {{ ref('mart_funnel__lost_journeys') }}

),

periods as (

  select * from {{ ref('dim_periods') }}

),

-- cards dated before the first period kept (variable period_years) are in no period
first_year as (

  select min(period_start) as first_day
  from periods
  where period_grain = 'Год'

),

by_years as (

  select
    view_kind || ': steps' as what,
    sum(entered) as found
  from all_steps
  where period_grain = 'Год'
  group by view_kind
  union all
  select
    view_kind || ': losses' as what,
    sum(journeys_lost) as found
  from loss_reasons
  where period_grain = 'Год'
  group by view_kind

),

expected_by_years as (

  select
    'Когорта: steps' as what,
    count(*) as expected
  from journey_steps
  inner join first_year on journey_steps.started_date >= first_year.first_day
  union all
  select
    'Период: steps' as what,
    count(*) as expected
  from journey_steps
  inner join first_year on journey_steps.reached_date >= first_year.first_day
  union all
  select
    'Когорта: losses' as what,
    count(*) as expected
  from journeys
  inner join first_year on journeys.started_date >= first_year.first_day
  where journeys.status_code = 'lost'
  union all
  select
    'Период: losses' as what,
    count(*) as expected
  from journeys
  inner join first_year on journeys.lost_date >= first_year.first_day
  where journeys.status_code = 'lost'

),

summed as (

  select
    period_grain,
    period_start,
    view_kind,
    entry,
    step_number,
    sum(entered) as entered,
    sum(lost) as lost,
    sum(previous_entered) as previous_entered,
    sum(first_entered) as first_entered
  from all_steps
  where period_choice_sort <= 1
  group by period_grain, period_start, view_kind, entry, step_number

),

cohorts as (

  select * from summed
  where view_kind = 'Когорта'

),

counted as (

  select
    period_grain,
    period_start,
    view_kind,
    entry,
    step_number,
    count(*) as entered
  from register
  where period_choice_sort <= 1
  group by period_grain, period_start, view_kind, entry, step_number

),

neighbours as (

  select
    later.period_grain,
    later.period_start,
    later.view_kind,
    later.entry,
    later.step_number
  from summed as later
  left join summed as earlier
    on
      later.period_grain = earlier.period_grain
      and later.period_start = earlier.period_start
      and later.view_kind = earlier.view_kind
      and later.entry = earlier.entry
      and greatest(later.step_number - 1, 1) = earlier.step_number
  left join summed as first_step
    on
      later.period_grain = first_step.period_grain
      and later.period_start = first_step.period_start
      and later.view_kind = first_step.view_kind
      and later.entry = first_step.entry
      and first_step.step_number = 1
  where
    later.previous_entered <> coalesce(earlier.entered, 0)
    or later.first_entered <> coalesce(first_step.entered, 0)

),

lost_at_steps as (

  select
    period_grain,
    period_start,
    entry,
    step_number,
    sum(journeys_lost) as lost
  from loss_reasons
  where view_kind = 'Когорта' and period_choice_sort <= 1 and step_number > 0
  group by period_grain, period_start, entry, step_number

),

reasons as (

  select
    period_grain,
    period_start,
    view_kind,
    entry,
    step_number,
    loss_reason,
    sum(journeys_lost) as lost,
    sum(amount_lost) as amount
  from loss_reasons
  where period_choice_sort <= 1
  group by period_grain, period_start, view_kind, entry, step_number, loss_reason

),

registered_losses as (

  select
    period_grain,
    period_start,
    view_kind,
    entry,
    step_number,
    loss_reason,
    count(*) as lost,
    sum(amount_lost) as amount
  from lost_journeys
  where period_choice_sort <= 1
  group by period_grain, period_start, view_kind, entry, step_number, loss_reason

)

select
  what,
  coalesce(by_years.found, 0) as found,
  coalesce(expected_by_years.expected, 0) as expected
from by_years
full join expected_by_years using (what)
where coalesce(by_years.found, 0) <> coalesce(expected_by_years.expected, 0)
union all
select
  concat_ws(' ', 'register', period_grain, period_start, view_kind, entry, step_number) as what,
  coalesce(summed.entered, 0) as found,
  coalesce(counted.entered, 0) as expected
from summed
full join counted using (period_grain, period_start, view_kind, entry, step_number)
where coalesce(summed.entered, 0) <> coalesce(counted.entered, 0)
union all
select
  concat_ws(' ', 'neighbours', period_grain, period_start, view_kind, entry, step_number) as what,
  null as found,
  null as expected
from neighbours
union all
select
  concat_ws(' ', 'losses', period_grain, period_start, entry, step_number) as what,
  coalesce(lost_at_steps.lost, 0) as found,
  coalesce(cohorts.lost, 0) as expected
from cohorts
full join lost_at_steps using (period_grain, period_start, entry, step_number)
where coalesce(lost_at_steps.lost, 0) <> coalesce(cohorts.lost, 0)
union all
select
  concat_ws(' ', 'reasons', period_grain, period_start, view_kind, entry, step_number, loss_reason) as what,
  coalesce(reasons.lost, 0) as found,
  coalesce(registered_losses.lost, 0) as expected
from reasons
full join registered_losses using (period_grain, period_start, view_kind, entry, step_number, loss_reason)
where
  coalesce(reasons.lost, 0) <> coalesce(registered_losses.lost, 0)
  or coalesce(reasons.amount, 0) <> coalesce(registered_losses.amount, 0)
