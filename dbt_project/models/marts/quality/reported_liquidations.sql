with

sightings as (

    {% for source in var('reporting_sources') %}
    from {{ ref('stg_' ~ source ~ '__reported_liquidations') }}
    union all by name
    {% endfor %}
    from {{ ref('stg_csv__reported_liquidations') }}

),

accepted as (

    from sightings

    where hour_at in {{ build_hours() }}
        and {{ is_accepted_observation() }}

    -- A source may correct its sums: what it said last stands.
    qualify
        row_number() over (
            partition by venue, exchange, instrument, observed_at, bar_seconds
            order by received_at desc nulls last, raw_object desc, raw_line desc, row_in_line desc
        ) = 1

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
        batch_id,

    from accepted

)

from final
