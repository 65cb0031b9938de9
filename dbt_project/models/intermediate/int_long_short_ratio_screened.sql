-- One row per staged ratio: named by its instrument's listing of that time, and either good or rejected
-- with a reason.
{{ config(
    materialized='incremental', incremental_strategy='replace_partitions',
    meta={'partition': 'hour_at'},
) }}

with

limits as (

    {{ plausibility_limits(['long_short_ratio_max']) | indent(4) }}

),

staged as (

    from {{ ref('int_long_short_ratio_staged') }}

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
    grain=['venue', 'instrument', 'ratio_kind', 'observed_at'],
    screens={'implausible_ratio': 'long_short_ratio > long_short_ratio_max'},
    values=['long_short_ratio'],
    kept=['ratio_kind'],
) }}
