with rates as (

  select * from {{ ref('int_currencies__daily_rates') }}

),

final as (

  select
    base_currency,
    case base_currency
      when 'RUB' then '₽'
      when 'KZT' then '₸'
      when 'USD' then '$'
      when 'EUR' then '€'
      else base_currency
    end as symbol
  from rates
  group by base_currency

)

select * from final
