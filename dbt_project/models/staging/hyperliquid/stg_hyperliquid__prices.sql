-- price: `markPx`, and `oraclePx` as the index (a median of other venues' spot prices).
-- time: of receipt, since the answer has no timestamp; the archive's files have a minute.
-- https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/info-endpoint/perpetuals
with

marks as (

    select
        *,
        coin as instrument,
        mark_px as mark_usd,
        oracle_px as index_usd,

    from {{ hyperliquid_contexts() }}

    where not is_delisted

),

{{ staged_price_points(
    'hyperliquid', 'marks', parsed_symbol=hyperliquid_symbol_parts_in('coin', 'quote_asset')
) }}
