{% set streamed = ['first_published_at', 'source_kind', 'received_at', 'event_at'] %}
with

screened as not materialized (

    from {{ ref('int_liquidations_screened') }}

    where reject_reason is null
        and not is_reconciling

),

-- Most liquidations are seen once.
seen_again as (

    from {{ ref('int_liquidations_seen_again') }}

),

sightings as (

    select sightings.*,

    from {{ ref('liquidation_sightings') }} as sightings
    semi join seen_again
        on sightings.liquidation_id = seen_again.liquidation_id

    where sightings.hour_at in {{ build_hours() }}

),

-- The first push counts, also of a sighting that does not win: another source may state no time, and a
-- message pushed again was published before.
winners as (

    select
        liquidation_id,
        raw_object,
        raw_line,
        row_in_line,
        batch_id,
        count(*) over all_sightings as sightings,
        min(published_at) over all_sightings as first_published_at,
        max(available_at) over all_sightings as last_available_at,

    from sightings

    window all_sightings as (partition by liquidation_id)

    qualify sighting_rank = 1

),

chosen as (

    select
        screened.*,
        1 as sightings,
        screened.published_at as first_published_at,
        screened.available_at as last_available_at,

    from screened
    anti join seen_again
        on screened.liquidation_id = seen_again.liquidation_id

    union all

    select
        screened.*,
        winners.sightings,
        winners.first_published_at,
        winners.last_available_at,

    from screened
    inner join winners
        on screened.liquidation_id = winners.liquidation_id
        and screened.raw_object = winners.raw_object
        and screened.raw_line = winners.raw_line
        and screened.row_in_line = winners.row_in_line
        and screened.batch_id = winners.batch_id

),

final as (

    select
        liquidation_id,
        liquidation_order_id,
        venue,
        instrument,
        base_asset,
        is_listed,
        quote_asset,
        contract_type,
        liquidated_side,
        event_kind,
        quantity_base,
        price_usd,
        price_kind,
        notional_usd,
        notional_price_source,
        event_at,
        event_at_source,
        first_published_at as published_at,
        {{ publication_clock(*streamed) | indent(8) }} as publication_clock,
        {{ publication_second(*streamed) | indent(8) }} as publication_second_at,
        received_at,
        sealed_at,
        last_available_at as available_at,
        raw_side,
        raw_quantity,
        raw_quantity_unit,
        raw_price,
        raw_object,
        raw_line,
        row_in_line,
        parser,
        batch_id,
        sightings::integer as sightings,
        hour_at,

    from chosen

)

select *,

from final

-- Stored in order of time, so that a query of a few hours skips the rest of the file.
order by event_at
