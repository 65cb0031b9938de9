-- size: one base coin for every coin; kPEPE is a thousand PEPE.
-- names: xyz:TSLA is TSLA on the builder-deployed exchange xyz; an exchange's `collateralToken` is the
--   quote asset of its contracts (seed hyperliquid_collateral_tokens).
-- state: delisted coins stay in the list (`isDelisted`), so that places in the list do not change.
-- https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/info-endpoint/perpetuals
with

listed as (

    select
        *,
        coin as instrument,
        'linear' as contract_type,
        {{ symbol_parts('hyperliquid', 'coin')['venue_asset'] }} as venue_asset,
        1 as contract_size,
        if(is_delisted, 'delisted', 'trading') as status,
        null::timestamp as listed_at,

    from {{ hyperliquid_contexts() }}

    where source_kind = 'rest'

),

{{ staged_instruments('hyperliquid', 'listed') }}
