with

limits as (

    {{ plausibility_limits(['oi_usd_max']) | indent(4) }}

),

sightings as (

    from {{ ref('int_open_interest_unioned') }}

    where hour_at in {{ build_hours() }}

),

versions as (

    from {{ ref('int_instrument_versions') }}

),

prices as (

    from {{ ref('fct_prices') }}

    where hour_at >= {{ first_hour_read(1) }}

),

observations as (

    from sightings

    qualify
        row_number() over (
            partition by venue, instrument, observed_at
            order by {{ winning_sighting() }}
        ) = 1

),

-- Inverse sizes are documented where no listing states them; linear contracts count coins.
specified as (

    select
        observations.*,
        coalesce(
            versions.contract_size::double,
            case when observations.contract_type = 'inverse' then {{ inverse_size() }} end
        ) as contract_size,
        coalesce(
            observations.oi_base,
            case
                when observations.contract_type = 'linear'
                    then observations.oi_contracts * versions.contract_size::double
            end
        ) * observations.asset_multiplier as oi_base_coins,

    from observations
    left join versions
        on observations.venue = versions.venue
        and observations.instrument = versions.instrument
        and observations.observed_at >= versions.valid_from
        and (observations.observed_at < versions.valid_to or versions.valid_to is null)
    {{ inverse_size_joins('observations') }}

),

-- One price per instant: a point before a bar that ends then, a short bar before a long one.
mark_prices as (

    select
        venue,
        instrument,
        available_at as priced_at,
        close_usd,

    from prices

    where price_kind = 'mark'

    qualify
        row_number() over (
            partition by venue, instrument, available_at order by bar_seconds nulls first
        ) = 1

),

-- An outside price, for instruments whose own mark is unknown: one venue's spot in USDT, else USDC.
spot_prices as (

    select
        base_asset,
        available_at as priced_at,
        close_usd,
        venue || ':' || instrument as price_instrument,

    from prices

    where venue = '{{ var('spot_venue') }}'
        and price_kind = 'spot'
        and quote_asset in ('USDT', 'USDC')

    qualify
        row_number() over (
            partition by base_asset, available_at
            order by if(quote_asset = 'USDT', 1, 2), bar_seconds nulls first, instrument
        ) = 1

),

-- Else the mark or index of another contract of the asset, of any venue.
asset_prices as (

    select
        base_asset,
        price_kind,
        available_at as priced_at,
        close_usd,
        venue || ':' || instrument as price_instrument,

    from prices

    where price_kind in ('mark', 'index')
        and close_usd > 0
        and quote_asset in {{ dollar_quotes() }}

    qualify
        row_number() over (
            partition by base_asset, price_kind, available_at
            order by
                coalesce(list_position({{ var('venues') }}, venue), 99),
                venue,
                bar_seconds nulls first,
                instrument
        ) = 1

),

{% for kind in ['mark', 'index'] -%}
asset_{{ kind }}_prices as (

    select *,

    from asset_prices

    where price_kind = '{{ kind }}'

),

{% endfor -%}
with_mark as (

    select
        specified.*,
        if(
            mark_prices.priced_at >= specified.observed_at - interval 15 minute,
            mark_prices.close_usd,
            null
        ) as mark_usd,

    from specified
    asof left join mark_prices
        on specified.venue = mark_prices.venue
        and specified.instrument = mark_prices.instrument
        and specified.observed_at >= mark_prices.priced_at

),

with_spot as (

    select
        with_mark.*,
        spot_prices.priced_at >= with_mark.observed_at - interval 15 minute as is_spot_fresh,
        if(is_spot_fresh, spot_prices.close_usd, null) as spot_usd,
        if(is_spot_fresh, spot_prices.price_instrument, null) as spot_instrument,

    from with_mark
    asof left join spot_prices
        on with_mark.base_asset = spot_prices.base_asset
        and with_mark.observed_at >= spot_prices.priced_at

),

{% for kind, relation in [('mark', 'with_spot'), ('index', 'with_asset_mark')] -%}
with_asset_{{ kind }} as (

    select
        {{ relation }}.*,
        asset_{{ kind }}_prices.priced_at >= {{ relation }}.observed_at - interval 15 minute
            as is_asset_{{ kind }}_fresh,
        if(is_asset_{{ kind }}_fresh, asset_{{ kind }}_prices.close_usd, null)
            as asset_{{ kind }}_usd,
        if(is_asset_{{ kind }}_fresh, asset_{{ kind }}_prices.price_instrument, null)
            as asset_{{ kind }}_instrument,

    from {{ relation }}
    asof left join asset_{{ kind }}_prices
        on {{ relation }}.base_asset = asset_{{ kind }}_prices.base_asset
        and {{ relation }}.observed_at >= asset_{{ kind }}_prices.priced_at

),

{% endfor -%}
priced as (

    select
        *,
        coalesce(mark_usd, spot_usd, asset_mark_usd, asset_index_usd) as price_usd,
        case
            when mark_usd is not null then 'mark_as_of'
            when spot_usd is not null then '{{ var('spot_venue') }}_spot_as_of'
            when asset_mark_usd is not null then 'asset_mark_as_of'
            when asset_index_usd is not null then 'asset_index_as_of'
        end as outside_price_source,
        case outside_price_source
            when 'mark_as_of' then venue || ':' || instrument
            when '{{ var('spot_venue') }}_spot_as_of' then spot_instrument
            when 'asset_mark_as_of' then asset_mark_instrument
            when 'asset_index_as_of' then asset_index_instrument
        end as outside_price_instrument,

    from with_asset_index

),

valued as (

    select
        *,
        case
            when oi_usd is not null then oi_usd
            when contract_type = 'inverse' then oi_contracts * contract_size
            else oi_base_coins * price_usd
        end as value_usd,
        case
            when oi_usd is not null then 'venue'
            when contract_type = 'inverse' and oi_contracts * contract_size is not null
                then 'contract_size'
            when oi_base_coins is not null then outside_price_source
        end as price_source,
        -- Dollars or coins, whichever the venue does not give, need a price.
        case
            when price_source = outside_price_source or oi_base_coins is null
                then outside_price_instrument
        end as price_instrument,

    from priced

),

-- Screened at the hour's median price, a value may be beyond the limit at the price of its instant.
plausible as (

    select
        valued.* replace (
            if(valued.value_usd <= limits.oi_usd_max, valued.value_usd, null) as value_usd,
            if(valued.value_usd <= limits.oi_usd_max, valued.price_source, null) as price_source,
            if(valued.value_usd <= limits.oi_usd_max, valued.price_instrument, null)
                as price_instrument
        ),

    from valued
    cross join limits

),

final as (

    select
        venue,
        instrument,
        base_asset,
        observed_at,
        oi_contracts,
        coalesce(oi_base_coins, value_usd / price_usd) as oi_base,
        value_usd as oi_usd,
        price_source,
        price_instrument,
        hour_at,
        received_at,
        raw_object,
        raw_line,
        row_in_line,
        batch_id,

    from plausible

)

from final
