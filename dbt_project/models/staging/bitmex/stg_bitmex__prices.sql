-- price: `markPrice`, and indicativeSettlePrice as the index.
-- time: the row's `timestamp`.
-- https://www.bitmex.com/api/explorer/#!/Instrument/Instrument_getActive
with

marks as (

    select
        *,
        entry ->> 'markPrice' as mark_usd,
        entry ->> 'indicativeSettlePrice' as index_usd,

    from {{ bitmex_instruments() }}

    -- Contracts between two coins have no price in dollars.
    where entry is null or (entry ->> 'quoteCurrency') in {{ dollar_quotes() }}

),

{{ staged_price_points('bitmex', 'marks') }}
