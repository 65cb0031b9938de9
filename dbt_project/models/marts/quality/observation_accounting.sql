{%- set datasets = [
    'open_interest', 'funding', 'prices', 'volumes', 'long_short_ratio', 'market_caps',
    'reported_liquidations',
] %}

with

-- Staged rows are counted in staging and facts in the fact tables, so that a row lost by a model in
-- between shows.
counted as (

    {% for dataset in datasets %}
    {%- set fact = dataset if dataset == 'reported_liquidations' else 'fct_' ~ dataset %}
    {%- set venue_of_fact = {
        'market_caps': "'market_caps' as venue", 'reported_liquidations': 'source as venue',
    }.get(dataset, 'venue') %}
    select
        batch_id,
        venue,
        '{{ dataset }}' as dataset,
        hour_at,
        count(*) as staged,
        0 as accepted,
        0 as repeated,
        max(sealed_at) as available_at,

    from {{ ref('int_' ~ dataset ~ '_staged') }}

    where hour_at in {{ build_hours() }}

    group by all

    union all

    select
        batch_id,
        {{ venue_of_fact }},
        '{{ dataset }}' as dataset,
        hour_at,
        0 as staged,
        count(*) as accepted,
        0 as repeated,
        null::timestamp as available_at,

    from {{ ref(fact) }}

    where hour_at in {{ build_hours() }}

    group by all

    union all

    select
        batch_id,
        venue,
        '{{ dataset }}' as dataset,
        hour_at,
        0 as staged,
        0 as accepted,
        count(*) as repeated,
        max(sealed_at) as available_at,

    from {{ ref('int_' ~ dataset ~ '_screened') }}

    where sighting_rank > 1
        and hour_at in {{ build_hours() }}

    group by all
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

quarantined_counts as (

    select
        batch_id,
        venue,
        dataset,
        hour_at,
        count(*) as quarantined,
        count(*) filter (where reject_reason = 'held') as held,

    from {{ ref('quarantined_observations') }}

    where hour_at in {{ build_hours() }}

    group by all

),

sums as (

    select
        batch_id,
        venue,
        dataset,
        hour_at,
        sum(staged)::bigint as staged,
        sum(accepted)::bigint as accepted,
        sum(repeated)::bigint as repeated,
        max(available_at) as available_at,

    from counted

    group by all

),

final as (

    select
        sums.batch_id,
        sums.venue,
        sums.dataset,
        sums.hour_at,
        sums.staged,
        sums.accepted,
        sums.repeated,
        coalesce(quarantined_counts.quarantined, 0) as quarantined,
        coalesce(quarantined_counts.held, 0) as held,
        sums.available_at,

    from sums
    left join quarantined_counts
        on sums.batch_id = quarantined_counts.batch_id
        and sums.venue = quarantined_counts.venue
        and sums.dataset = quarantined_counts.dataset
        and sums.hour_at = quarantined_counts.hour_at

)

from final
