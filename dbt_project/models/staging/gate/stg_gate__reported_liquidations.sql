-- side: `long_liq_usd` of long positions, `short_liq_usd` of short ones: the venue's own sums.
-- unit: USD.
-- time: `time` in seconds, taken as the start of the interval, which is not documented.
-- https://www.gate.com/docs/developers/apiv4/en/#futures-stats
with

statistics as (

    from {{ gate_contract_stats() }}

),

interpreted as (

    select
        *,
        'Gate' as exchange,
        {{ parse_symbol('gate', 'instrument') }}.venue_asset as asset,
        {{ bar_seconds("params ->> 'interval'") }} as bar_seconds,
        entry ->> 'long_liq_usd' as long_usd,
        entry ->> 'short_liq_usd' as short_usd,

    from statistics

    -- Statistics of earlier years have no such sums.
    where reject_reason is not null
        or coalesce(entry ->> 'long_liq_usd', entry ->> 'short_liq_usd') is not null

),

{{ staged_reported_liquidations('gate', 'interpreted') }}
