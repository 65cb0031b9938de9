-- One row per countable event of the hours being rebuilt: how it stands to the other events of its
-- venue's hour and to the asset's prices, and whether that makes it a fault of the feed. A fault is
-- rejected only where a whole hour shows it (docs/reconciliation.md). Rebuilt in full: it holds only
-- the events of the current run.
{{ config(materialized='table') }}

{#-
    2026-11-26: of 1,700 recorded and 111,000 simulated events not one has an equal one of the other
    side within a second. A hedged account may make one.
-#}
{% set min_paired_events, min_paired_share = 4, 0.1 %}
{#-
    2026-11-26: fills of one order and events dated by the second are alike by themselves: up to half of
    the groups of a small hour (hyperliquid), under a quarter elsewhere.
-#}
{% set min_doubled_groups, min_doubled_share = 5, 0.9 %}
{#- 2026-11-26: far from any factor of ten, and room for bankruptcy prices. -#}
{% set unit_tolerance = 0.1 %}
{% set min_priced_events = 5 %}
{%- set trade_hash = 'hash(venue, hour_at, instrument, quantity_base, price_usd)' %}

with

first_sources as (

    from {{ ref('int_liquidation_first_sources') }}

),

seen_again as (

    from {{ ref('int_liquidations_seen_again') }}

),

-- Inlined, so that each CTE that selects from it scans only the columns it needs: materialized, all
-- columns of millions of rows would spill to disk.
countable as not materialized (

    select valued.*,

    from {{ ref('int_liquidations_valued') }} as valued
    left join first_sources
        on valued.venue = first_sources.venue
        and valued.hour_at = first_sources.hour_at

    where valued.reject_reason is null
        and not {{ is_reconciling() | indent(8) }}
        and {{ counted_liquidations() }}

),

-- Once per event, however many sources report it.
first_sightings as (

    select
        countable.* replace (
            max(countable.available_at) over (
                partition by countable.liquidation_id
            ) as available_at
        ),

    from countable
    semi join seen_again
        on countable.liquidation_id = seen_again.liquidation_id

    qualify
        row_number() over (
            partition by countable.liquidation_id
            order by
                countable.raw_object,
                countable.raw_line,
                countable.row_in_line,
                countable.batch_id
        ) = 1

),

events as not materialized (

    select countable.*,

    from countable
    anti join seen_again
        on countable.liquidation_id = seen_again.liquidation_id

    union all

    from first_sightings

),

-- Most events have a size and price of their own; only the others are compared with each other. Trades
-- whose hashes happen to agree are told apart there.
equal_trades as (

    select {{ trade_hash }} as trade_hash,

    from events

    group by all

    having count(*) > 1

),

-- With the natural key, which orders copies of one event.
comparable as (

    select
        events.liquidation_id,
        events.venue,
        events.hour_at,
        events.instrument,
        events.event_kind,
        events.liquidated_side,
        events.event_at,
        events.quantity_base,
        events.price_usd,
        events.batch_id,
        events.raw_object,
        events.raw_line,
        events.row_in_line,

    from events

    where {{ trade_hash }} in (select trade_hash, from equal_trades)

),

keyed as (

    select
        comparable.*,
        staged.natural_key,
        staged.occurrence_number,

    from {{ ref('int_liquidations_unioned') }} as staged
    inner join comparable
        on staged.batch_id = comparable.batch_id
        and staged.raw_object = comparable.raw_object
        and staged.raw_line = comparable.raw_line
        and staged.row_in_line = comparable.row_in_line

    where staged.hour_at in {{ build_hours() }}

),

-- Equal events of the other side: within a second, and as many as chance brings in 300 times as long.
-- Copies of one event under several ids, in an order that does not depend on which came first.
alike as (

    select
        liquidation_id,
        venue,
        hour_at,
        case liquidated_side
            when 'long' then count(case when liquidated_side = 'short' then 1 end) over a_second
            else count(case when liquidated_side = 'long' then 1 end) over a_second
        end as opposite_events,
        case liquidated_side
            when 'long' then count(case when liquidated_side = 'short' then 1 end) over minutes
            else count(case when liquidated_side = 'long' then 1 end) over minutes
        end - opposite_events as opposite_events_later,
        -- Of two legs the rows do not say which was liquidated: the one that the feed gives first counts.
        first_value(liquidated_side) over (
            trade order by raw_object, raw_line, row_in_line
        ) as first_side,
        count(*) over equal_events as copies,
        row_number() over (
            equal_events order by natural_key, occurrence_number
        ) as copy_number,

    from keyed

    window
        trade as (partition by venue, hour_at, instrument, quantity_base, price_usd),
        a_second as (
            trade order by epoch_ms(event_at) range between 1000 preceding and 1000 following
        ),
        minutes as (
            trade order by epoch_ms(event_at) range between 301000 preceding and 301000 following
        ),
        equal_events as (
            partition by
                venue,
                instrument,
                event_kind,
                liquidated_side,
                event_at,
                quantity_base,
                price_usd
        )

),

-- What an instant's deleveraging closed, and what its liquidations did on the other side.
deleveraged as (

    select
        venue,
        instrument,
        event_at,
        liquidated_side,
        sum(quantity_base) as quantity_base,

    from events

    where event_kind = 'deleveraging'

    group by all

),

liquidated as (

    select
        events.venue,
        events.instrument,
        events.event_at,
        events.liquidated_side,
        sum(events.quantity_base) as quantity_base,

    from events
    semi join deleveraged
        on events.venue = deleveraged.venue
        and events.instrument = deleveraged.instrument
        and events.event_at = deleveraged.event_at

    where events.event_kind != 'deleveraging'

    group by all

),

mirrored as (

    select
        deleveraged.venue,
        deleveraged.instrument,
        deleveraged.event_at,
        deleveraged.liquidated_side,

    from deleveraged
    inner join liquidated
        on deleveraged.venue = liquidated.venue
        and deleveraged.instrument = liquidated.instrument
        and deleveraged.event_at = liquidated.event_at
        and deleveraged.liquidated_side != liquidated.liquidated_side
        and deleveraged.quantity_base = liquidated.quantity_base

),

mirrors as (

    select events.liquidation_id,

    from events
    semi join mirrored
        on events.venue = mirrored.venue
        and events.instrument = mirrored.instrument
        and events.event_at = mirrored.event_at
        and events.liquidated_side = mirrored.liquidated_side

    where events.event_kind = 'deleveraging'

),

pairs_and_copies as (

    select
        alike.*,
        alike.opposite_events > 0 and mirrors.liquidation_id is null as is_paired,

    from alike
    left join mirrors
        on alike.liquidation_id = mirrors.liquidation_id

),

-- An event that is like no other is a group of its own.
venue_hours as (

    select
        events.hour_at,
        events.venue,
        count(*) as events,

    from events

    group by all

),

alike_by_hour as (

    select
        hour_at,
        venue,
        count(*) filter (where is_paired) as paired_events,
        count(*) filter (where copy_number = 1 and copies % 2 = 0) as doubled_groups,
        count(*) filter (where copy_number > 1) as further_copies,

    from pairs_and_copies

    group by all

),

-- The hours in which pairs or copies are a fault of the feed.
faulty_hours as (

    select
        venue_hours.hour_at,
        venue_hours.venue,
        alike_by_hour.paired_events >= {{ min_paired_events }}
        and alike_by_hour.paired_events
        >= {{ min_paired_share }} * venue_hours.events as has_both_legs,
        venue_hours.events - alike_by_hour.further_copies >= {{ min_doubled_groups }}
        and alike_by_hour.doubled_groups
        >= {{ min_doubled_share }} * (venue_hours.events - alike_by_hour.further_copies)
            as has_doubled_rows,

    from venue_hours
    inner join alike_by_hour
        on venue_hours.hour_at = alike_by_hour.hour_at
        and venue_hours.venue = alike_by_hour.venue

),

-- The market's prices of the hour, whichever venues give them; a median, as one of them may be wrong.
market_prices as (

    select
        hour_at,
        base_asset,
        median(least(low_usd, close_usd) / asset_multiplier) as low_usd,
        median(greatest(high_usd, close_usd) / asset_multiplier) as high_usd,
        max(sealed_at) as available_at,

    from {{ ref('int_prices_unioned') }}

    where hour_at in {{ build_hours() }}
        and close_usd > 0

    group by all

),

-- Without any, the events' own.
event_prices as (

    select
        hour_at,
        base_asset,
        median(price_usd::double) as price_usd,

    from events

    where price_kind not in ('entry', 'unknown')

    group by all

    having count(*) >= {{ min_priced_events }}

),

priced as (

    select
        events.* replace (
            greatest(events.available_at, market_prices.available_at) as available_at
        ),
        coalesce(market_prices.low_usd, event_prices.price_usd) as low_usd,
        coalesce(market_prices.high_usd, event_prices.price_usd) as high_usd,

    from events
    left join market_prices
        on events.hour_at = market_prices.hour_at
        and events.base_asset = market_prices.base_asset
    left join event_prices
        on events.hour_at = event_prices.hour_at
        and events.base_asset = event_prices.base_asset

),

-- The power of ten nearest to the price over the market's.
powers as (

    select
        *,
        low_usd is not null and price_kind not in ('entry', 'unknown') as has_market_price,
        try_cast(
            round({{ natural_log('price_usd::double / sqrt(low_usd * high_usd)') }} / ln(10))
            as integer
        ) as nearest_power,

    from priced

),

compared as (

    select
        priced.* exclude (nearest_power),
        case
            when priced.has_market_price
                and priced.nearest_power != 0
                and priced.price_usd::double / 10::double ** priced.nearest_power
                between priced.low_usd * {{ 1 - unit_tolerance }}
                and priced.high_usd * {{ 1 + unit_tolerance }}
                then priced.nearest_power
        end as price_power,
        mirrors.liquidation_id is not null as mirrors_liquidation,
        coalesce(alike.is_paired, false) as is_paired,
        coalesce(alike.opposite_events_later, 0) as opposite_events_later,
        alike.first_side,
        coalesce(alike.copies % 2 = 0 and alike.copy_number > alike.copies / 2, false) as is_copy,

    from powers as priced
    left join pairs_and_copies as alike
        on priced.liquidation_id = alike.liquidation_id
    left join mirrors
        on priced.liquidation_id = mirrors.liquidation_id

),

final as (

    select
        compared.liquidation_id,
        compared.venue,
        compared.hour_at,
        compared.base_asset,
        compared.event_kind,
        compared.notional_usd,
        compared.raw_object,
        compared.raw_line,
        compared.has_market_price,
        compared.price_power,
        compared.mirrors_liquidation,
        compared.is_paired,
        compared.opposite_events_later,
        compared.available_at,
        compared.is_copy,
        case
            when compared.price_power is not null then 'price_unit'
            when compared.mirrors_liquidation then 'mirrored_adl'
            when compared.is_paired
                and compared.liquidated_side != compared.first_side
                and faulty_hours.has_both_legs
                then 'both_legs'
            when compared.is_copy and faulty_hours.has_doubled_rows then 'doubled_row'
        end as reject_reason,

    from compared
    left join faulty_hours
        on compared.hour_at = faulty_hours.hour_at
        and compared.venue = faulty_hours.venue

)

from final
