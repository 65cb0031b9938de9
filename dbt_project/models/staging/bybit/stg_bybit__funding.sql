-- rate: as published for its interval; positive means that longs pay. A ticker's `fundingRate` is the
--   running estimate of the next settlement.
-- interval: the ticker's fundingIntervalHour; of settlements by their steps, and by what tickers and
--   instruments listed then (int_funding_intervals).
-- time: fundingRateTimestamp (newest first); estimates at the answer's `time`.
-- https://bybit-exchange.github.io/docs/v5/market/history-fund-rate
with

history_answers as (

    from {{ rest_rows(
        'bybit', 'funding', ['/v5/market/funding/history'], rows_at='$.result.list'
    ) }}

),

ticker_answers as (

    from {{ bybit_tickers() }}

),

settled as (

    select
        *,
        coalesce(entry ->> 'symbol', params ->> 'symbol') as instrument,
        {{ epoch_ms_at("entry ->> 'fundingRateTimestamp'") }} as observed_at,
        null as interval_hours,
        null::timestamp as next_funding_at,
        true as is_settled,

    from history_answers

),

estimates as (

    select
        *,
        entry ->> 'symbol' as instrument,
        {{ epoch_ms_at('answered_ms') }} as observed_at,
        nullif(nullif(entry ->> 'fundingIntervalHour', ''), '0') as interval_hours,
        {{ epoch_ms_at("entry ->> 'nextFundingTime'") }} as next_funding_at,
        false as is_settled,

    from ticker_answers

    -- Dated contracts have no funding, and an empty rate.
    where entry is null or nullif(entry ->> 'fundingRate', '') is not null

),

answered as (

    from settled
    union all by name
    from estimates

),

interpreted as (

    select
        *,
        entry ->> 'fundingRate' as funding_rate,

    from answered

),

{{ staged_funding('bybit', 'interpreted') }}
