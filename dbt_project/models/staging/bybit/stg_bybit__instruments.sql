-- size: linear contracts are one base coin, inverse contracts one USD.
-- names: baseCoin is the venue's own spelling (1000PEPE, SHIB1000); state: `status`.
-- https://bybit-exchange.github.io/docs/v5/market/instrument
with

listed as (

    select
        *,
        entry ->> 'symbol' as instrument,
        case
            when (entry ->> 'contractType') in ('LinearPerpetual', 'LinearFutures') then 'linear'
            when (entry ->> 'contractType') in ('InversePerpetual', 'InverseFutures')
                then 'inverse'
        end as contract_type,
        entry ->> 'baseCoin' as venue_asset,
        entry ->> 'quoteCoin' as quote_asset,
        1 as contract_size,
        entry ->> 'status' as status,
        {{ epoch_ms_at("entry ->> 'launchTime'") }} as listed_at,

    from {{ rest_rows(
        'bybit', 'instruments', ['/v5/market/instruments-info'], rows_at='$.result.list',
        answered={'category': '$.result.category'}
    ) }}

    where coalesce(category, '') not in ('spot', 'option')

),

{{ staged_instruments('bybit', 'listed') }}
