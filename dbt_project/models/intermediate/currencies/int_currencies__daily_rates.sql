with snapshots as (

  select * from {{ ref('stg_bitrix24__currencies') }}

),

base as (

  select
    coalesce(
      {% if var('base_currency', none) is not none -%}
        '{{ var("base_currency") }}',
      {% endif -%}
      (array_agg(currency order by rate_date desc) filter (where is_base))[1],
      'RUB'
    ) as base_currency
  from snapshots

),

-- Rates against the shown currency, which need not be the portal's base.
converted as (

  select
    snapshots.currency,
    snapshots.rate_date,
    trim_scale(snapshots.rate / coalesce(base_rates.rate, 1)) as rate
  from snapshots
  cross join base
  left join snapshots as base_rates
    on snapshots.rate_date = base_rates.rate_date and base.base_currency = base_rates.currency
  where snapshots.rate > 0

),

-- A snapshot holds until the next one; before the first, the earliest known.
ranges as (

  select
    currency,
    rate,
    case
      when row_number() over days = 1 then cast('0001-01-01' as date)
      else rate_date
    end as valid_from,
    coalesce(lead(rate_date) over days, cast('9999-12-31' as date)) as valid_to
  from converted
  window days as (partition by currency order by rate_date)

),

final as (

  select
    ranges.currency,
    ranges.valid_from,
    ranges.valid_to,
    ranges.rate,
    base.base_currency
  from ranges
  cross join base
  union all
  -- A portal whose currencies are not loaded still has money.
  select
    base.base_currency as currency,
    cast('0001-01-01' as date) as valid_from,
    cast('9999-12-31' as date) as valid_to,
    1 as rate,
    base.base_currency
  from base
  where not exists (
    select 1 from converted
    where converted.currency = base.base_currency
  )

)

select * from final
