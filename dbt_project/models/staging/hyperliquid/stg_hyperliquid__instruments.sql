-- size: one base coin, whatever the coin; the venue calls a thousand PEPE kPEPE.
-- state: delisted coins stay in the list (`isDelisted`), so that positions in the list hold.
-- https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/info-endpoint/perpetuals
with

listed as (

    select
        *,
        coin as instrument,
        'linear' as contract_type,
        coin as venue_asset,
        'USDC' as quote_asset,
        1 as contract_size,
        if(is_delisted, 'delisted', 'trading') as status,
        null::timestamp as listed_at,

    from {{ hyperliquid_contexts() }}

    where source_kind = 'rest'

),

{{ staged_instruments('hyperliquid', 'listed') }}
