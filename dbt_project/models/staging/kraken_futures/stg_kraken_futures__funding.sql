-- rate: relative, per hour since 2022; positive means that longs pay. The tickers' `fundingRate` is in
--   dollars per contract and is not used.
--   A client's tests hold open, high, low and close where the pages hold a number: the close is taken.
-- interval: not published; from the settlements, else as the venue documents it (int_funding_intervals).
-- time: `timestamp`; analytics in ms, as two lists joined by position.
-- https://docs.kraken.com/api/docs/futures-api/trading/historical-funding-rates
with

analytics as (

    select
        * exclude (entry),
        regexp_extract(url, '/analytics/([^/]+)/funding$', 1) as instrument,
        {{ epoch_ms_at("entry::varchar") }} as observed_at,
        if(json_type(rate) = 'ARRAY', rate ->> 3, rate ->> '$') as funding_rate,

    from {{ rest_rows(
        'kraken_futures', 'funding', ['/funding'], rows_at='$.result.timestamp',
        lists={'rate': '$.result.data.relativeRate'}
    ) }}

),

settlements as (

    select
        * exclude (entry),
        upper(params ->> 'symbol') as instrument,
        {{ iso_at("entry ->> 'timestamp'") }} as observed_at,
        entry ->> 'relativeFundingRate' as funding_rate,

    from {{ rest_rows(
        'kraken_futures', 'funding', ['/historicalfundingrates'], rows_at='$.rates'
    ) }}

),

answered as (

    from analytics
    union all by name
    from settlements

),

interpreted as (

    select
        *,
        null as interval_hours,
        null::timestamp as next_funding_at,
        true as is_settled,

    from answered

),

{{ staged_funding('kraken_futures', 'interpreted') }}
