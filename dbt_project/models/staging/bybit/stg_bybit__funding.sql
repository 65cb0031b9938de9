-- rate: as published for its interval; positive means that longs pay. A ticker's `fundingRate` is the
--   running estimate of the next settlement.
-- interval: the ticker's fundingIntervalHour in the same batch; else the instrument's
--   fundingInterval (minutes); else the gap between settlements; else 8 hours.
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

instrument_answers as (

    from {{ rest_rows(
        'bybit', 'instruments', ['/v5/market/instruments-info'], rows_at='$.result.list'
    ) }}

),

ticker_intervals as (

    select
        batch_id,
        entry ->> 'symbol' as instrument,
        min(try_cast(entry ->> 'fundingIntervalHour' as double)) as interval_hours,

    from ticker_answers

    group by all

),

instrument_intervals as (

    select
        batch_id,
        entry ->> 'symbol' as instrument,
        min(nullif(try_cast(entry ->> 'fundingInterval' as double), 0) / 60) as interval_hours,

    from instrument_answers

    group by all

),

settled as (

    select
        *,
        coalesce(entry ->> 'symbol', params ->> 'symbol') as instrument,
        {{ epoch_ms_at("entry ->> 'fundingRateTimestamp'") }} as observed_at,
        true as is_settled,

    from history_answers

),

settled_gaps as (

    select
        *,
        {{ settlement_gap_hours() }} as gap_hours,

    from settled

),

estimates as (

    select
        *,
        entry ->> 'symbol' as instrument,
        {{ epoch_ms_at('answered_ms') }} as observed_at,
        false as is_settled,
        null::double as gap_hours,

    from ticker_answers

    -- Dated contracts have no funding, and an empty rate.
    where entry is null or nullif(entry ->> 'fundingRate', '') is not null

),

answered as (

    from settled_gaps
    union all by name
    from estimates

),

meant as (

    select
        answered.*,
        answered.entry ->> 'fundingRate' as funding_rate,
        coalesce(
            ticker_intervals.interval_hours,
            instrument_intervals.interval_hours,
            answered.gap_hours,
            8
        ) as interval_hours,

    from answered
    left join ticker_intervals
        on answered.batch_id = ticker_intervals.batch_id
        and answered.instrument = ticker_intervals.instrument
    left join instrument_intervals
        on answered.batch_id = instrument_intervals.batch_id
        and answered.instrument = instrument_intervals.instrument

),

{{ staged_funding('bybit', 'meant') }}
