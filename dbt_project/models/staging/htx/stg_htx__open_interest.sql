-- size: `volume` in contracts, `amount` in base coin, `value` in USD (linear alone), one-sided.
-- time: the answer's `ts`.
-- https://www.htx.com/en-us/opend/newApiPages/?id=8cb7fdb9-77b5-11ed-9966-0242ac110003
with

meant as (

    select
        *,
        entry ->> 'contract_code' as instrument,
        {{ epoch_ms_at('answered_ms') }} as observed_at,
        entry ->> 'volume' as oi_contracts,
        entry ->> 'amount' as oi_base,
        entry ->> 'value' as oi_usd,

    from {{ rest_rows(
        'htx', 'open_interest',
        ['/linear-swap-api/v1/swap_open_interest', '/swap-api/v1/swap_open_interest'],
        rows_at='$.data', answered={'answered_ms': '$.ts'}
    ) }}

),

{{ staged_open_interest('htx', 'meant', required=['oi_contracts']) }}
