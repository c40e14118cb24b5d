{{ config(tags=['nightly']) }}
-- Every event belongs to an event metric of the catalogue and to the kind of card named there; ratios are made of event
-- metrics only.
with events as (

  select
    metric_code,
    case when card_type in ('company', 'contact') then 'client' else card_type end as card_type
  from {{ ref('fct_metric_events') }}
  group by metric_code, card_type

),

metrics as (

  select * from {{ ref('dim_metrics') }}

),

ratios as (

  select
    metric_code,
    numerator || '+' || denominator as parts
  from metrics
  where kind = 'ratio'

),

parts as (

  select
    ratios.metric_code,
    count(*) as parts_named
  from ratios
  inner join metrics
    on '+' || ratios.parts || '+' like '%+' || metrics.metric_code || '+%' and metrics.kind = 'event'
  group by ratios.metric_code

)

select
  events.metric_code,
  'an event of no such metric or card' as problem
from events
left join metrics
  on
    events.metric_code = metrics.metric_code
    and events.card_type = metrics.card_type
    and metrics.kind = 'event'
where metrics.metric_code is null

union all

select
  ratios.metric_code,
  'a part of the ratio is no event metric' as problem
from ratios
left join parts on ratios.metric_code = parts.metric_code
where
  coalesce(parts.parts_named, 0)
  <> (
    select count(distinct part)
    from unnest(string_to_array(ratios.parts, '+')) as part
  )
