with

accepted as (

    from {{ ref('int_reported_liquidations_screened') }}

    where hour_at in {{ build_hours() }}
        and sighting_rank = 1

),

final as (

    select
        venue as source,
        exchange,
        {{ venue_of_exchange('exchange') }} as venue,
        instrument,
        {{ normalised_asset('venue_asset') }} as base_asset,
        observed_at,
        bar_seconds,
        long_usd,
        short_usd,
        long_usd + short_usd as total_usd,
        long_base,
        short_base,
        hour_at,
        received_at,
        raw_object,
        raw_line,
        row_in_line,
        batch_id,

    from accepted

)

from final
