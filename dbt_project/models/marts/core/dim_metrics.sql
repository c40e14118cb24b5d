{#- What a payment is counted from is configuration (payments_source), and so is its card and formula. -#}
{%- set payment = {
  'deal_stage': {
    'card_type': 'deal',
    'formula': 'Сумма сделок, перешедших в стадию оплаты и не возвращённых из неё, в базовой валюте; дата — переход',
  },
  'deal_payments': {
    'card_type': 'payment',
    'formula': 'Сумма полученных и не возвращённых платежей по заказам сделок, в базовой валюте; дата — дата оплаты',
  },
}.get(payments_source()) -%}

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
    {% if payment -%}
      case
        when catalogue.metric_code = 'payments_received' then '{{ payment.formula }}'
        else catalogue.formula_ru
      end as formula_ru,
    {%- else -%}
      catalogue.formula_ru,
    {%- endif %}
    catalogue.sort,
    {% if payment -%}
      case
        when catalogue.metric_code = 'payments_received' then '{{ payment.card_type }}'
        else catalogue.card_type
      end as card_type,
    {%- else -%}
      catalogue.card_type,
    {%- endif %}
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
