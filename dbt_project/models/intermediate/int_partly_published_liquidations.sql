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
{#- Of hours whose rule does not state it, it is not so. -#}
{% set is_from_order = 'coalesce(orders_apart.are_apart, false)' %}
{%- set published_or_received -%}
    case facts.publication_clock
        when 'venue' then facts.published_at
        when 'receive' then facts.received_at
    end
{%- endset %}

with

-- What is read several times is computed once where it is small, and again where it is all events:
-- these are wide, and reading a few columns of the facts again costs less than keeping them.
rebuilt_hours as materialized (

    from {{ build_hours() }}

),

windows_from_order as (

    select
        venue,
        publication_rule,
        valid_from,
        coalesce(valid_to, timestamp '9999-12-31') as valid_to,

    from {{ ref('dim_venues') }}

    where publication_window = 'from_order'

),

coverage as materialized (

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

    where hour_at in (from rebuilt_hours)

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
liquidations as not materialized (

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
        greatest(facts.available_at, coverage.available_at) as available_at,
        case
            when coverage.publication_rule = 'one_per_symbol_side_second_largest'
                then facts.liquidated_side
        end as channel_side,

    from {{ ref('fct_liquidations') }} as facts
    left join coverage
        on facts.hour_at = coverage.hour_at
        and facts.venue = coverage.venue

    where {{ counted_liquidations() }}
        and facts.hour_at in (from rebuilt_hours)
        and coverage.publication_rule is distinct from 'full'

),

-- An order can only begin a second where no other is within it: else a clock counts it.
apart as (

    select
        hour_at,
        venue,
        publication_instant - lag(publication_instant) over (
            partition by hour_at, venue, instrument order by publication_instant
        ) as seconds_apart,

    from liquidations

    where is_stated_from_order

),

orders_apart as (

    select
        hour_at,
        venue,
        count(case when seconds_apart < {{ min_seconds_apart }} then 1 end)
            <= {{ max_closer_share }} * count(case when seconds_apart < 2 then 1 end)
            as are_apart,

    from apart

    group by hour_at, venue

),

-- How a venue publishes is judged by all of its events of the hour.
venue_hours as (

    select
        hour_at,
        venue,
        bool_and(publication_clock = 'receive') as is_clocked_by_receipt,
        max(available_at) as available_at,

    from liquidations

    group by hour_at, venue

),

{% for clock in ['publication', 'event'] %}
by_{{ clock }}_second as (

    select
        hour_at,
        venue,
        instrument,
        channel_side,
        {{ clock }}_second,
        count(*) as events,

    from liquidations

    group by all

),

by_{{ clock }} as (

    select
        hour_at,
        venue,
        sum(case when events > 1 and {{ clock }}_second is not null then events else 0 end)
            / sum(events) as coinciding_share,

    from by_{{ clock }}_second

    group by hour_at, venue

),

{% endfor %}
-- Where times of receipt are not the clock that the venue counts by, those of the events may be.
clocks as materialized (

    select
        venue_hours.*,
        {{ is_from_order }} as is_from_order,
        {{ is_from_order }}
        or by_publication.coinciding_share <= {{ max_coinciding_share }} as is_by_publication,
        not {{ is_from_order }}
        and venue_hours.is_clocked_by_receipt
        and by_event.coinciding_share <= {{ max_coinciding_share }} as is_by_event,

    from venue_hours
    inner join by_publication
        on venue_hours.hour_at = by_publication.hour_at
        and venue_hours.venue = by_publication.venue
    inner join by_event
        on venue_hours.hour_at = by_event.hour_at
        and venue_hours.venue = by_event.venue
    left join orders_apart
        on venue_hours.hour_at = orders_apart.hour_at
        and venue_hours.venue = orders_apart.venue

),

-- Published in the second after its hour, an event counts in the hour's last.
timed as not materialized (

    select
        liquidations.* replace (clocks.available_at as available_at),
        clocks.is_from_order,
        case
            when clocks.is_from_order and liquidations.publication_instant is not null
                then greatest(0, least(liquidations.publication_instant, 3599.999999))
            when clocks.is_by_publication and liquidations.publication_second is not null
                then greatest(0, least(liquidations.publication_second, 3599))
            when clocks.is_by_event and not clocks.is_by_publication then liquidations.event_second
        end as channel_second,

    from liquidations
    inner join clocks
        on liquidations.hour_at = clocks.hour_at
        and liquidations.venue = clocks.venue

),

-- What came by another way than the stream, outside of the stream's gaps, was published in an unknown
-- second.
placed as not materialized (

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

lacking as (

    select distinct
        hour_at,
        venue,
        base_asset,
        instrument,

    from placed

    where lacks_a_second

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
                and lacking.hour_at is null
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
    left join lacking
        on placed.hour_at = lacking.hour_at
        and placed.venue = lacking.venue
        and placed.base_asset = lacking.base_asset
        and placed.instrument = lacking.instrument

)

from final
