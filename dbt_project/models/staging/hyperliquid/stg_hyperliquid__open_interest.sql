-- size: one-sided, in base coin; no USD value.
-- coins and their contexts are two lists, joined by position; delisted coins have none open.
-- time: of receipt, since the answer has no timestamp; the archive's files have a minute.
-- https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/info-endpoint/perpetuals
with

interpreted as (

    select
        *,
        coin as instrument,
        null::varchar as oi_contracts,
        open_interest as oi_base,
        null::varchar as oi_usd,

    from {{ hyperliquid_contexts() }}

    where not is_delisted

),

{{ staged_open_interest(
    'hyperliquid', 'interpreted', required=['oi_base'],
    parsed_symbol=hyperliquid_symbol_parts_in('coin', 'quote_asset')
) }}
