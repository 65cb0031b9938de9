-- From landings alone: an event is data, never proof that its hour was covered.
{{ config(
    materialized='incremental', incremental_strategy='replace_partitions',
    meta={'partition': 'hour_at'},
) }}

with

hours as (

    select hour_at,

    from {{ source('ops', 'hours') }}

    where hour_at in {{ build_hours() }}

),

venues as (

    {% for venue in var('venues') -%}
    select '{{ venue }}' as venue,
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

publication_rules as (

    select
        venue,
        source_kind,
        publication_rule,
        valid_from,
        coalesce(valid_to, timestamp '9999-12-31') as valid_to,

    from {{ ref('dim_venues') }}

),

landed as (

    select
        venue_hours.hour_at,
        venue_hours.venue,
        venue_hours.source_kind,
        venue_hours.outcome,
        venue_hours.covered_share,
        holds.batch_id is not null as is_held,
        batches.sealed_at,

    from {{ source('ops', 'venue_hours') }} as venue_hours
    inner join {{ source('ops', 'batches') }} as batches
        on venue_hours.batch_id = batches.batch_id
    left join {{ source('ops', 'holds') }} as holds
        on venue_hours.batch_id = holds.batch_id
        and venue_hours.venue = holds.venue
        and holds.released_at is null

    where venue_hours.hour_at in {{ build_hours() }}

),

-- What each source covers of the hour, and under which publication rule. Where the rule changes within
-- the hour, the one that leaves out events holds for the whole hour.
source_hours as (

    select
        landed.hour_at,
        landed.venue,
        landed.source_kind,
        min(case landed.outcome when 'complete' then 1 when 'partial' then 2 else 4 end)
            filter (where not landed.is_held or landed.outcome = 'failed') as coverage_rank,
        max(landed.covered_share)
            filter (where not landed.is_held and landed.outcome != 'failed') as covered_share,
        bool_or(landed.is_held and landed.outcome != 'failed') as is_held,
        min(landed.sealed_at) as first_sealed_at,
        max(landed.sealed_at) as last_sealed_at,

    from landed

    group by all

),

source_rules as (

    select
        source_hours.hour_at,
        source_hours.venue,
        source_hours.source_kind,
        min(publication_rules.publication_rule)
            filter (where publication_rules.publication_rule != 'full') as hiding_rule,
        count(publication_rules.publication_rule) as rules,

    from source_hours
    left join publication_rules
        on source_hours.venue = publication_rules.venue
        and (
            publication_rules.source_kind = 'any'
            or source_hours.source_kind = publication_rules.source_kind
        )
        and source_hours.hour_at + interval 1 hour > publication_rules.valid_from
        and source_hours.hour_at < publication_rules.valid_to

    group by all

),

-- The sources of the hour, the best first: full coverage before a part, and among equals the one that
-- publishes all events.
ranked_sources as (

    select
        source_hours.hour_at,
        source_hours.venue,
        source_hours.source_kind,
        source_hours.coverage_rank,
        source_hours.covered_share,
        source_hours.is_held,
        source_hours.first_sealed_at,
        source_hours.last_sealed_at,
        coalesce(
            source_rules.hiding_rule,
            case when source_rules.rules > 0 then 'full' else 'unknown' end
        ) as publication_rule,
        row_number() over (
            partition by source_hours.hour_at, source_hours.venue
            order by
                coalesce(source_hours.coverage_rank, 9) asc,
                coalesce(source_rules.hiding_rule is null and source_rules.rules > 0, false) desc,
                coalesce(source_hours.covered_share, -1) desc,
                source_hours.source_kind asc
        ) as place,

    from source_hours
    inner join source_rules
        on source_hours.hour_at = source_rules.hour_at
        and source_hours.venue = source_rules.venue
        and source_hours.source_kind = source_rules.source_kind

),

-- Two parts of an hour do not add up: they may overlap.
by_venue as (

    select
        hour_at,
        venue,
        min(coverage_rank) as coverage_rank,
        bool_or(is_held) as is_held,
        max(covered_share) as covered_share,
        string_agg(source_kind, ', ' order by source_kind) filter (where coverage_rank <= 2)
            as sources,
        max(publication_rule) filter (where place = 1 and coverage_rank <= 2) as publication_rule,
        min(first_sealed_at) as first_sealed_at,
        max(last_sealed_at) as last_sealed_at,

    from ranked_sources

    group by all

),

outcomes as (

    select
        hours.hour_at,
        venues.venue,
        case
            when by_venue.coverage_rank = 1 then 'complete'
            when by_venue.coverage_rank = 2 then 'partial'
            when by_venue.is_held then 'held'
            when by_venue.coverage_rank = 4 then 'failed'
            else 'not_landed'
        end as landing_outcome,
        by_venue.covered_share,
        by_venue.sources,
        by_venue.publication_rule,
        -- That a venue has not landed is known since another one has.
        coalesce(
            by_venue.last_sealed_at,
            min(by_venue.first_sealed_at) over (partition by hours.hour_at)
        ) as available_at,

    from hours
    cross join venues
    left join by_venue
        on hours.hour_at = by_venue.hour_at
        and venues.venue = by_venue.venue

),

final as (

    select
        hour_at,
        venue,
        landing_outcome,
        case landing_outcome
            when 'complete' then 1
            when 'partial' then covered_share
            when 'not_landed' then null
            else 0
        end::double as covered_share,
        sources,
        publication_rule,
        landing_outcome in ('complete', 'partial') as is_covered,
        landing_outcome = 'complete' as is_complete,
        landing_outcome != 'complete' or publication_rule != 'full' as is_lower_bound,
        case
            when landing_outcome != 'complete' then landing_outcome
            when publication_rule != 'full' then 'publication_rule'
        end as lower_bound_reason,
        available_at,

    from outcomes

)

from final
