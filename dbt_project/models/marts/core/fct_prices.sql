with

sightings as (

    from {{ ref('int_prices_unioned') }}

    where hour_at in {{ build_hours() }}

),

final as (

    select
        venue,
        instrument,
        base_asset,
        quote_asset,
        price_kind,
        observed_at,
        available_at,
        bar_seconds,
        -- Per coin: a 1000PEPE at 0.01 is PEPE at 0.00001.
        open_usd / asset_multiplier as open_usd,
        high_usd / asset_multiplier as high_usd,
        low_usd / asset_multiplier as low_usd,
        close_usd / asset_multiplier as close_usd,
        volume_base * asset_multiplier as volume_base,
        volume_usd,
        hour_at,
        received_at,
        raw_object,
        raw_line,
        row_in_line,
        batch_id,

    from sightings

    qualify
        row_number() over (
            partition by venue, instrument, price_kind, observed_at, bar_seconds
            order by {{ winning_sighting() }}
        ) = 1

)

from final
