{{ config(tags=['nightly'], indexes=[{'columns': ['client_key'], 'unique': true}]) }}
{#- Field of client_fields: (whether it is filled, what it is called; null where the kind of card has none). Of most
    portals companies know no source. -#}
{%- set standard = {
  'phone': ('cards.has_phone', "'телефон'"),
  'email': ('cards.has_email', "'эл. почта'"),
  'responsible': ('clients.manager_id <> 0', "'ответственный'"),
  'source': (
    "cards.source_id <> ''",
    "case when cards.client_type = 'contact' or labels.labels ->> 'sourceId' is not null then 'источник' end"
  ),
  'type': ('cards.type_id is not null', "'тип'"),
} -%}
{%- set checks, asked, filled, missing = [], [], [], [] -%}
{%- for field in client_fields() -%}
  {%- set of_user = (
    "coalesce(cards.user_fields ->> '" ~ field ~ "', '') not in ('', '0', '[]', '{}', 'false')",
    "labels.labels ->> '" ~ field ~ "'"
  ) -%}
  {%- set label = 'label_' ~ loop.index -%}
  {%- set has = 'has_' ~ loop.index -%}
  {%- do checks.append(standard.get(field, of_user)) -%}
  {%- do asked.append('case when ' ~ label ~ ' is not null then 1 else 0 end') -%}
  {%- do filled.append('case when ' ~ label ~ ' is not null and ' ~ has ~ ' then 1 else 0 end') -%}
  {%- do missing.append('case when not ' ~ has ~ ' then ' ~ label ~ ' end') -%}
{%- endfor -%}

with clients as (

  select * from {{ ref('dim_clients') }}
  where created_at is not null

),

companies as (

  select * from {{ ref('stg_bitrix24__companies') }}

),

contacts as (

  select * from {{ ref('stg_bitrix24__contacts') }}

),

statuses as (

  select * from {{ ref('stg_bitrix24__statuses') }}

),

fields as (

  select * from {{ ref('stg_bitrix24__fields') }}

),

cards as (

  select
    'company' as client_type,
    company_id as card_id,
    source_id,
    type_id,
    has_phone,
    has_email,
    user_fields
  from companies
  union all
  select
    'contact' as client_type,
    contact_id as card_id,
    source_id,
    type_id,
    has_phone,
    has_email,
    user_fields
  from contacts

),

-- Deleted values stay, since cards still have them; of a value made anew the living row counts, else the newest one.
types as (

  select distinct on (dictionary, status_id)
    case dictionary when 'COMPANY_TYPE' then 'company' else 'contact' end as client_type,
    status_id as type_id,
    status
  from statuses
  where dictionary in ('COMPANY_TYPE', 'CONTACT_TYPE')
  order by dictionary asc, status_id asc, is_deleted asc, status_row_id desc

),

-- Names of the fields that not every kind of card has.
labels as (

  select
    {{ card_type('entity_type_id') }} as client_type,
    jsonb_object_agg(field, label) as labels
  from fields
  where
    entity_type_id in (3, 4)
    and field in ({{ quoted_list(['sourceId'] + client_user_fields()) }})
  group by entity_type_id

),

described as (

  select
    clients.client_key,
    cards.client_type,
    cards.card_id,
    cards.source_id,
    coalesce(types.status, cards.type_id, 'Не указан') as crm_type,
    cards.has_phone,
    cards.has_email,
    {% for has, label in checks -%}
      {{ has }} as has_{{ loop.index }},
      {{ label }} as label_{{ loop.index }}
      {%- if not loop.last %},{% endif %}
    {% endfor %}
  from clients
  inner join cards on clients.client_key = cards.client_type || ':' || cards.card_id
  left join types on cards.client_type = types.client_type and cards.type_id = types.type_id
  left join labels on cards.client_type = labels.client_type

),

counted as (

  select
    *,
    {{ asked | join(' + ') }} as fields_count,
    {{ filled | join(' + ') }} as fields_filled,
    concat_ws(', ', {{ missing | join(', ') }}) as missing
  from described

),

final as (

  select
    client_key,
    client_type,
    card_id,
    source_id,
    crm_type,
    has_phone,
    has_email,
    fields_count,
    fields_filled,
    coalesce(nullif(missing, ''), '—') as missing_fields
  from counted

)

select * from final
