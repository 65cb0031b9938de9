-- ratio: of the top traders' accounts, share that is net long over share that is net short.
-- time: `ts` in ms.
-- https://www.htx.com/en-us/opend/newApiPages/?id=8cb81ee4-77b5-11ed-9966-0242ac110003
with

meant as (

    select
        *,
        params ->> 'contract_code' as instrument,
        {{ epoch_ms_at("entry ->> 'ts'") }} as observed_at,
        'top_accounts' as ratio_kind,
        round(
            try_cast(entry ->> 'buy_ratio' as double)
            / nullif(try_cast(entry ->> 'sell_ratio' as double), 0),
            4
        ) as long_short_ratio,

    from {{ rest_rows(
        'htx', 'long_short_ratio',
        ['/linear-swap-api/v1/swap_elite_account_ratio', '/swap-api/v1/swap_elite_account_ratio'],
        rows_at='$.data.list'
    ) }}

),

{{ staged_long_short_ratio('htx', 'meant') }}
