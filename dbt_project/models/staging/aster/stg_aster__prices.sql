-- price: `markPrice` and `indexPrice`.
-- time: the row's `time`.
-- https://github.com/asterdex/api-docs
with

marks as (

    select
        *,
        entry ->> 'symbol' as instrument,
        {{ epoch_ms_at("entry ->> 'time'") }} as observed_at,
        entry ->> 'markPrice' as mark_usd,
        entry ->> 'indexPrice' as index_usd,

    from {{ rest_rows('aster', 'premium_index', ['/fapi/v1/premiumIndex'], single='markPrice') }}

),

{{ staged_price_points('aster', 'marks') }}
