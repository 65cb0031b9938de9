{{ config(incremental_strategy='append') }}

-- The table's shape only: a release's revisions are written when it is made, since they compare what
-- was judged with the release before it.
select
    null::timestamp as revised_at,
    null::varchar as run_id,
    null::varchar as release_id,
    null::varchar as former_release_id,
    null::varchar as mart,
    null::varchar as change_kind,
    null::varchar as row_key,
    null::timestamp as hour_at,
    null::date as utc_date,
    null::varchar as column_name,
    null::varchar as value_before,
    null::varchar as value_after,
    null::varchar as cause,
    null::varchar as batch_ids,

where false
