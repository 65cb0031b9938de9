{%- set components = stress_components() %}
{%- set measures = ['score'] + components %}
{#- The bands above calm: the percentile at which each begins. Extreme begins above its edge. #}
{%- set bands = [
    ('elevated', '>= 50', '<= 45'),
    ('stressed', '>= 80', '<= 75'),
    ('extreme', '> 95', '<= 90'),
] %}

with

percentiles as (

    from {{ ref('int_stress_percentiles') }}

    where hour_at >= {{ first_hour_read(stress_window_hours()) }}

),

score_percentiles as (

    from {{ ref('int_stress_score_percentiles') }}

    where hour_at >= {{ first_hour_read(stress_window_hours()) }}

),

standing as (

    select
        percentiles.*,
        score_percentiles.score_percentile,
        score_percentiles.score_history,

    from percentiles
    inner join score_percentiles
        on percentiles.hour_at = score_percentiles.hour_at
        and percentiles.base_asset = score_percentiles.base_asset

),

-- At its edge a band is entered, 5 points below it is left, and between the two nothing happens: so
-- whether it holds now is what happened last. No row needs the regime of the row before it.
crossings as (

    select
        hour_at,
        base_asset,
        {% for measure in measures -%}
        {% for band, enters, leaves in bands -%}
        case
            when {{ measure }}_percentile {{ enters }} then 1
            when {{ measure }}_percentile {{ leaves }} then 0
        end as {{ measure }}_{{ band }},
        {% endfor -%}
        {% endfor %}

    from standing

),

{% if few_build_hours() -%}
bands as (

    select
        built.hour_at,
        built.base_asset,
        {% for measure in measures -%}
        {% for band, enters, leaves in bands -%}
        coalesce(arg_max(earlier.{{ measure }}_{{ band }}, earlier.hour_at), 0)
            as {{ measure }}_{{ band }},
        {% endfor -%}
        {% endfor %}

    from (
        select
            hour_at,
            base_asset,

        from standing

        where hour_at in {{ build_hours() }}
    ) as built
    inner join crossings as earlier
        on built.base_asset = earlier.base_asset
        and earlier.hour_at >= built.hour_at - interval {{ stress_window_hours() }} hour
        and built.hour_at >= earlier.hour_at

    group by built.hour_at, built.base_asset

),
{%- else -%}
bands as (

    select
        hour_at,
        base_asset,
        {% for measure in measures -%}
        {% for band, enters, leaves in bands -%}
        coalesce(last_value({{ measure }}_{{ band }} ignore nulls) over replayed, 0)
            as {{ measure }}_{{ band }},
        {% endfor -%}
        {% endfor %}

    from crossings

    window replayed as (
        partition by base_asset
        order by hour_at
        range between interval {{ stress_window_hours() }} hour preceding and current row
    )

    qualify hour_at in {{ build_hours() }}

),
{%- endif %}

final as (

    select
        standing.hour_at,
        standing.base_asset,
        {% for measure in measures -%}
        standing.{{ measure }},
        standing.{{ measure }}_percentile,
        standing.{{ measure }}_history as {{ measure }}_history_hours,
        {% if measure != 'score' -%}
        standing.{{ measure }}_weight,
        standing.{{ measure }}_contribution,
        {% endif -%}
        case
            when standing.{{ measure }}_percentile is not null
                then ['calm', 'elevated', 'stressed', 'extreme'][
                    1 + bands.{{ measure }}_elevated
                    + bands.{{ measure }}_stressed + bands.{{ measure }}_extreme
                ]
        end as {{ measure if measure != 'score' else '' }}{{ '_' if measure != 'score' }}regime,
        {% endfor -%}
        standing.known_weight_share,
        standing.missing_components,
        standing.label_version,
        standing.hour_at - interval {{ stress_window_hours() }} hour as window_start_at,
        standing.hour_at as window_end_at,
        standing.hour_at + interval 1 hour as as_of_at,

    from standing
    inner join bands
        on standing.hour_at = bands.hour_at
        and standing.base_asset = bands.base_asset

)

select *,

from final

order by hour_at
