-- side: `l` of long positions, `s` of short ones.
-- unit: USD where the request had convert_to_usd; sums in any other unit are rejected.
-- time: `t` in seconds, the start of the hour. Hours without a liquidation may be left out.
-- A market's exchange is the name of its code in the list of exchanges that came with it.
-- https://api.coinalyze.net/v1/doc/
with

exchanges as (

    select
        batch_id,
        entry ->> 'code' as code,
        max(entry ->> 'name') as exchange,

    from {{ rest_rows('coinalyze', 'markets', ['/exchanges']) }}

    group by all

),

markets as (

    select
        batch_id,
        entry ->> 'symbol' as symbol,
        max(entry ->> 'exchange') as code,
        max(entry ->> 'symbol_on_exchange') as instrument,
        max(entry ->> 'base_asset') as asset,

    from {{ rest_rows('coinalyze', 'markets', ['/future-markets']) }}

    group by all

),

histories as (

    select
        *,
        entry ->> 'symbol' as symbol,
        case
            when json_type(entry, '$.history') = 'ARRAY'
                then try_cast(entry -> '$.history' as json[])
            else [null::json]
        end as bars,

    from {{ rest_rows(
        'coinalyze', 'reported_liquidations', ['/liquidation-history'], cut_lines=true
    ) }}

),

unpacked as (

    select
        * exclude (bars),
        unnest(bars) as bar,
        unnest(range(len(bars))) as place,

    from histories

),

hours as (

    select
        -- Bars are numbered across the whole answer.
        * replace (
            row_number() over (
                partition by batch_id, raw_object, raw_line
                order by row_in_line, place
            ) as row_in_line
        ),

    from unpacked

),

interpreted as (

    select
        hours.* exclude (reject_reason),
        exchanges.exchange,
        markets.instrument,
        markets.asset,
        {{ epoch_s_at("hours.bar ->> 't'") }} as observed_at,
        case hours.params ->> 'interval' when '1hour' then 3600 when 'daily' then 86400 end
            as bar_seconds,
        hours.bar ->> 'l' as long_usd,
        hours.bar ->> 's' as short_usd,
        case
            when hours.reject_reason is not null then hours.reject_reason
            when hours.bar is null then 'missing_field'
            when exchanges.exchange is null or markets.asset is null then 'unlisted_market'
            when coalesce(hours.params ->> 'convert_to_usd', '') != 'true' then 'unknown_unit'
        end as reject_reason,

    from hours
    left join markets
        on hours.batch_id = markets.batch_id
        and hours.symbol = markets.symbol
    left join exchanges
        on markets.batch_id = exchanges.batch_id
        and markets.code = exchanges.code

),

{{ staged_reported_liquidations('coinalyze', 'interpreted') }}
