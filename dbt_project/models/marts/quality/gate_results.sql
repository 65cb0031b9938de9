{{ config(incremental_strategy='append') }}

-- The table's shape only: each run's results are inserted when the gates have run, which is after the
-- last model is built and before the release is copied.
select
    null::varchar as run_id,
    null::varchar as gate,
    null::varchar as suite,
    null::varchar as expectation,
    null::varchar as batch_id,
    null::varchar as venue,
    null::varchar as severity,
    null::boolean as success,
    null::bigint as unexpected_count,
    null::varchar as observed,
    null::varchar as message,
    null::timestamp as checked_at,

where false
