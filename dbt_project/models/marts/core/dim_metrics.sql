with catalogue as (

  select * from {{ ref('metric_catalogue') }}

),

currency as (

  select * from {{ ref('int_kpi__base_currency') }}

),

final as (

  select
    catalogue.metric_code,
    catalogue.label_ru,
    catalogue.label_en,
    catalogue.unit,
    catalogue.direction,
    catalogue.kind,
    catalogue.numerator,
    catalogue.denominator,
    catalogue.formula_ru,
    catalogue.sort,
    catalogue.card_type,
    catalogue.on_dashboard_1,
    case catalogue.unit
      when 'money' then catalogue.label_ru || ', ' || currency.symbol
      when 'ratio' then catalogue.label_ru || ', %'
      else catalogue.label_ru
    end as metric
  from catalogue
  cross join currency

)

select * from final
