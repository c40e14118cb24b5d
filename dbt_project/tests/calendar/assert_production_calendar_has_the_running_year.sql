-- The transfers of the running year, and from December those of the next, are in seeds/production_calendar.csv. Without
-- them the calendar falls back to the plain holidays: norms and plans of some days would be wrong.
{{ config(severity='warn') }}

with calendar as (

  select * from {{ ref('dim_calendar') }}

),

needed as (

  select distinct extract(year from day) as year_number
  from calendar
  where
    day between {{ as_of_date() }} and {{ as_of_date() }} + 31
    and not is_in_production_calendar

)

select
  'seeds/production_calendar.csv' as file_name,
  year_number,
  'The year has no rows: write down its holidays and the transfers of the Government''s decree' as cure
from needed
