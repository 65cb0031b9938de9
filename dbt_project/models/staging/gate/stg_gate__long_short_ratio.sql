-- ratio: of all accounts, of the top accounts and of their positions, and of the takers' volumes.
-- time: `time` in seconds.
-- https://www.gate.com/docs/developers/apiv4/en/#futures-stats
with

statistics as (

    select
        *,
        unnest([
            { 'place': 1, 'kind': 'accounts', 'ratio': entry ->> 'lsr_account' },
            { 'place': 2, 'kind': 'top_accounts', 'ratio': entry ->> 'top_lsr_account' },
            { 'place': 3, 'kind': 'top_positions', 'ratio': entry ->> 'top_lsr_size' },
            { 'place': 4, 'kind': 'taker_volume', 'ratio': entry ->> 'lsr_taker' }
        ]) as listed,

    from {{ gate_contract_stats() }}

),

interpreted as (

    select
        * replace ((row_in_line - 1) * 4 + listed.place as row_in_line),
        listed.kind as ratio_kind,
        listed.ratio as long_short_ratio,

    from statistics

    -- A ratio that was not measured is left out.
    where listed.ratio is not null or (reject_reason is not null and listed.place = 1)

),

{{ staged_long_short_ratio('gate', 'interpreted') }}
