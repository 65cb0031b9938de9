-- One row per counted liquidation of a venue that may not have published all of the hour's. Rebuilt in
-- full: it holds only the events of the current run, which are read several times.
{{ config(materialized='table') }}

{#-
    2026-11-26: of a venue that publishes one event per second, hardly two share a second of the clock
    that it counts. OKX pushes several orders in one frame, so that 15 to 40% share a second of receipt,
    and none one of their own times; on the venues' own clocks it is under 0.1%.
-#}
{% set max_coinciding_share = 0.05 %}
{#-
    2026-11-26: where a second begins with an order, the closest of 1,343 recorded pairs is 979 ms apart.
    Where a clock counts it, of the pairs within two seconds 40% are closer than that.
-#}
{% set min_seconds_apart, max_closer_share = 0.9, 0.05 %}
{%- set published_or_received -%}
    case facts.publication_clock
        when 'venue' then facts.published_at
        when 'receive' then facts.received_at
    end
{%- endset %}

with

windows_from_order as (

    select
        venue,
        publication_rule,
        valid_from,
        coalesce(valid_to, timestamp '9999-12-31') as valid_to,

    from {{ ref('dim_venues') }}

    where publication_window = 'from_order'

),

coverage as (

    select
        *,
        0 < (
            select count(*),

            from windows_from_order

            where hours.venue = windows_from_order.venue
                and hours.publication_rule = windows_from_order.publication_rule
                and hours.hour_at + interval 1 hour > windows_from_order.valid_from
                and hours.hour_at < windows_from_order.valid_to
        ) as is_from_order,

    from {{ ref('int_venue_coverage_hourly') }} as hours

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

-- A channel publishes at most one event per second: an instrument, or a side of one.
liquidations as (

    select
        facts.hour_at,
        facts.venue,
        facts.base_asset,
        facts.instrument,
        facts.liquidated_side,
        facts.notional_usd,
        minute(facts.event_at) as event_minute,
        date_diff('second', facts.hour_at, facts.event_at) as event_second,
        date_diff('microsecond', facts.hour_at, {{ published_or_received }}) / 1e6
            as publication_instant,
        date_diff('second', facts.hour_at, facts.publication_second_at) as publication_second,
        facts.publication_clock,
        coverage.publication_rule,
        coalesce(coverage.is_from_order, false) as is_stated_from_order,
        coalesce(coverage.is_complete, false) as is_complete,
        -- How a venue publishes is judged by all of its events of the hour.
        max(greatest(facts.available_at, coverage.available_at)) over (
            partition by facts.hour_at, facts.venue
        ) as available_at,
        case
            when coverage.publication_rule = 'one_per_symbol_side_second_largest'
                then facts.liquidated_side
        end as channel_side,

    from {{ ref('fct_liquidations') }} as facts
    left join coverage
        on facts.hour_at = coverage.hour_at
        and facts.venue = coverage.venue

    where {{ counted_liquidations() }}
        and facts.hour_at in {{ build_hours() }}
        and coverage.publication_rule is distinct from 'full'

),

apart as (

    select
        *,
        publication_instant - lag(publication_instant) over (
            partition by hour_at, venue, instrument order by publication_instant
        ) as seconds_apart,

    from liquidations

),

-- An order can only begin a second where no other is within it: else a clock counts it.
windowed as (

    select
        *,
        is_stated_from_order
        and count(case when seconds_apart < {{ min_seconds_apart }} then 1 end) over venue_hour
            <= {{ max_closer_share }}
            * count(case when seconds_apart < 2 then 1 end) over venue_hour as is_from_order,

    from apart

    window venue_hour as (partition by hour_at, venue)

),

shared as (

    select
        *,
        not is_from_order
        and publication_second is not null
        and count(*) over (
            partition by hour_at, venue, instrument, channel_side, publication_second
        ) > 1 as shares_publication_second,
        count(*) over (
            partition by hour_at, venue, instrument, channel_side, event_second
        ) > 1 as shares_event_second,

    from windowed

),

-- Where times of receipt are not the clock that the venue counts by, those of the events may be.
clocked as (

    select
        *,
        avg(shares_publication_second::integer) over venue_hour
            <= {{ max_coinciding_share }} as is_by_publication,
        not is_from_order
        and bool_and(publication_clock = 'receive') over venue_hour
        and avg(shares_event_second::integer) over venue_hour
            <= {{ max_coinciding_share }} as is_by_event,

    from shared

    window venue_hour as (partition by hour_at, venue)

),

-- Published in the second after its hour, an event counts in the hour's last.
timed as (

    select
        *,
        case
            when is_from_order and publication_instant is not null
                then greatest(0, least(publication_instant, 3599.999999))
            when is_by_publication and publication_second is not null
                then greatest(0, least(publication_second, 3599))
            when is_by_event and not is_by_publication then event_second
        end as channel_second,

    from clocked

),

-- What came by another way than the stream, outside of the stream's gaps, was published in an unknown
-- second.
placed as (

    select
        *,
        channel_second is null
        and not exists (
            select 1,

            from gaps
            where timed.hour_at = gaps.hour_at
                and timed.venue = gaps.venue
                and timed.event_second between gaps.from_second and gaps.to_second
        ) as lacks_a_second,

    from timed

),

-- Nothing can be estimated without the rule, without knowing which of the hour's seconds were
-- received, and without the seconds of all events.
final as (

    select
        placed.hour_at,
        placed.venue,
        placed.base_asset,
        placed.instrument,
        placed.liquidated_side,
        placed.notional_usd,
        placed.event_minute,
        coalesce(placed.channel_second, placed.event_second)::double as published_second,
        case
            when (placed.is_complete or gap_hours.hour_at is not null)
                and not bool_or(placed.lacks_a_second) over (
                    partition by placed.hour_at, placed.venue, placed.base_asset, placed.instrument
                )
                then coalesce(
                    placed.publication_rule || if(placed.is_from_order, '_from_order', ''),
                    'unknown'
                )
            else 'unknown'
        end as publication_rule,
        placed.available_at,

    from placed
    left join gap_hours
        on placed.hour_at = gap_hours.hour_at
        and placed.venue = gap_hours.venue

)

from final
