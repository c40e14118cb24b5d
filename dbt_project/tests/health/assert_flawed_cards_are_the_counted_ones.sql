-- The register of cards with something missing holds as many as are counted, up to the thousand it keeps of each
-- check, and no check counts more flaws than cards, nor the months of a year more than all of them together.
with counts as (

  select * from {{ ref('mart_health__data_quality') }}

),

cards as (

  select * from {{ ref('mart_health__data_quality_cards') }}

),

months as (

  select * from {{ ref('mart_health__data_quality_months') }}

),

counted as (

  select
    check_code,
    sum(cards) as cards,
    sum(cards_flawed) as cards_flawed
  from counts
  group by check_code

),

listed as (

  select
    check_code,
    count(*) as cards_listed
  from cards
  group by check_code

),

of_a_year as (

  select
    check_code,
    sum(cards) as cards,
    sum(cards_flawed) as cards_flawed
  from months
  group by check_code

)

select
  check_code,
  counted.cards,
  counted.cards_flawed,
  listed.cards_listed
from counted
full outer join listed using (check_code)
full outer join of_a_year using (check_code)
where
  counted.cards_flawed > counted.cards
  or least(coalesce(counted.cards_flawed, 0), 1000) <> coalesce(listed.cards_listed, 0)
  or coalesce(of_a_year.cards, 0) > coalesce(counted.cards, 0)
  or coalesce(of_a_year.cards_flawed, 0) > coalesce(counted.cards_flawed, 0)
