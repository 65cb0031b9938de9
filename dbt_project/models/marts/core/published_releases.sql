{{ config(incremental_strategy='append') }}

-- The table's shape only: the row is written when a release is made.
select
    null::varchar as release_id,
    null::varchar as run_id,
    null::timestamp as published_at,
    null::timestamp as first_hour_at,
    null::timestamp as last_hour_at,
    null::varchar as code_version,
    null::bigint as revisions,

where false
