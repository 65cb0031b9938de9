-- rate: per interval; positive means that longs pay. A ticker's `fundingRate` is the running estimate.
-- interval: not in the row; from the settlements and the instrument's fundInterval as listed then
--   (int_funding_intervals).
-- time: `fundingRateTimestamp`; estimates at the ticker's time.
-- https://www.bitget.com/api-doc/uta/public/Get-History-Funding-Rate
with

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

    from settled

    union all by name

    select
        *,
        false as is_settled,

    from {{ bitget_tickers() }}

    -- Dated contracts have no funding.
    where entry is null or nullif(entry ->> 'fundingRate', '') is not null

),

interpreted as (

    select
        *,
        entry ->> 'fundingRate' as funding_rate,
        null as interval_hours,
        {{ epoch_ms_at("entry ->> 'nextFundingTime'") }} as next_funding_at,

    from answered

),

{{ staged_funding('bitget', 'interpreted') }}
