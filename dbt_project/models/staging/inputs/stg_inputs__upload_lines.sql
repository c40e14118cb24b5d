with source as (

  select * from {{ source('inputs', 'uploads') }}
  {%- if var('as_of', none) is not none %}
    where seen_at < {{ as_of() }}
  {%- endif %}

),

known as (

  select
    input,
    version,
    seen_at,
    {% if var('as_of', none) is not none -%}
      case when accepted_at < {{ as_of() }} then accepted_at end as accepted_at,
    {% else -%}
      accepted_at,
    {% endif -%}
    line_number,
    line
  from source

),

latest as (

  select
    input,
    max(version) as newest_version,
    max(version) filter (where accepted_at is not null) as accepted_version
  from known
  group by input

),

final as (

  select
    known.input,
    known.version,
    known.seen_at,
    known.accepted_at,
    known.version = latest.newest_version as is_newest,
    known.line_number,
    known.line
  from known
  inner join latest on known.input = latest.input
  where known.version in (latest.newest_version, latest.accepted_version)

)

select * from final
