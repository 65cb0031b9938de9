-- Every episode that was found has a row, under the hour that it stands under, with the same dollars.
-- why: A missing episode would be missed in every count of waves and in every record of the score.
-- failure: {unexpected_count} episodes have no row in liquidation_episodes or other dollars, the
--   first {example}
with

spine as (

    select max(hour_at) as last_hour_at
    from staging.ops.hours

),

expected as (

    select
        episodes.base_asset,
        episodes.started_at,
        episodes.long_usd,
        least(
            case when not episodes.is_open then episodes.last_hour_at + interval 24 hour end,
            spine.last_hour_at
        ) as hour_at
    from staging.intermediate.int_liquidation_episodes as episodes
    cross join spine

)

select
    expected.base_asset,
    expected.started_at,
    expected.long_usd
from expected
left join {batch} as found
    on
        expected.base_asset = found.base_asset
        and expected.started_at = found.started_at
        and expected.hour_at = found.hour_at
where
    expected.hour_at in (select hour_at from gate.hours_of_liquidation_episodes)
    and found.long_usd is distinct from expected.long_usd
