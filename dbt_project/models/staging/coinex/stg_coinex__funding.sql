-- rate: per interval; positive means that longs pay. latest_funding_rate was settled last,
--   next_funding_rate is the running estimate.
-- interval: from the last to the next settlement; of histories by their steps (int_funding_intervals).
-- time: `funding_time` in ms; estimates at the time of receipt.
-- https://docs.coinex.com/api/v2/futures/market/http/list-market-funding-rate-history
with

settled as (

    select
        *,
        trim(entry ->> 'market') as instrument,
        {{ epoch_ms_at("entry ->> 'funding_time'") }} as observed_at,
        entry ->> 'actual_funding_rate' as funding_rate,
        true as is_settled,

    from {{ rest_rows(
        'coinex', 'funding', ['/v2/futures/funding-rate-history'], rows_at='$.data'
    ) }}

),

interpreted as (

    select
        *,
        null as interval_hours,
        null::timestamp as next_funding_at,

    from settled

    union all by name

    select
        *,
        trim(entry ->> 'market') as instrument,
        coalesce(received_at, sealed_at) as observed_at,
        entry ->> 'next_funding_rate' as funding_rate,
        false as is_settled,
        {{ epoch_ms_at("entry ->> 'next_funding_time'") }} as next_funding_at,
        nullif(
            date_diff(
                'hour', {{ epoch_ms_at("entry ->> 'latest_funding_time'") }}, next_funding_at
            ),
            0
        ) as interval_hours,

    from {{ rest_rows('coinex', 'funding', ['/v2/futures/funding-rate'], rows_at='$.data') }}

),

{{ staged_funding('coinex', 'interpreted') }}
