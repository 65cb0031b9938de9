-- asset: symbols are not unique, so a coin is found by the source's id in seed `assets`. An id not
--   in it keeps its row under its upper-case symbol, if no other coin of the answer or of the seed
--   has that symbol; else it is rejected as ambiguous.
-- value: USD; a market cap of 0 means that the supply is not verified, and is null here.
-- time: the source's last_updated. change_24h_share is of the price.
-- https://docs.coingecko.com/reference/coins-markets, https://api.coinpaprika.com/#tag/Tickers
with

assets as (

    from {{ ref('assets') }}

),

coingecko_answers as (

    from {{ rest_rows(
        'market_caps', 'market_caps', ['/api/v3/coins/markets'], cut_lines=true
    ) }}

),

coinpaprika_answers as (

    from {{ rest_rows('market_caps', 'market_caps', ['/v1/tickers']) }}

),

coingecko as (

    select
        *,
        'coingecko' as source,
        entry ->> 'id' as source_asset_id,
        entry ->> 'current_price' as price_text,
        entry ->> 'market_cap' as market_cap_text,
        entry ->> 'market_cap_rank' as rank_text,
        entry ->> 'total_volume' as volume_text,
        entry ->> 'price_change_percentage_24h' as change_percent_text,

    from coingecko_answers

),

coinpaprika as (

    select
        *,
        'coinpaprika' as source,
        entry ->> 'id' as source_asset_id,
        entry ->> '$.quotes.USD.price' as price_text,
        entry ->> '$.quotes.USD.market_cap' as market_cap_text,
        entry ->> 'rank' as rank_text,
        entry ->> '$.quotes.USD.volume_24h' as volume_text,
        entry ->> '$.quotes.USD.percent_change_24h' as change_percent_text,

    from coinpaprika_answers

),

listed as (

    select
        *,
        upper(entry ->> 'symbol') as symbol,
        entry ->> 'name' as asset_name,
        {{ iso_at("entry ->> 'last_updated'") }} as observed_at,

    from (
        from coingecko
        union all by name
        from coinpaprika
    ) as sources

),

mapped as (

    select
        listed.*,
        known.base_asset as known_asset,
        known.sector,
        -- The seed assigns the symbol to another coin of this source.
        symbol in (
            select assets.base_asset,

            from assets
            where if(listed.source = 'coingecko', assets.coingecko_id, assets.coinpaprika_id)
                is not null
        ) as is_known_symbol,
        -- Within one answer: other pages are other answers, among which the fact chooses.
        count(distinct listed.source_asset_id) over (
            partition by listed.batch_id, listed.raw_object, listed.raw_line, listed.symbol
        ) as coins_of_symbol,

    from listed
    left join assets as known
        on listed.source_asset_id = case listed.source
            when 'coingecko' then known.coingecko_id
            else known.coinpaprika_id
        end

),

numbered as (

    select
        * exclude (sector),
        coalesce(
            known_asset, if(not is_known_symbol and coins_of_symbol = 1, symbol, null)
        ) as base_asset,
        coalesce(sector, 'other') as sector,
        try_cast(price_text as double) as price_usd,
        nullif(try_cast(market_cap_text as double), 0) as market_cap_usd,
        try_cast(rank_text as integer) as rank,
        try_cast(volume_text as double) as volume_24h_usd,
        round(try_cast(change_percent_text as double) / 100, 8) as change_24h_share,

    from mapped

),

final as (

    select
        batch_id,
        raw_object,
        raw_line,
        try_cast(row_in_line as integer) as row_in_line,
        source_kind,
        received_at,
        sealed_at,
        'market_caps' as venue,
        source_asset_id as instrument,
        base_asset,
        asset_name,
        symbol,
        observed_at,
        date_trunc('hour', case
            when observed_at between timestamp '2017-01-01'
                and least(coalesce(received_at, sealed_at), sealed_at) + interval 1 hour
                then observed_at
            else coalesce(received_at, sealed_at)
        end) as hour_at,
        market_cap_usd,
        rank,
        sector,
        price_usd,
        volume_24h_usd,
        change_24h_share,
        source,
        case
            when reject_reason is not null then reject_reason
            when source_asset_id is null or symbol is null then 'missing_field'
            when observed_at is null then 'unreadable_time'
            when observed_at < timestamp '2017-01-01'
                or observed_at
                    > least(coalesce(received_at, sealed_at), sealed_at) + interval 1 hour
                then 'implausible_time'
            when base_asset is null then 'ambiguous_symbol'
            when (price_text is not null and price_usd is null)
                or (market_cap_text is not null and try_cast(market_cap_text as double) is null)
                or (volume_text is not null and volume_24h_usd is null)
                or (rank_text is not null and rank is null)
                or (change_percent_text is not null and change_24h_share is null)
                or not isfinite(price_usd)
                or not isfinite(market_cap_usd)
                or not isfinite(volume_24h_usd)
                or not isfinite(change_24h_share)
                then 'unreadable_number'
            when price_usd is null and market_cap_usd is null then 'missing_field'
            when price_usd <= 0 then 'non_positive_number'
            when market_cap_usd < 0 or volume_24h_usd < 0 then 'negative_number'
            -- More than all the wealth in the world, about 5e14 dollars.
            when market_cap_usd > 1e15 or volume_24h_usd > 1e15 then 'implausible_number'
            when price_usd > 1e24 or abs(change_24h_share) > 1e24 then 'implausible_number'
        end as reject_reason,
        case
            when reject_reason is not null
                then {{ values_as_text([
                    'price_text', 'market_cap_text', 'volume_text', 'rank_text',
                ]) }}
        end as raw_values,

    from numbered

)

from final
