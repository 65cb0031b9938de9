with

versions as (

    from {{ ref('int_instrument_versions') }}

),

final as (

    select
        venue,
        instrument,
        valid_from,
        valid_to,
        contract_type,
        venue_asset,
        base_asset,
        asset_multiplier,
        quote_asset,
        contract_size,
        is_trading,
        first_observed_at,
        specification_source,
        available_at,

    from versions

)

from final
