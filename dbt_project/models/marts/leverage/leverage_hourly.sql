-- Open interest is measured at instants: an hour's start and its end (macros/instants.sql). ALL
-- combines the tracked assets: sums, and sums over sums.
{%- set windows = ['1h', '24h'] %}
{#- 2026-11-25: in days landed as one batch, six of fifteen venues provide BTC's history, and one of
twelve that of AVAX, whose smallest contract once lost 11% in an hour without liquidations. -#}
{%- set min_venue_share = 0.25 %}

with

tracked_assets as (

    from {{ ref('int_tracked_assets_hourly') }}

    where hour_at in {{ build_hours() }}

),

open_interest as (

    from {{ ref('int_asset_open_interest_hourly') }}

    where hour_at >= {{ first_hour_read(0) }}

),

changes as (

    from {{ ref('int_asset_open_interest_changes_hourly') }}

    where hour_at >= {{ first_hour_read(0) }}

),

linked as (

    from {{ ref('int_asset_open_interest_linked_hourly') }}

    where hour_at >= {{ first_hour_read(0) }}

),

coverage as (

    from {{ ref('int_asset_open_interest_coverage_hourly') }}

    where hour_at >= {{ first_hour_read(0) }}

),

-- A weight may be as old as the hour, so that venues polled once an hour are not left out.
weights as (

    from {{ ref('int_instrument_open_interest_hourly') }}

    where oi_last_usd > 0
        and hour_at >= {{ first_hour_read(0) }}

),

market_caps as (

    from {{ ref('int_asset_market_caps_hourly') }}

    where hour_at >= {{ first_hour_read(0) }}

),

volumes as (

    from {{ ref('int_asset_derivative_volumes_hourly') }}

    where hour_at >= {{ first_hour_read(0) }}

),

spot_volumes as (

    from {{ ref('int_asset_volumes_hourly') }}

    where hour_at >= {{ first_hour_read(0) }}

),

account_ratios as (

    from {{ ref('fct_long_short_ratio') }}

    where ratio_kind = 'accounts'
        and long_short_ratio >= 0
        and hour_at >= {{ first_hour_read(0) }}

),

latest_account_ratios as (

    select
        hour_at,
        venue,
        instrument,
        arg_max(long_short_ratio, observed_at) as long_short_ratio,
        arg_max(available_at, observed_at) as available_at,

    from account_ratios

    group by all

),

-- Ratios cannot be averaged; shares of long accounts can. A ratio r is a share of r / (1 + r).
long_accounts as (

    select
        latest_account_ratios.hour_at,
        weights.base_asset,
        sum(
            try_cast(round(
                weights.oi_last_usd
                * latest_account_ratios.long_short_ratio
                / (1 + latest_account_ratios.long_short_ratio),
                4
            ) as decimal(38, 4))
        ) as long_accounts_usd,
        sum(try_cast(round(weights.oi_last_usd, 4) as decimal(38, 4))) as weight_usd,

    from latest_account_ratios
    inner join weights
        on latest_account_ratios.hour_at = weights.hour_at
        and latest_account_ratios.venue = weights.venue
        and latest_account_ratios.instrument = weights.instrument

    group by all

),

account_venues as (

    {% for asset in ['weights.base_asset', "'ALL'"] -%}
    select
        latest_account_ratios.hour_at,
        {{ asset }} as base_asset,
        count(distinct latest_account_ratios.venue) as venues,
        max(greatest(latest_account_ratios.available_at, weights.available_at)) as available_at,

    from latest_account_ratios
    inner join weights
        on latest_account_ratios.hour_at = weights.hour_at
        and latest_account_ratios.venue = weights.venue
        and latest_account_ratios.instrument = weights.instrument

    group by all
    {% if not loop.last %}
    union all
    {% endif %}
    {% endfor %}

),

by_asset as (

    select
        tracked_assets.hour_at,
        tracked_assets.base_asset,
        open_interest.oi_start_usd,
        open_interest.oi_end_usd as oi_usd,
        open_interest.oi_end_base as oi_base,
        open_interest.oi_end_observed_at as oi_observed_to_at,
        coalesce(open_interest.oi_start_instruments, 0) as oi_start_instruments,
        coalesce(open_interest.oi_end_instruments, 0) as oi_end_instruments,
        {%- for window in windows %}
        {%- for change in ['oi_change', 'oi_usd_change'] %}
        -- The change of a few small contracts is not a change of the asset.
        case
            when changes.{{ change }}_{{ window }}_venues
                >= {{ min_venue_share }} * coverage.venues_expected
                then changes.{{ change }}_{{ window }}_share
        end as {{ change }}_{{ window }}_share,
        {%- endfor %}
        changes.matched_start_{{ window }}_usd,
        coalesce(changes.oi_change_{{ window }}_instruments, 0)
            as oi_change_{{ window }}_instruments,
        coalesce(changes.unmatched_{{ window }}_instruments, 0)
            as unmatched_{{ window }}_instruments,
        {%- endfor %}
        linked.oi_constant_venues_usd,
        market_caps.market_cap_usd,
        market_caps.observed_at as market_cap_observed_at,
        market_caps.volume_24h_usd as market_volume_24h_usd,
        volumes.volume_24h_usd,
        volumes.matched_volume_24h_usd,
        volumes.matched_oi_usd,
        coalesce(volumes.is_volume_missing or volumes.is_open_interest_missing, false)
            as is_volume_incomplete,
        spot_volumes.volume_24h_usd as spot_volume_24h_usd,
        long_accounts.long_accounts_usd,
        long_accounts.weight_usd,
        greatest(
            tracked_assets.available_at,
            open_interest.available_at,
            changes.available_at,
            linked.available_at,
            market_caps.available_at,
            spot_volumes.available_at
        ) as available_at,

    from tracked_assets
    left join open_interest
        on tracked_assets.hour_at = open_interest.hour_at
        and tracked_assets.base_asset = open_interest.base_asset
    left join coverage
        on tracked_assets.hour_at = coverage.hour_at
        and tracked_assets.base_asset = coverage.base_asset
    left join changes
        on tracked_assets.hour_at = changes.hour_at
        and tracked_assets.base_asset = changes.base_asset
    left join linked
        on tracked_assets.hour_at = linked.hour_at
        and tracked_assets.base_asset = linked.base_asset
    left join market_caps
        on tracked_assets.hour_at = market_caps.hour_at
        and tracked_assets.base_asset = market_caps.base_asset
    left join volumes
        on tracked_assets.hour_at = volumes.hour_at
        and tracked_assets.base_asset = volumes.base_asset
    left join spot_volumes
        on tracked_assets.hour_at = spot_volumes.hour_at
        and tracked_assets.base_asset = spot_volumes.base_asset
    left join long_accounts
        on tracked_assets.hour_at = long_accounts.hour_at
        and tracked_assets.base_asset = long_accounts.base_asset

),

-- Summed in decimals, so that the order of the assets makes no difference. Coins of two assets do not
-- add up: ALL values each asset's change at its open interest at the start.
all_assets as (

    select
        hour_at,
        'ALL' as base_asset,
        sum(try_cast(oi_start_usd as decimal(38, 4)))::double as oi_start_usd,
        sum(try_cast(oi_usd as decimal(38, 4)))::double as oi_usd,
        null::double as oi_base,
        max(oi_observed_to_at) as oi_observed_to_at,
        sum(oi_start_instruments) as oi_start_instruments,
        sum(oi_end_instruments) as oi_end_instruments,
        {%- for window in windows %}
        {%- for change in ['oi_change', 'oi_usd_change'] %}
        round(
            sum(
                try_cast(
                    round(
                        matched_start_{{ window }}_usd::double
                        * {{ change }}_{{ window }}_share,
                        8
                    ) as decimal(38, 8)
                )
            )::double
            / nullif(
                sum(matched_start_{{ window }}_usd)
                    filter (where {{ change }}_{{ window }}_share is not null)::double,
                0
            ),
            8
        ) as {{ change }}_{{ window }}_share,
        {%- endfor %}
        sum(matched_start_{{ window }}_usd) as matched_start_{{ window }}_usd,
        sum(oi_change_{{ window }}_instruments) as oi_change_{{ window }}_instruments,
        sum(unmatched_{{ window }}_instruments) as unmatched_{{ window }}_instruments,
        {%- endfor %}
        sum(try_cast(market_cap_usd as decimal(38, 4)))::double as market_cap_usd,
        min(market_cap_observed_at) as market_cap_observed_at,
        sum(try_cast(market_volume_24h_usd as decimal(38, 4)))::double as market_volume_24h_usd,
        sum(try_cast(volume_24h_usd as decimal(38, 4)))::double as volume_24h_usd,
        sum(try_cast(matched_volume_24h_usd as decimal(38, 4)))::double as matched_volume_24h_usd,
        sum(try_cast(matched_oi_usd as decimal(38, 4)))::double as matched_oi_usd,
        bool_or(is_volume_incomplete) as is_volume_incomplete,
        sum(try_cast(spot_volume_24h_usd as decimal(38, 4)))::double as spot_volume_24h_usd,
        sum(long_accounts_usd) as long_accounts_usd,
        sum(weight_usd) as weight_usd,
        max(available_at) as available_at,
        -- The same assets in numerator and denominator.
        {%- for other in ['market_cap_usd', 'market_volume_24h_usd'] %}
        sum(try_cast(oi_constant_venues_usd as decimal(38, 4)))
            filter (where {{ other }} > 0)::double as oi_with_{{ other }},
        sum(try_cast({{ other }} as decimal(38, 4)))
            filter (where oi_constant_venues_usd is not null)::double
            as {{ other }}_with_oi,
        {%- endfor %}

    from by_asset

    group by all

),

with_all as (

    select
        *,
        oi_constant_venues_usd as oi_with_market_cap_usd,
        market_cap_usd as market_cap_usd_with_oi,
        oi_constant_venues_usd as oi_with_market_volume_24h_usd,
        market_volume_24h_usd as market_volume_24h_usd_with_oi,

    from by_asset

    union all by name

    select
        all_assets.* replace (
            greatest(all_assets.available_at, linked.available_at) as available_at
        ),
        linked.oi_constant_venues_usd,

    from all_assets
    left join linked
        on all_assets.hour_at = linked.hour_at
        and all_assets.base_asset = linked.base_asset

),

final as (

    select
        with_all.hour_at,
        with_all.hour_at + interval 1 hour as as_of_at,
        with_all.base_asset,
        with_all.oi_start_usd,
        with_all.oi_usd,
        with_all.oi_base,
        with_all.oi_observed_to_at,
        coverage.venues_expected as oi_venues_expected,
        coverage.venues_known_at_start as oi_start_venues,
        coverage.venues_known_at_end as oi_end_venues,
        with_all.oi_start_instruments::integer as oi_start_instruments,
        with_all.oi_end_instruments::integer as oi_end_instruments,
        case
            when coalesce(with_all.oi_usd, with_all.oi_start_usd) is not null
                then coverage.is_missing_at_start or coverage.is_missing_at_end
        end as is_lower_bound,
        {%- for window in windows %}
        with_all.oi_change_{{ window }}_share,
        with_all.oi_usd_change_{{ window }}_share,
        with_all.oi_change_{{ window }}_instruments::integer
            as oi_change_{{ window }}_instruments,
        {%- endfor %}
        with_all.oi_constant_venues_usd,
        with_all.market_cap_usd,
        with_all.market_cap_observed_at,
        round(
            with_all.oi_with_market_cap_usd / nullif(with_all.market_cap_usd_with_oi, 0), 8
        ) as oi_to_market_cap,
        with_all.volume_24h_usd,
        coalesce(volumes.volume_venues, 0)::integer as volume_24h_venues,
        round(with_all.matched_volume_24h_usd / nullif(with_all.matched_oi_usd, 0), 6)
            as volume_24h_to_oi,
        with_all.spot_volume_24h_usd,
        with_all.market_volume_24h_usd,
        round(
            with_all.market_volume_24h_usd_with_oi
            / nullif(with_all.oi_with_market_volume_24h_usd, 0),
            6
        ) as market_volume_24h_to_oi,
        round(
            with_all.long_accounts_usd::double
            / nullif((with_all.weight_usd - with_all.long_accounts_usd)::double, 0),
            6
        ) as long_short_account_ratio,
        coalesce(account_venues.venues, 0)::integer as long_short_account_venues,
        coverage.is_missing_at_start
            or coverage.is_missing_at_end
            or with_all.is_volume_incomplete
            {%- for window in windows %}
            or (
                with_all.oi_change_{{ window }}_share is not null
                and with_all.unmatched_{{ window }}_instruments > 0
            )
            {%- endfor %} as is_incomplete,
        greatest(
            with_all.available_at,
            coverage.available_at,
            volumes.available_at,
            account_venues.available_at
        ) as available_at,

    from with_all
    inner join coverage
        on with_all.hour_at = coverage.hour_at
        and with_all.base_asset = coverage.base_asset
    left join volumes
        on with_all.hour_at = volumes.hour_at
        and with_all.base_asset = volumes.base_asset
    left join account_venues
        on with_all.hour_at = account_venues.hour_at
        and with_all.base_asset = account_venues.base_asset

)

select *,

from final

order by hour_at
