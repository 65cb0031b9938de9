-- One row per staged volume of a contract: named by its instrument's listing of that time, and
-- either good or rejected with a reason.
{{ config(
    materialized='incremental', incremental_strategy='replace_partitions',
    meta={'partition': 'hour_at'},
) }}

with

limits as (

    {{ plausibility_limits(['volume_usd_max']) | indent(4) }}

),

staged as (

    from {{ ref('int_volumes_staged') }}

    where hour_at in {{ build_hours() }}

),

{{ named_observations('staged') }}

limited as (

    select
        named.*,
        limits.*,

    from named
    cross join limits

),

{{ screened_observations(
    'limited',
    grain=['venue', 'instrument', 'observed_at', 'window_hours'],
    screens={'implausible_volume': 'volume_usd > volume_usd_max'},
    values=['volume_base', 'volume_usd'],
    kept=['window_hours'],
) }}
