-- size: `volume` in contracts, `amount` in base coin, `value` in USD (linear alone); histories have
--   `volume` in contracts (amount_type 1) or base coin (2), and `value`. Taken as one-sided: the
--   documentation describes most of them as sums of both sides, but its own and ccxt's recorded sums are
--   odd numbers of contracts (4,385,435 of BTC-USDT), which two equal sides cannot add up to.
-- time: the answer's `ts`; of histories the hour that `ts` names ('recording time'), newest first.
--   Whether a running hour's figure still changes is undocumented: it counts once the hour is over.
-- https://www.htx.com/en-us/opend/newApiPages/?id=8cb7fdb9-77b5-11ed-9966-0242ac110003
-- https://huobiapi.github.io/docs/usdt_swap/v1/en/#general-query-information-on-open-interest
with

interpreted as (

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

    union all by name

    select
        * exclude (reject_reason),
        params ->> 'contract_code' as instrument,
        {{ epoch_ms_at("entry ->> 'ts'") }} as observed_at,
        if((entry ->> 'amount_type') = '1', entry ->> 'volume', null) as oi_contracts,
        if((entry ->> 'amount_type') = '2', entry ->> 'volume', null) as oi_base,
        entry ->> 'value' as oi_usd,
        case params ->> 'period'
            when '60min' then 3600 when '4hour' then 14400 when '12hour' then 43200
            when '1day' then 86400
        end as period_seconds,
        coalesce(
            reject_reason,
            if(
                {{ is_unfinished(seconds_after('observed_at', 'period_seconds')) }},
                'unfinished_bar',
                null
            )
        ) as reject_reason,

    from {{ rest_rows(
        'htx', 'past_open_interest',
        [
            '/linear-swap-api/v1/swap_his_open_interest',
            '/swap-api/v1/swap_his_open_interest',
        ],
        rows_at='$.data.tick'
    ) }}

),

{{ staged_open_interest('htx', 'interpreted') }}
