-- size: one base coin, whatever the coin; the venue calls a thousand PEPE kPEPE.
-- state: delisted coins stay in the list (`isDelisted`), so that positions in the list hold.
-- https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/info-endpoint/perpetuals
with

contexts as (

    from {{ hyperliquid_contexts() }}

    where source_kind = 'rest'

),

final as (

    select
        batch_id,
        raw_object,
        raw_line,
        row_in_line::integer as row_in_line,
        received_at,
        sealed_at,
        'hyperliquid' as venue,
        coin as instrument,
        'linear' as contract_type,
        coin as venue_asset,
        {{ normalised_asset('coin') }} as base_asset,
        'USDC' as quote_asset,
        1::decimal(38, 12) as contract_size,
        if(is_delisted, 'delisted', 'trading') as status,
        null::timestamp as listed_at,
        observed_at,
        date_trunc('hour', observed_at) as hour_at,
        coalesce(contexts.reject_reason, if(coin is null, 'missing_field', null)) as reject_reason,

    from contexts

)

from final
