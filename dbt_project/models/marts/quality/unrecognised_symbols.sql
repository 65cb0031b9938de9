{%- set screened = {
    'open_interest': 'int_open_interest_screened',
    'funding': 'int_funding_screened',
    'prices': 'int_prices_screened',
    'volumes': 'int_volumes_screened',
    'long_short_ratio': 'int_long_short_ratio_screened',
} %}

with

observations as (

    {% for dataset, model in screened.items() %}
    select
        '{{ dataset }}' as dataset,
        venue,
        instrument,
        coalesce(observed_at, received_at, sealed_at) as seen_at,
        is_listed,
        batch_id,
        hour_at,
        sealed_at,

    from {{ ref(model) }}

    where is_unrecognised
        and instrument is not null
        and hour_at in {{ build_hours() }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

-- A condition is not moved over the offset: in each venue's table by itself it would compile the
-- patterns of all venues' names.
named_listings as (

    select
        venue,
        instrument,
        observed_at,
        reject_reason,
        batch_id,
        hour_at,
        sealed_at,

    from {{ ref('int_instruments_unioned') }}

    where instrument is not null
        and hour_at in {{ build_hours() }}

    offset 0  -- noqa: AM09

),

-- A contract of an unknown kind counts too, whatever its name.
listings as (

    select
        'instruments' as dataset,
        venue,
        instrument,
        observed_at as seen_at,
        reject_reason is null as is_listed,
        batch_id,
        hour_at,
        sealed_at,

    from named_listings

    where reject_reason = 'unknown_contract_type'
        or {{ venue_asset('instrument') }} is null

),

liquidations as (

    select
        'liquidations' as dataset,
        venue,
        instrument,
        coalesce(event_at, received_at, sealed_at) as seen_at,
        false as is_listed,
        batch_id,
        hour_at,
        sealed_at,

    from {{ ref('quarantined_liquidations') }}

    where reject_reason in ('garbled_symbol', 'unknown_symbol')
        and instrument is not null
        and hour_at in {{ build_hours() }}

),

seen as (

    from observations
    union all by name
    from listings
    union all by name
    from liquidations

),

final as (

    select
        hour_at,
        venue,
        dataset,
        instrument as symbol,
        count(*) as occurrences,
        count(distinct batch_id) as batches,
        min(seen_at) as first_seen_at,
        max(seen_at) as last_seen_at,
        bool_or(is_listed) as is_listed,
        max(sealed_at) as available_at,

    from seen

    group by all

)

from final
