{{
  config(
    materialized='incremental',
    unique_key='bucket_key',
    indexes=[{'columns': ['bucket_key'], 'unique': true}]
  )
}}
{#-
  A card is deleted when the newest sweep lacks its id and began after the card was created. Only buckets that a sweep
  has looked at since the last build are judged, so that a build after no sweep costs nothing and one after a sweep a look
  at the cards of those buckets.
-#}
{%- set swept = dict(
  cards_of_crm(),
  activities={'versions': 'stg_bitrix24__activity_versions', 'key': 'activity_id'}
) -%}
{%- set until = as_of() if var('as_of', none) is not none else "cast('infinity' as timestamptz)" -%}

with all_versions as (

  select * from {{ ref('stg_bitrix24__card_id_versions') }}

),

runs as (

  select * from {{ ref('stg_bitrix24__extract_runs') }}

),
{% for stream, cards in swept.items() %}
  {{ stream }} as (

    select * from {{ ref(cards.versions) }}

  ),
{% endfor %}
versions as (

  select * from all_versions
  where swept_at < {{ until }}

),

-- Sweeps that came through, by the portal's clock, those too that found nothing new to write.
sweeps as (

  select
    stream,
    window_from as swept_at
  from runs
  where
    mode = 'sweep'
    and status = 'ok'
    and window_from < {{ until }}

),

last_sweeps as (

  select
    stream,
    max(swept_at) as swept_at
  from sweeps
  group by stream

),

newest as (

  select
    versions.*,
    row_number() over (partition by bucket_key order by swept_at desc, loaded_at desc) as version_rank,
    max(loaded_at) over (partition by bucket_key) as bucket_loaded_at
  from versions

),

buckets as (

  select
    newest.bucket_key,
    newest.stream,
    newest.entity_type_id,
    newest.bucket,
    newest.bucket_ids - newest.present_ids as absent_ids,
    lower(newest.bucket_ids) as first_id,
    upper(newest.bucket_ids) as end_id,
    greatest(newest.swept_at, last_sweeps.swept_at) as swept_at,
    newest.bucket_loaded_at as loaded_at
  from newest
  left join last_sweeps on newest.stream = last_sweeps.stream
  where newest.version_rank = 1

),

due as (

  select buckets.*
  from buckets
  {% if is_incremental() -%}
    left join {{ this }} as judged on buckets.bucket_key = judged.bucket_key
    where
      judged.bucket_key is null
      or buckets.swept_at > judged.swept_at
      or buckets.loaded_at > judged.loaded_at
  {%- endif %}

),

-- By ranges, which the index of the versions serves: of a bucket that was looked at each card is asked for once.
missing as (
  {% for stream, cards in swept.items() %}
    select
      due.bucket_key,
      {{ stream }}.{{ cards.key }} as card_id,
      min({{ stream }}.created_at) as created_at
    from due
    inner join {{ stream }}
      on
        due.first_id <= {{ stream }}.{{ cards.key }}
        and due.end_id > {{ stream }}.{{ cards.key }}
        {%- if stream == 'smart_process_items' %}
          and due.entity_type_id = {{ stream }}.entity_type_id
        {%- endif %}
        and due.absent_ids @> {{ stream }}.{{ cards.key }}
        and due.swept_at > {{ stream }}.created_at
    where due.stream = '{{ stream }}'
    group by due.bucket_key, {{ stream }}.{{ cards.key }}
    {%- if not loop.last %}
      union all
    {%- endif %}
  {%- endfor %}

),

due_versions as (

  select versions.*
  from versions
  inner join due on versions.bucket_key = due.bucket_key

),

changes as (

  select
    bucket_key,
    swept_at,
    lag(present_ids) over (partition by bucket_key order by swept_at) - present_ids as vanished_ids
  from due_versions

),

-- The last sweep that missed an id the one before it had.
vanished as (

  select
    changes.bucket_key,
    ids.card_id,
    max(changes.swept_at) as vanished_at
  from changes
  cross join lateral unnest(changes.vanished_ids) as gaps (ids)
  cross join lateral generate_series(lower(gaps.ids), upper(gaps.ids) - 1) as ids (card_id)
  group by changes.bucket_key, ids.card_id

),

looks as (

  select
    bucket_key,
    swept_at
  from due_versions
  union
  select
    due.bucket_key,
    sweeps.swept_at
  from due
  inner join sweeps on due.stream = sweeps.stream

),

-- A card that no sweep ever saw is gone since the first one after its creation.
never_seen as (

  select
    missing.bucket_key,
    missing.card_id,
    min(looks.swept_at) as first_missed_at
  from missing
  left join vanished on missing.bucket_key = vanished.bucket_key and missing.card_id = vanished.card_id
  inner join looks on missing.bucket_key = looks.bucket_key and missing.created_at < looks.swept_at
  where vanished.card_id is null
  group by missing.bucket_key, missing.card_id

),

deleted as (

  select
    missing.bucket_key,
    jsonb_object_agg(missing.card_id, coalesce(vanished.vanished_at, never_seen.first_missed_at)) as deleted
  from missing
  left join vanished on missing.bucket_key = vanished.bucket_key and missing.card_id = vanished.card_id
  left join never_seen on missing.bucket_key = never_seen.bucket_key and missing.card_id = never_seen.card_id
  group by missing.bucket_key

),

final as (

  select
    due.bucket_key,
    due.stream,
    due.entity_type_id,
    due.bucket,
    due.swept_at,
    coalesce(deleted.deleted, cast('{}' as jsonb)) as deleted,
    due.loaded_at
  from due
  left join deleted on due.bucket_key = deleted.bucket_key

)

select * from final
