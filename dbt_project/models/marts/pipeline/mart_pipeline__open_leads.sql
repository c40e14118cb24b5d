with cards as (

  select * from {{ ref('int_pipeline__open_cards') }}
  where card_type = 'lead'

),

final as (

  select
    card_id as lead_id,
    title,
    manager_id,
    manager,
    department,
    'Без воронки' as pipeline,
    channel,
    stage_id,
    stage,
    stage_sort,
    client_key,
    client,
    amount,
    cast(rank() over (order by amount desc) as integer) as amount_rank,
    coalesce(
      nullif(
        concat_ws(
          ', ',
          case when next_step_at is null then 'нет следующего шага' end,
          case when is_stuck then 'застрял' end
        ),
        ''
      ),
      '—'
    ) as remarks,
    {{ silence_columns('cards') }}
  from cards

)

select * from final
order by created_at
