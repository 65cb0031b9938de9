-- price: `markPrice`, and indicativeSettlePrice as the index.
-- time: the row's `timestamp`.
-- https://www.bitmex.com/api/explorer/#!/Instrument/Instrument_getActive
with

marks as (

    select
        * exclude (reject_reason),
        -- Contracts in a coin or in another currency have no price in dollars.
        case
            when reject_reason is not null then reject_reason
            when coalesce(entry ->> 'quoteCurrency', '') not in {{ dollar_quotes() }}
                then 'quote_not_usd'
        end as reject_reason,
        entry ->> 'markPrice' as mark_usd,
        entry ->> 'indicativeSettlePrice' as index_usd,

    from {{ bitmex_instruments() }}

),

{{ staged_price_points('bitmex', 'marks') }}
