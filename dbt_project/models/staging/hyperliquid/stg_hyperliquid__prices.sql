-- price: `markPx`, and `oraclePx` as the index (a median of other venues' spot prices).
-- time: ours, since the answer has no clock; the archive's files have a minute.
-- https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/info-endpoint/perpetuals
with

points as (

    select
        contexts.* exclude (row_in_line),
        row_in_line * 2 - if(price.kind = 'mark', 1, 0) as row_in_line,
        coin as instrument,
        price.kind as price_kind,
        null::integer as bar_seconds,
        observed_at as known_at,
        if(price.kind = 'mark', mark_px, oracle_px) as open_usd,
        open_usd as high_usd,
        open_usd as low_usd,
        open_usd as close_usd,
        null::varchar as volume_base,
        null::varchar as volume_usd,

    from {{ hyperliquid_contexts() }} as contexts,
        (
            values ('mark'), ('index')
        ) as price(kind)

    where not is_delisted

),

{{ staged_bars('hyperliquid', 'points') }}
