-- The minutes of an hour, venue and asset contain exactly its counted facts.
-- why: Detects events lost or doubled between facts and marts.
-- failure: {unexpected_count} hours of a venue and asset have different events in
--   liquidations_minutely than in fct_liquidations, the first {example}
with

facts as (

    select
        hour_at,
        venue,
        base_asset,
        count(*) as fact_events,
        coalesce(sum(notional_usd), 0) as fact_usd
    from gate.fct_liquidations
    where event_kind in ('liquidation', 'backstop', 'deleveraging')
    group by all

),

minutes as (

    select
        hour_at,
        venue,
        base_asset,
        sum(events)::bigint as minute_events,
        coalesce(sum(total_usd), 0) as minute_usd
    from {batch}
    group by all

)

select
    hour_at,
    venue,
    base_asset,
    facts.fact_events,
    minutes.minute_events,
    facts.fact_usd,
    minutes.minute_usd
from facts
full outer join minutes using (hour_at, venue, base_asset)
where
    facts.fact_events is distinct from minutes.minute_events
    or facts.fact_usd is distinct from minutes.minute_usd
