{{ config(materialized='view') }}

with deals as (

  select * from {{ ref('mart_pipeline__open_deals') }}

),

horizons as (

  select * from {{ ref('dim_horizons') }}

),

final as (

  select
    horizons.horizon,
    horizons.horizon_sort,
    deals.*
  from deals
  inner join horizons
    on
      horizons.is_everything
      or (horizons.is_dateless and deals.expected_close_date is null)
      or (deals.expected_close_date >= horizons.due_from and deals.expected_close_date <= horizons.due_until)

)

select * from final
