with channel_groups as (

  select * from {{ ref('channel_groups') }}

),

-- Small files keep their order when they are read, so that rows can be told by their line.
lines as (

  select
    row_number() over () + 1 as line_number,
    nullif(btrim(cast(source_id as text)), '') as source_id,
    nullif(btrim(cast(channel as text)), '') as channel,
    cast(sort as text) as sort
  from channel_groups

),

read as (

  select
    line_number,
    source_id,
    channel,
    cast(substring(btrim(sort) from '^\d{1,6}$') as integer) as sort,
    min(line_number) over (partition by source_id) as first_line_number
  from lines

),

final as (

  select
    line_number,
    source_id,
    channel,
    sort,
    {{ problem_columns([
      {
        'when': 'source_id is null',
        'column': 'source_id',
        'english': "'source_id is empty: write a STATUS_ID of the dictionary SOURCE (column source_id of dim_channels)'",
        'russian': "'не указан источник: напишите его код из справочника «Источники»'",
      },
      {
        'when': 'line_number > first_line_number',
        'column': 'source_id',
        'english': "'line ' || first_line_number || ' has the source \"' || source_id || '\" already: leave one of them'",
        'russian': "'источник «' || source_id || '» уже есть в строке ' || first_line_number || ': оставьте одну из них'",
      },
      {
        'when': 'channel is null',
        'column': 'channel',
        'english': "'channel is empty: write a name, as dashboards are to show it'",
        'russian': "'не указан канал: напишите название для дашборда'",
      },
      {
        'when': 'sort is null',
        'column': 'sort',
        'english': "'sort is no whole number: write digits, such as 10'",
        'russian': "'порядок — не целое число: напишите цифрами, например 10'",
      },
    ]) }}
  from read

)

select * from final
