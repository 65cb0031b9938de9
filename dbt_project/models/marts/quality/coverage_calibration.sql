with

measures as (

    from {{ ref('interval_measures') }}

),

final as (

    select
        tape_class,
        publication_rule,
        part,
        is_weak_spot,
        figures,
        saturated_share,
        events_hit_share,
        usd_hit_share,
        events_bias_share,
        usd_bias_share,
        usd_width_over_oracle,

    from measures

)

select *,

from final

order by tape_class, publication_rule, part
