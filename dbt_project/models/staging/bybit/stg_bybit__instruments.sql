-- size: linear contracts are one base coin, inverse contracts one USD.
-- names: baseCoin is the venue's own spelling (1000PEPE, SHIB1000); state: `status`.
-- https://bybit-exchange.github.io/docs/v5/market/instrument
with

listed as (

    from {{ rest_rows(
        'bybit', 'instruments', ['/v5/market/instruments-info'], rows_at='$.result.list',
        answered={'category': '$.result.category'}
    ) }}

    where coalesce(category, '') not in ('spot', 'option')

),

final as (

    select
        batch_id,
        raw_object,
        raw_line,
        row_in_line::integer as row_in_line,
        received_at,
        sealed_at,
        'bybit' as venue,
        entry ->> 'symbol' as instrument,
        case
            when (entry ->> 'contractType') in ('LinearPerpetual', 'LinearFutures') then 'linear'
            when (entry ->> 'contractType') in ('InversePerpetual', 'InverseFutures')
                then 'inverse'
        end as contract_type,
        entry ->> 'baseCoin' as venue_asset,
        {{ normalised_asset("(entry ->> 'baseCoin')") }} as base_asset,
        entry ->> 'quoteCoin' as quote_asset,
        1::decimal(38, 12) as contract_size,
        lower(entry ->> 'status') as status,
        {{ epoch_ms_at("entry ->> 'launchTime'") }} as listed_at,
        coalesce(received_at, sealed_at) as observed_at,
        date_trunc('hour', coalesce(received_at, sealed_at)) as hour_at,
        {{ instrument_reject_reason("entry") }} as reject_reason,

    from listed

)

from final
