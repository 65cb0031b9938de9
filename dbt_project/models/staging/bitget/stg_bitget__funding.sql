-- rate: per interval; positive means that longs pay. A ticker's `fundingRate` is the running estimate.
-- interval: the instrument's fundInterval (hours) in the same batch; else the gap between settlements;
--   else 8 hours.
-- time: `fundingRateTimestamp`; estimates at the ticker's time.
-- https://www.bitget.com/api-doc/uta/public/Get-History-Funding-Rate
with

intervals as (

    select
        batch_id,
        entry ->> 'symbol' as instrument,
        min(nullif(try_cast(entry ->> 'fundInterval' as double), 0)) as interval_hours,

    from {{ rest_rows('bitget', 'instruments', ['/api/v3/market/instruments'], rows_at='$.data') }}

    group by all

),

settled as (

    select
        *,
        coalesce(entry ->> 'symbol', params ->> 'symbol') as instrument,
        {{ epoch_ms_at("entry ->> 'fundingRateTimestamp'") }} as observed_at,
        true as is_settled,

    from {{ rest_rows(
        'bitget', 'funding', ['/api/v3/market/history-fund-rate'], rows_at='$.data.resultList'
    ) }}

),

answered as (

    select
        *,
        {{ settlement_gap_hours() }} as gap_hours,

    from settled

    union all by name

    select
        *,
        false as is_settled,
        null::double as gap_hours,

    from {{ bitget_tickers() }}

    -- Dated contracts have no funding.
    where entry is null or nullif(entry ->> 'fundingRate', '') is not null

),

meant as (

    select
        answered.*,
        answered.entry ->> 'fundingRate' as funding_rate,
        coalesce(intervals.interval_hours, answered.gap_hours, 8) as interval_hours,

    from answered
    left join intervals using (batch_id, instrument)

),

{{ staged_funding('bitget', 'meant') }}
