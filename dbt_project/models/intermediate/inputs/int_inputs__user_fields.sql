with user_fields as (

  select * from {{ ref('user_fields') }}

),

-- Small files keep their order when they are read, so that rows can be told by their line.
lines as (

  select
    row_number() over () + 1 as line_number,
    nullif(btrim(card_type), '') as card_type,
    nullif(btrim(field), '') as field,
    nullif(btrim(label_ru), '') as label_ru
  from user_fields

),

numbered as (

  select
    *,
    min(line_number) over (partition by card_type, field) as first_line_number
  from lines

),

final as (

  select
    line_number,
    card_type,
    field,
    label_ru,
    {{ problem_columns([
      {
        'when': "coalesce(card_type, '') !~ '^(lead|deal|contact|company|quote|smart_invoice|smart_process_[0-9]+)$'",
        'column': 'card_type',
        'english': "'card_type is \"' || coalesce(card_type, '') || '\": write lead, deal, contact, company, quote, smart_invoice or smart_process_<entityTypeId>'",
        'russian': "'непонятный вид карточки «' || coalesce(card_type, '') || '»: напишите lead, deal, contact, company, quote, smart_invoice или smart_process_<номер>'",
      },
      {
        'when': 'field is null',
        'column': 'field',
        'english': "'field is empty: write its name in the API, such as ufCrm_1700000000'",
        'russian': "'не указано поле: напишите его название в API, например ufCrm_1700000000'",
      },
      {
        'when': 'line_number > first_line_number',
        'column': 'field',
        'english': "'line ' || first_line_number || ' has the same field already: leave one of them'",
        'russian': "'это поле уже есть в строке ' || first_line_number || ': оставьте одну из них'",
      },
      {
        'when': 'label_ru is null',
        'column': 'label_ru',
        'english': "'label_ru is empty: write what people are to see'",
        'russian': "'нет названия: напишите, как показывать поле людям'",
      },
    ]) }}
  from numbered

)

select * from final
