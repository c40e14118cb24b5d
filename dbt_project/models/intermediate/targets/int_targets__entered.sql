with lines as (

  select * from {{ ref('int_targets__lines') }}

),

uploads as (

  select * from {{ ref('int_inputs__uploads') }}
  where input = 'targets' and is_counting

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
  left join uploads on lines.upload_version = uploads.version
  where
    uploads.version is not null
    or (lines.upload_version is null and not exists (select 1 from uploads as counting))

)

select * from final
