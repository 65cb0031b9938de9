{% set streamed = [
    'winners.first_published_at', 'screened.source_kind', 'screened.received_at',
    'screened.event_at',
] %}
with

screened as (

    from {{ ref('int_liquidations_screened') }}

    where reject_reason is null
        and not is_reconciling

),

sightings as (

    from {{ ref('liquidation_sightings') }}

    where hour_at in {{ build_hours() }}

),

-- Most liquidations are seen once.
seen_again as (

    select
        liquidation_id,
        max(sighting_rank) as sightings,
        min(published_at) as first_published_at,
        max(available_at) as last_available_at,

    from sightings

    where sighting_rank > 1

    group by all

),

winners as (

    select
        sightings.liquidation_id,
        sightings.raw_object,
        sightings.raw_line,
        sightings.row_in_line,
        sightings.batch_id,
        coalesce(seen_again.sightings, 1) as sightings,
        -- The first push counts, also of a sighting that does not win: another source may state no
        -- time, and a message pushed again was published before.
        least(sightings.published_at, seen_again.first_published_at) as first_published_at,
        greatest(sightings.available_at, seen_again.last_available_at) as last_available_at,

    from sightings
    left join seen_again
        on sightings.liquidation_id = seen_again.liquidation_id

    where sightings.sighting_rank = 1

),

final as (

    select
        screened.liquidation_id,
        screened.liquidation_order_id,
        screened.venue,
        screened.instrument,
        screened.base_asset,
        screened.is_listed,
        screened.quote_asset,
        screened.contract_type,
        screened.liquidated_side,
        screened.event_kind,
        screened.quantity_base,
        screened.price_usd,
        screened.price_kind,
        screened.notional_usd,
        screened.notional_price_source,
        screened.event_at,
        screened.event_at_source,
        winners.first_published_at as published_at,
        {{ publication_clock(*streamed) | indent(8) }} as publication_clock,
        {{ publication_second(*streamed) | indent(8) }} as publication_second_at,
        screened.received_at,
        screened.sealed_at,
        winners.last_available_at as available_at,
        screened.raw_side,
        screened.raw_quantity,
        screened.raw_quantity_unit,
        screened.raw_price,
        screened.raw_object,
        screened.raw_line,
        screened.row_in_line,
        screened.parser,
        screened.batch_id,
        winners.sightings::integer as sightings,
        screened.hour_at,

    from screened
    inner join winners
        on screened.liquidation_id = winners.liquidation_id
        and screened.raw_object = winners.raw_object
        and screened.raw_line = winners.raw_line
        and screened.row_in_line = winners.row_in_line
        and screened.batch_id = winners.batch_id

)

select *,

from final

-- Stored in order of time, so that a query of a few hours skips the rest of the file.
order by event_at
