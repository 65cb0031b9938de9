-- One row per counted liquidation of a venue that may not have published all of the hour's.
with

liquidations as (

    select
        hour_at,
        venue,
        base_asset,
        instrument,
        liquidated_side,
        notional_usd,
        -- Published in the second after its hour, an event counts in the hour's last.
        case
            when publication_second is not null
                then greatest(0, least(3599, date_diff('second', hour_at, publication_second)))
        end as publication_second,
        date_diff('second', hour_at, event_at) as event_second,
        minute(event_at)::integer as event_minute,

    from {{ ref('fct_liquidations') }}

    where {{ counted_liquidations() }}
        and hour_at in {{ build_hours() }}

),

coverage as (

    from {{ ref('int_venue_coverage_hourly') }}

    where hour_at in {{ build_hours() }}

),

gaps as (

    from {{ ref('int_stream_gaps') }}

),

gap_hours as (

    select distinct
        hour_at,
        venue,

    from gaps

),

-- What came by another way than the stream, outside of the stream's gaps, was published in an unknown
-- second.
timed as (

    select
        liquidations.*,
        liquidations.publication_second is null
        and not exists (
            select 1
            from gaps
            where liquidations.hour_at = gaps.hour_at
                and liquidations.venue = gaps.venue
                and liquidations.event_second between gaps.from_second and gaps.to_second
        ) as lacks_a_second,

    from liquidations

),

-- Nothing can be estimated without the rule, without knowing which of the hour's seconds were
-- received, and without the seconds of all events.
final as (

    select
        timed.hour_at,
        timed.venue,
        timed.base_asset,
        timed.instrument,
        timed.liquidated_side,
        timed.notional_usd,
        timed.event_minute,
        coalesce(timed.publication_second, timed.event_second)::integer as published_second,
        case
            when (coverage.is_complete or gap_hours.hour_at is not null)
                and not bool_or(timed.lacks_a_second) over (
                    partition by timed.hour_at, timed.venue, timed.base_asset, timed.instrument
                )
                then coalesce(coverage.publication_rule, 'unknown')
            else 'unknown'
        end as publication_rule,

    from timed
    left join coverage
        on timed.hour_at = coverage.hour_at
        and timed.venue = coverage.venue
    left join gap_hours
        on timed.hour_at = gap_hours.hour_at
        and timed.venue = gap_hours.venue

    where coverage.publication_rule is distinct from 'full'

)

from final
