with entered as (

  select * from {{ ref('ad_spend') }}

),

demonstration as (

  select * from {{ ref('demo_ad_spend') }}

),

uploads as (

  select * from {{ ref('stg_inputs__upload_lines') }}
  where input = 'ad_spend' and line_number > 1

),

portal as (

  select * from {{ ref('stg_bitrix24__portal') }}

),

sources as (

  select * from {{ ref('dim_channels') }}

),

channels as (

  select distinct channel
  from sources

),

-- Small files keep their order when they are read, so that rows can be told by their line.
-- The invented spend belongs to the invented company only.
lines as (

  select
    to_jsonb(entered) as line,
    cast(null as integer) as upload_version,
    'seeds/ad_spend.csv' as file_name,
    row_number() over () + 1 as line_number
  from entered
  union all
  select
    to_jsonb(demonstration) as line,
    cast(null as integer) as upload_version,
    'seeds/demo_ad_spend.csv' as file_name,
    row_number() over () + 1 as line_number
  from demonstration
  cross join portal
  where portal.is_demonstration
  union all
  select
    line,
    version as upload_version,
    'uploads.ad_spend, version ' || version as file_name,
    line_number
  from uploads

),

cells as (

  select
    file_name,
    line_number,
    upload_version,
    {{ line_text('ad_spend', 'channel') }} as channel,
    {{ iso_day(line_text('ad_spend', 'from_month')) }} as from_month,
    {{ iso_day(line_text('ad_spend', 'to_month')) }} as to_month,
    {{ line_text('ad_spend', 'amount_per_month') }} as amount
  from lines
  where not ({{ line_is_blank() }})

),

read as (

  select
    file_name,
    line_number,
    upload_version,
    channel,
    cast(date_trunc('month', cast({{ typed_date('from_month') }} as timestamp)) as date) as from_month,
    case
      when to_month is null then cast('9999-12-01' as date)
      else cast(date_trunc('month', cast({{ typed_date('to_month') }} as timestamp)) as date)
    end as to_month,
    {{ typed_number('amount') }} as amount_per_month,
    amount ~ '^\s*[-−]\s*\d' as is_negative
  from cells

),

-- Two rows for the same channel in the same month.
clashes as (

  select
    earlier.file_name,
    earlier.line_number,
    min(later.line_number) as other_line_number
  from read as earlier
  inner join read as later
    on
      earlier.channel = later.channel
      and earlier.from_month <= later.to_month
      and earlier.to_month >= later.from_month
      and earlier.upload_version is not distinct from later.upload_version
      and (earlier.file_name, earlier.line_number) < (later.file_name, later.line_number)
  group by earlier.file_name, earlier.line_number

),

final as (

  select
    read.file_name,
    read.line_number,
    read.upload_version,
    read.channel,
    read.from_month,
    read.to_month,
    read.amount_per_month,
    {{ problem_columns([
      {
        'when': 'read.channel is null',
        'column': 'channel',
        'english': "'channel is empty: write one as dim_channels has it'",
        'russian': "'не указан канал: напишите его, как на дашборде'",
      },
      {
        'when': 'read.upload_version is not null and channels.channel is null',
        'column': 'channel',
        'english': "'there is no channel \"' || read.channel || '\": write it as dim_channels has it'",
        'russian': "'нет канала «' || read.channel || '»: напишите его, как на дашборде'",
      },
      {
        'when': 'read.from_month is null',
        'column': 'from_month',
        'english': "'from_month is no day: write the first day of the month as YYYY-MM-DD'",
        'russian': "'не указан или не читается первый месяц: напишите, например, 01.09.2026'",
      },
      {
        'when': 'read.to_month is null',
        'column': 'to_month',
        'english': "'to_month is no day: write the first day of the last month as YYYY-MM-DD, or leave it empty while it goes on'",
        'russian': "'последний месяц не читается: напишите, например, 01.12.2026, или оставьте пустым'",
      },
      {
        'when': 'read.to_month < read.from_month',
        'column': 'to_month',
        'english': "'to_month is before from_month: swap them'",
        'russian': "'последний месяц раньше первого: поменяйте их местами'",
      },
      {
        'when': 'read.amount_per_month is null and read.is_negative',
        'column': 'amount_per_month',
        'english': "'amount_per_month is negative: write what was paid, more than 0'",
        'russian': "'расход меньше нуля: напишите, сколько заплачено, больше 0'",
      },
      {
        'when': 'read.amount_per_month is null',
        'column': 'amount_per_month',
        'english': "'amount_per_month is no number: write digits, such as 900000'",
        'russian': "'сумма — не число: напишите цифрами, например 900000'",
      },
      {
        'when': 'read.amount_per_month = 0',
        'column': 'amount_per_month',
        'english': "'amount_per_month is 0: drop the line, or end the one before it; a month without a line has no spend'",
        'russian': "'расход равен нулю: уберите строку, месяц без строки — это месяц без расхода'",
      },
      {
        'when': 'clashes.other_line_number is not null',
        'column': 'from_month',
        'english': "'line ' || clashes.other_line_number || ' is for the same channel and month: end this one with to_month the month before the other begins, or drop one of them'",
        'russian': "'строка ' || clashes.other_line_number || ' — тот же канал в том же месяце: закончите эту месяцем раньше или уберите одну из строк'",
      },
    ]) }}
  from read
  left join channels on read.channel = channels.channel
  left join clashes on read.file_name = clashes.file_name and read.line_number = clashes.line_number

)

select * from final
