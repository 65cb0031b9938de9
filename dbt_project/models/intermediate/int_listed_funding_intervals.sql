-- The funding intervals that venues list, at each time of reading. An instrument of *linear or *inverse
-- stands for all contracts of that type that the same answer does not name.
with

listed as (

    {% for venue in var('funding_interval_listings') %}
    from {{ ref('stg_' ~ venue ~ '__funding_intervals') }}
    {% if not loop.last %}union all by name{% endif %}
    {% endfor %}

),

final as (

    select
        batch_id,
        venue,
        instrument,
        observed_at,
        interval_hours,
        hour_at,

    from listed

    where reject_reason is null

)

from final
