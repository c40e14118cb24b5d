with cards as (

  select * from {{ ref('int_pipeline__open_cards') }}
  where card_type = 'deal'

),

deals as (

  select * from {{ ref('fct_deals') }}

),

win_shares as (

  select * from {{ ref('int_pipeline__win_shares') }}

),

newest_day as (

  select max(forecast_day) as forecast_day
  from win_shares

),

-- Of the last night. A stage that nobody had stood in then weighs what its pipeline does.
newest_shares as (

  select win_shares.*
  from win_shares
  inner join newest_day on win_shares.forecast_day = newest_day.forecast_day

),

pipeline_shares as (

  select distinct
    pipeline_id,
    pipeline_probability
  from newest_shares

),

pipelines as (

  select * from {{ ref('dim_pipelines') }}

),

judged as (

  select
    cards.*,
    pipelines.pipeline,
    pipelines.is_selling,
    deals.expected_close_date,
    deals.is_currency_known,
    coalesce(newest_shares.probability, pipeline_shares.pipeline_probability, 0) as probability,
    coalesce(deals.expected_close_date < {{ as_of_date() }}, false) as is_overdue,
    deals.expected_close_date is null as has_no_close_date,
    cards.amount = 0 as has_no_amount
  from cards
  inner join deals on cards.card_id = deals.deal_id
  inner join pipelines on cards.pipeline_id = pipelines.pipeline_id
  left join newest_shares
    on cards.pipeline_id = newest_shares.pipeline_id and cards.stage_id = newest_shares.stage_id
  left join pipeline_shares on cards.pipeline_id = pipeline_shares.pipeline_id

),

final as (

  select
    card_id as deal_id,
    title,
    manager_id,
    manager,
    department,
    pipeline_id,
    pipeline,
    channel,
    is_selling,
    stage_id,
    stage,
    stage_sort,
    client_key,
    client,
    amount,
    cast(rank() over (order by amount desc) as integer) as amount_rank,
    is_currency_known,
    probability,
    trim_scale(amount * probability) as weighted_amount,
    expected_close_date,
    expected_close_date - {{ as_of_date() }} as days_to_close,
    is_overdue,
    has_no_close_date,
    has_no_amount,
    coalesce(
      nullif(
        concat_ws(
          ', ',
          case when is_overdue then 'просрочена' end,
          case when next_step_at is null then 'нет следующего шага' end,
          case when is_stuck then 'застряла' end,
          case when has_no_close_date then 'нет даты' end,
          case when has_no_amount then 'нет суммы' end
        ),
        ''
      ),
      '—'
    ) as remarks,
    {{ silence_columns('judged') }}
  from judged

)

select * from final
order by amount_rank
