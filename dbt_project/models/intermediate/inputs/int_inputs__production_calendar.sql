with production_calendar as (

  select * from {{ ref('production_calendar') }}

),

-- Small files keep their order when they are read, so that rows can be told by their line.
lines as (

  select
    row_number() over () + 1 as line_number,
    {{ iso_day('cast(day as text)') }} as day,
    lower(btrim(cast(is_working as text))) as is_working,
    nullif(btrim(cast(comment as text)), '') as comment
  from production_calendar

),

read as (

  select
    line_number,
    {{ typed_date('day') }} as day,
    case is_working
      when 'true' then true
      when 'false' then false
    end as is_working,
    comment
  from lines

),

numbered as (

  select
    *,
    min(line_number) over (partition by day) as first_line_number
  from read

),

final as (

  select
    line_number,
    day,
    is_working,
    comment,
    {{ problem_columns([
      {
        'when': 'day is null',
        'column': 'day',
        'english': "'day is no day: write it as YYYY-MM-DD'",
        'russian': "'дата не читается: напишите, например, 2026-05-01'",
      },
      {
        'when': 'line_number > first_line_number',
        'column': 'day',
        'english': "'line ' || first_line_number || ' has the same day already: leave one of them'",
        'russian': "'этот день уже есть в строке ' || first_line_number || ': оставьте одну из них'",
      },
      {
        'when': 'is_working is null',
        'column': 'is_working',
        'english': "'is_working is neither true nor false: write false for a day off, true for a weekend day that is worked'",
        'russian': "'рабочий ли день, не понять: напишите false для выходного, true для рабочей субботы'",
      },
      {
        'when': 'comment is null',
        'column': 'comment',
        'english': "'comment is empty: write the holiday or transfer in words'",
        'russian': "'нет пояснения: напишите праздник или перенос словами'",
      },
    ]) }}
  from numbered

)

select * from final
