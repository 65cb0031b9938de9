-- Where a million dollars or more opened in an hour with a range under 8%, the asset has a map.
-- why: An asset without rows reads as one without leverage; a wider range may leave no level alive.
-- failure: {unexpected_count} assets opened positions and have no row in liquidation_map, the first
--   {example}
with

prices as (

    select distinct
        hour_at,
        base_asset,
        hour_close_usd
    from staging.intermediate.int_position_entries_hourly
    where
        hour_at in (select hour_at from gate.hours_of_liquidation_map)
        and hour_high_usd < 1.08 * hour_low_usd

),

opened as (

    select
        flows.hour_at,
        flows.base_asset,
        sum(flows.opened_base::double * prices.hour_close_usd) as opened_usd
    from staging.intermediate.int_position_flows_hourly as flows
    inner join prices using (hour_at, base_asset)
    group by all

),

mapped as (

    select distinct
        hour_at,
        base_asset
    from {batch}

)

select
    opened.hour_at,
    opened.base_asset,
    opened.opened_usd
from opened
left join mapped using (hour_at, base_asset)
where
    mapped.hour_at is null
    and opened.opened_usd >= 1000000
