-- One row per staged liquidation row of the hours being rebuilt: valued, named, and either good by
-- itself or rejected with a reason (int_liquidation_grains compares rows with each other). Rebuilt in
-- full: it holds only the rows of the current run.
--
-- A fact is valued by its venue's own figures. Outside prices, at most five minutes old, are used where
-- the venue gives none: for the asset that a quanto contract pays in, and the contract's mark price
-- where the venue publishes only the position's entry price.
{{ config(materialized='table') }}

with

limits as (

    {{ plausibility_limits(['notional_usd_max', 'price_usd_min', 'price_usd_max']) | indent(4) }}

),

holds as (

    select distinct
        batch_id,
        venue,

    from {{ source('ops', 'holds') }}

    where released_at is null

),

-- An event dated only by its time of receipt may be received again, by another connection or recorder,
-- just after a full hour: the previous hour has counted it.
received_before as (

    select distinct
        received.venue,
        received.natural_key,
        received.occurrence_number,
        received.hour_at + interval 1 hour as hour_at,
        true as is_received_before,

    from {{ ref('int_liquidations_unioned') }} as received
    left join holds
        on received.batch_id = holds.batch_id
        and received.venue = holds.venue

    where received.event_at_source = 'receive'
        and received.line_class = 'row'
        and received.reject_reason is null
        and holds.batch_id is null
        and received.hour_at >= {{ first_hour_read(1) }}
        and received.hour_at + interval 1 hour in {{ build_hours() }}

),

staged as (

    select
        rows_of.*,
        coalesce(received_before.is_received_before, false) as is_received_before,

    from {{ ref('int_liquidations_unioned') }} as rows_of
    left join received_before
        on rows_of.venue = received_before.venue
        and rows_of.natural_key = received_before.natural_key
        and rows_of.occurrence_number = received_before.occurrence_number
        and rows_of.hour_at = received_before.hour_at

    where rows_of.line_class = 'row'
        and rows_of.hour_at in {{ build_hours() }}

),

versions as (

    from {{ ref('int_instrument_versions') }}

),

known_assets as (

    from {{ ref('int_known_assets') }}

),

-- Few events need an outside price. Only their instants are matched with prices, which sorts both. One
-- of each by a window: of distinct rows of a union DuckDB expects none, and would compare each with each
-- price.
instants_in_another_asset as (

    select
        settle_asset,
        event_at,

    from {{ ref('int_liquidations_unioned') }}

    where settle_asset is not null
        and line_class = 'row'
        and hour_at in {{ build_hours() }}

    qualify row_number() over (partition by settle_asset, event_at order by event_at) = 1

),

-- A vendor's row is valued at its own price, so that its sums equal those of its file.
instants_at_entry_price as (

    select
        venue,
        instrument,
        event_at,

    from {{ ref('int_liquidations_unioned') }}

    where price_kind = 'entry'
        and source_kind != 'collector'
        and line_class = 'row'
        and hour_at in {{ build_hours() }}

    qualify
        row_number() over (partition by venue, instrument, event_at order by event_at) = 1

),

marks as (

    select
        venue,
        instrument,
        close_at as marked_at,
        close_usd as mark_usd,
        sealed_at as mark_sealed_at,

    from {{ ref('int_prices_unioned') }}

    where price_kind = 'mark'
        and hour_at >= {{ first_hour_read(1) }}

    qualify
        row_number() over (
            partition by venue, instrument, close_at
            order by bar_seconds nulls first, {{ winning_sighting() }}
        ) = 1

),

-- One price per asset and instant: spot before index, venues in the order of their list.
asset_prices as (

    select
        base_asset as settle_asset,
        close_at as priced_at,
        close_usd / asset_multiplier as settle_asset_usd,
        sealed_at as settle_sealed_at,

    from {{ ref('int_prices_unioned') }}

    where price_kind in ('spot', 'index')
        and quote_asset in {{ dollar_quotes() }}
        and base_asset in (select settle_asset, from instants_in_another_asset)
        and hour_at >= {{ first_hour_read(1) }}

    qualify
        row_number() over (
            partition by base_asset, close_at
            order by
                price_kind desc,
                list_position({{ var('venues') }}, venue),
                bar_seconds nulls first,
                instrument,
                {{ winning_sighting() }}
        ) = 1

),

specified as (

    select
        staged.* exclude (contract_type, contract_size, venue_asset, quote_asset),
        coalesce(versions.contract_type, staged.contract_type) as contract_type,
        -- The venue's own snapshot takes precedence over its symbols.
        coalesce(versions.contract_size, staged.contract_size) as contract_size,
        coalesce(versions.quote_asset, staged.quote_asset) as quote_asset,
        coalesce(versions.base_asset, {{ normalised_asset('staged.venue_asset') }}) as base_asset,
        coalesce(
            versions.asset_multiplier, {{ asset_multiplier('staged.venue_asset') }}
        )::double as asset_multiplier,
        versions.instrument is not null as has_listing,
        holds.batch_id is not null as is_held,

    from staged
    left join versions
        on staged.venue = versions.venue
        and staged.instrument = versions.instrument
        and staged.event_at >= versions.valid_from
        and (staged.event_at < versions.valid_to or versions.valid_to is null)
    left join holds
        on staged.batch_id = holds.batch_id
        and staged.venue = holds.venue

),

settle_prices as (

    select
        instants.settle_asset,
        instants.event_at,
        asset_prices.settle_asset_usd,
        asset_prices.settle_sealed_at,

    from instants_in_another_asset as instants
    asof inner join asset_prices
        on instants.settle_asset = asset_prices.settle_asset
        and instants.event_at >= asset_prices.priced_at

    where asset_prices.priced_at >= instants.event_at - interval 5 minute

),

mark_prices as (

    select
        instants.venue,
        instants.instrument,
        instants.event_at,
        marks.mark_usd,
        marks.mark_sealed_at,

    from instants_at_entry_price as instants
    asof inner join marks
        on instants.venue = marks.venue
        and instants.instrument = marks.instrument
        and instants.event_at >= marks.marked_at

    where marks.marked_at >= instants.event_at - interval 5 minute

),

priced as (

    select
        specified.* exclude (price_usd, price_kind),
        settle_prices.settle_asset_usd,
        settle_prices.settle_sealed_at,
        mark_prices.instrument is not null as is_valued_at_mark,
        if(
            is_valued_at_mark,
            try_cast(mark_prices.mark_usd as decimal(38, 12)),
            specified.price_usd
        ) as price_usd,
        if(is_valued_at_mark, 'mark', specified.price_kind) as price_kind,
        mark_prices.mark_sealed_at,

    from specified
    left join settle_prices
        on specified.settle_asset = settle_prices.settle_asset
        and specified.event_at = settle_prices.event_at
    left join mark_prices
        on specified.price_kind = 'entry'
        and specified.source_kind != 'collector'
        and specified.venue = mark_prices.venue
        and specified.instrument = mark_prices.instrument
        and specified.event_at = mark_prices.event_at

),

-- Inverse contracts are worth their USD size without a price.
sized as (

    select
        *,
        case
            when raw_quantity_unit in ('quote', 'usd') then quantity::double
            when raw_quantity_unit = 'base' then quantity::double * price_usd::double
            when contract_type = 'quanto'
                then quantity::double * contract_size::double * price_usd::double * settle_asset_usd
            when contract_type = 'inverse' then quantity::double * contract_size::double
            when raw_quantity_unit = 'contracts'
                then quantity::double * contract_size::double * price_usd::double
        end as notional,
        case
            when raw_quantity_unit in ('quote', 'usd') then 'venue'
            when contract_type = 'inverse' and raw_quantity_unit != 'base' then 'contract_size'
            when contract_type = 'quanto' then lower(settle_asset) || '_as_of'
            when is_valued_at_mark then 'mark_as_of'
            else 'event_price'
        end as notional_price_source,

    from priced

),

valued as (

    select
        *,
        try_cast(notional as decimal(38, 4)) as notional_usd,
        case
            when raw_quantity_unit = 'base' then quantity::double
            when contract_type = 'linear' and raw_quantity_unit = 'contracts'
                then quantity::double * contract_size::double
            else notional / price_usd::double
        end as venue_base_quantity,

    from sized

),

named as (

    select
        * exclude (price_usd, reject_reason),
        -- Per unit of the normalised asset: 1000PEPE at 0.01 is PEPE at 0.00001.
        if(
            asset_multiplier = 1, price_usd,
            try_cast(price_usd::double / asset_multiplier as decimal(38, 12))
        ) as price_usd,
        try_cast(venue_base_quantity * asset_multiplier as decimal(38, 12)) as quantity_base,
        case
            when reject_reason is not null then reject_reason
            when is_held then 'held'
            -- Neither the symbol nor a listing states its quote asset.
            when quote_asset = 'unknown' then 'unknown_symbol'
            when quote_asset not in {{ dollar_quotes() }} then 'quote_not_usd'
            when contract_size is null and raw_quantity_unit = 'contracts'
                then 'unknown_contract_size'
            when contract_type = 'quanto' and settle_asset_usd is null then 'no_outside_price'
            when notional is null then 'unknown_contract_size'
            when notional_usd is null or notional_usd > notional_usd_max or notional_usd < 0
                then 'implausible_notional'
            when notional_usd = 0 then 'notional_rounds_to_zero'
            -- Inverse contracts are worth their dollars at any price; a price is required all the same.
            when coalesce(quantity_base, 0) <= 0 then 'implausible_quantity'
            when price_usd::double / asset_multiplier < price_usd_min then 'price_rounds_to_zero'
            when price_usd::double / asset_multiplier > price_usd_max then 'implausible_price'
        end as reject_reason,

    from valued
    cross join limits

),

named_assets as (

    select
        named.*,
        named.has_listing or known_assets.base_asset is not null as is_listed,

    from named
    left join known_assets
        on named.base_asset = known_assets.base_asset

),

final as (

    select
        case
            when named_assets.reject_reason is null
                then try_cast(
                    md5(
                        concat_ws(
                            '|',
                            named_assets.venue,
                            named_assets.natural_key,
                            named_assets.occurrence_number
                        )
                    ) as uuid
                )
        end as liquidation_id,
        case
            when named_assets.order_key is not null
                then md5(concat_ws('|', named_assets.venue, named_assets.order_key))
        end as liquidation_order_id,
        named_assets.venue,
        named_assets.instrument,
        named_assets.base_asset,
        named_assets.is_listed,
        named_assets.quote_asset,
        named_assets.contract_type,
        named_assets.liquidated_side,
        named_assets.event_kind,
        named_assets.quantity_base,
        named_assets.price_usd,
        named_assets.price_kind,
        named_assets.notional_usd,
        named_assets.notional_price_source,
        named_assets.event_at,
        named_assets.event_at_source,
        named_assets.published_at,
        named_assets.received_at,
        named_assets.sealed_at,
        -- When it could be known here: with the price that values it.
        greatest(
            named_assets.sealed_at,
            if(named_assets.is_valued_at_mark, named_assets.mark_sealed_at, null),
            if(named_assets.contract_type = 'quanto', named_assets.settle_sealed_at, null)
        ) as available_at,
        named_assets.raw_side,
        named_assets.raw_quantity,
        named_assets.raw_quantity_unit,
        named_assets.raw_price,
        named_assets.raw_object,
        named_assets.raw_line,
        named_assets.row_in_line,
        named_assets.parser,
        named_assets.source_kind,
        named_assets.batch_id,
        named_assets.hour_at,
        named_assets.reject_reason,
        named_assets.source_rank,
        named_assets.is_received_before,

    from named_assets

)

from final
