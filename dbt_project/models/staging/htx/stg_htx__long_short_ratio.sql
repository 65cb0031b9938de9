-- ratio: of the top traders' accounts, and of their positions, the share that is net long over the
--   share that is net short.
-- time: `ts` in ms.
-- https://www.htx.com/en-us/opend/newApiPages/?id=8cb81ee4-77b5-11ed-9966-0242ac110003
-- https://huobiapi.github.io/docs/usdt_swap/v1/en/#general-query-top-trader-sentiment-index-function-position
with

interpreted as (

    select
        *,
        params ->> 'contract_code' as instrument,
        {{ epoch_ms_at("entry ->> 'ts'") }} as observed_at,
        if(
            ends_with(url, '/swap_elite_position_ratio'), 'top_positions', 'top_accounts'
        ) as ratio_kind,
        round(
            try_cast(entry ->> 'buy_ratio' as double)
            / nullif(try_cast(entry ->> 'sell_ratio' as double), 0),
            4
        ) as long_short_ratio,

    from {{ rest_rows(
        'htx', 'long_short_ratio',
        ['/v1/swap_elite_account_ratio', '/v1/swap_elite_position_ratio'],
        rows_at='$.data.list'
    ) }}

),

{{ staged_long_short_ratio('htx', 'interpreted') }}
