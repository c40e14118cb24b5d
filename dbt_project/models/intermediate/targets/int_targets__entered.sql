with lines as (

  select * from {{ ref('int_targets__lines') }}

),

uploads as (

  select * from {{ ref('int_inputs__uploads') }}
  where input = 'targets' and is_counting

),

-- one row; null where no upload counts, as the lines of files have it
counting as (

  select max(version) as version
  from uploads

),

-- An upload that counts takes the place of the files.
final as (

  select
    lines.target_id,
    lines.file_name,
    lines.line_number,
    lines.metric_code,
    lines.is_ratio,
    lines.scope,
    lines.department_id,
    lines.path_ids,
    lines.depth,
    lines.manager_id,
    lines.period,
    lines.valid_from,
    lines.valid_to,
    lines.value,
    lines.is_per_person,
    lines.problem
  from lines
  cross join counting
  where lines.upload_version is not distinct from counting.version

)

select * from final
