-- One row per venue, base_asset and unbroken span of time in which the venue lists a trading
-- instrument of it. int_instrument_versions determines when a listing begins and ends; a first listing
-- extends back no further than the venue itself.
{{ config(materialized='table') }}

with

spans as (

    select distinct
        venue,
        base_asset,
        greatest(valid_from, {{ first_public_at(none) }}) as listed_from,
        coalesce(valid_to, timestamp '9999-12-31') as listed_to,

    from {{ ref('int_instrument_versions') }}

    where is_trading
        and base_asset is not null
        and coalesce(valid_to, timestamp '9999-12-31') > {{ first_public_at(none) }}

),

reached as (

    select
        venue,
        base_asset,
        listed_from,
        listed_to,
        max(listed_to) over (
            partition by venue, base_asset
            order by listed_from, listed_to
            rows between unbounded preceding and 1 preceding
        ) as listed_before_to,

    from spans

),

-- Spans that touch or overlap are one: they share a number.
numbered as (

    select
        venue,
        base_asset,
        listed_from,
        listed_to,
        count(
            case when listed_before_to is null or listed_before_to < listed_from then 1 end
        ) over (
            partition by venue, base_asset
            order by listed_from, listed_to
            rows between unbounded preceding and current row
        ) as span_number,

    from reached

),

final as (

    select
        venue,
        base_asset,
        min(listed_from) as listed_from,
        max(listed_to) as listed_to,

    from numbered

    group by venue, base_asset, span_number

)

from final
