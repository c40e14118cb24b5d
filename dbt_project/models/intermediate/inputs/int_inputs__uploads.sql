{{ config(post_hook=["{{ accept_uploads() }}"]) }}

with lines as (

  select * from {{ ref('stg_inputs__upload_lines') }}

),

problems as (

  select * from {{ ref('int_inputs__problems') }}

),

problem_counts as (

  select
    input,
    upload_version as version,
    count(*) as problems
  from problems
  where upload_version is not null
  group by input, upload_version

),

versions as (

  select
    lines.input,
    lines.version,
    lines.seen_at,
    lines.accepted_at,
    lines.is_newest,
    count(*) filter (where lines.line_number > 1 and not ({{ line_is_blank() }})) as lines_count
  from lines
  group by lines.input, lines.version, lines.seen_at, lines.accepted_at, lines.is_newest

),

-- What was accepted once goes on counting; what is new counts when nothing is wrong with it.
judged as (

  select
    versions.input,
    versions.version,
    versions.seen_at,
    versions.accepted_at,
    versions.is_newest,
    versions.lines_count,
    coalesce(problem_counts.problems, 0) as problems_count,
    versions.accepted_at is not null or problem_counts.problems is null as is_acceptable
  from versions
  left join problem_counts
    on versions.input = problem_counts.input and versions.version = problem_counts.version

),

final as (

  select
    input,
    version,
    seen_at,
    accepted_at,
    is_newest,
    lines_count,
    problems_count,
    is_acceptable and version = max(version) filter (where is_acceptable) over (partition by input) as is_counting
  from judged

)

select * from final
