-- What venues list as a contract's funding interval, each time that it was read: instrument lists, and the
-- running rates that state it. An instrument of *linear or *inverse stands for all contracts of that type
-- that the same answer does not name.
{% set listing_venues = ['binance', 'bybit', 'bitget'] %}
with

listed as (

    {% for venue in listing_venues %}
    from {{ ref('stg_' ~ venue ~ '__funding_intervals') }}
    {% if not loop.last %}union all by name{% endif %}
    {% endfor %}

),

running as (

    from {{ ref('int_funding_sightings') }}

    where not is_settled
        and interval_hours is not null

),

unioned as (

    select
        batch_id,
        venue,
        instrument,
        observed_at,
        interval_hours,
        hour_at,

    from listed

    where reject_reason is null

    union all

    select
        batch_id,
        venue,
        instrument,
        observed_at,
        interval_hours,
        hour_at,

    from running

)

from unioned
