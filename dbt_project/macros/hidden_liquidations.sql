{#-
    Estimates of what venues did not publish: sums and 90% intervals of the moments in
    int_hidden_liquidations_hourly. unwind.estimates.intervals has the same formulas in Python, with
    the reasons for their constants; a test compares the two. Moments of venues that publish all are
    null, and count as nothing.
-#}
{% macro moments() -%}
    {{ return([
        'unestimated_events', 'hidden_events', 'hidden_events_variance', 'unestimated_usd',
        'hidden_usd', 'hidden_usd_variance', 'estimated_channel_hours', 'saturated_channel_hours',
        'uncovered_channel_hours', 'too_even_channel_hours', 'unknown_rule_channel_hours',
        'unpriced_events',
    ]) }}
{%- endmacro %}


{#- All moments of a table, for each side, as columns of a select. -#}
{% macro each_moment(table) -%}
    {%- for side in ['total', 'long', 'short'] %}
    {%- for moment in moments() %}
        {{ table }}.{{ side }}_{{ moment }},
    {%- endfor %}
    {%- endfor %}
{%- endmacro %}


{#-
    The sums of all moments over a table's rows, for each side, as columns of a select.

    Arguments: table; where, a filter clause; tail, what the names of the sums end in; sides.
-#}
{% macro summed_moments(table, where='', tail='', sides=['total', 'long', 'short']) -%}
    {%- for side in sides %}
    {%- for moment in moments() %}
        coalesce(sum({{ table }}.{{ side }}_{{ moment }}) {{ where }}, 0)
            as {{ side }}_{{ moment }}{{ tail }},
    {%- endfor %}
    {%- endfor %}
{%- endmacro %}


{#-
    The columns of an interval: `<name>_low`, `<name>_mid`, `<name>_high`.

    A part without an estimate enters the lower end and the middle as published, and makes the upper
    end null.

    Arguments: name of the figure; unit, `usd` or `events`; side; tail, what the names of the moments'
    columns end in; published, the column of the published figure, if its name is another.
-#}
{% macro interval_columns(name, unit, side, tail='', published=none) -%}
        {%- for end in ['low', 'mid'] %}
        {{ with_hidden_end(published or name, end, unit, side, tail) }} as {{ name }}_{{ end }},
        {%- endfor %}
        case
            when not {{ is_partly_unestimated(unit, side, tail) }}
                then {{ with_hidden_end(published or name, 'high', unit, side, tail) }}
        end as {{ name }}_high,
{%- endmacro %}


{#-
    The figure of the parts that have an estimate, and its interval: `estimated_<name>`,
    `estimated_<name>_low` and so on. Arguments as of interval_columns, of dollars.
-#}
{% macro estimated_columns(name, side, tail='') -%}
        {%- set published -%}
        {{ name }} - least({{ name }}, coalesce({{ side }}_unestimated_usd{{ tail }}, 0))
        {%- endset %}
        try_cast({{ published }} as decimal(38, 4)) as estimated_{{ name }},
        {%- for end in ['low', 'mid', 'high'] %}
        {{ with_hidden_end(published, end, 'usd', side, tail) }} as estimated_{{ name }}_{{ end }},
        {%- endfor %}
{%- endmacro %}


{#- A published figure and an end or the middle of what is hidden, to the published one's digits. -#}
{% macro with_hidden_end(published, end, unit, side, tail) -%}
    {%- set hidden = {'low': hidden_low, 'mid': hidden_mid, 'high': hidden_high}[end] -%}
    {%- set column = 'decimal(38, 4)' if unit == 'usd' else 'decimal(38, 2)' -%}
    try_cast({{ published }} + try_cast({{ hidden(unit, side, tail) }} as {{ column }}) as {{ column }})
{%- endmacro %}


{#- The channel-hours of a side that have no estimate, for any of the four reasons. -#}
{% macro unestimated_channel_hours(side, tail='') -%}
    {%- for reason in ['saturated', 'uncovered', 'too_even', 'unknown_rule'] -%}
        {%- if not loop.first %}
            + {% endif -%}
        coalesce({{ side }}_{{ reason }}_channel_hours{{ tail }}, 0)
    {%- endfor -%}
{%- endmacro %}


{#- Whether a part has no estimate, or no size. -#}
{% macro is_partly_unestimated(unit, side, tail='') -%}
    (
            {{ unestimated_channel_hours(side, tail) }}
            {%- if unit == 'usd' %}
            + coalesce({{ side }}_unpriced_events{{ tail }}, 0)
            {%- endif %} > 0
        )
{%- endmacro %}


{#-
    The ends and the middle of what is hidden, as doubles. The lower end is zero while so few events are
    expected that there may be none: a tenth of hours with 2.3 of them has none. The upper end is no lower
    than it would be if nothing were hidden: a lognormal's falls to zero with its mean.
-#}
{% macro hidden_low(unit, side, tail='') -%}
    {%- set events = side ~ '_hidden_events' ~ tail -%}
    case
            when {{ events }} < 2.3
                or {{ events }} < {{ z_90() }} * sqrt({{ variance_of_sum('events', side, tail) }})
                then 0
            when {{ side }}_hidden_{{ unit }}{{ tail }} > 0
                then {{ lognormal_point(unit, side, tail, '-') }}
            else 0
        end
{%- endmacro %}


{% macro hidden_mid(unit, side, tail='') -%}
    greatest(coalesce({{ side }}_hidden_{{ unit }}{{ tail }}, 0)::double, 0)
{%- endmacro %}


{% macro hidden_high(unit, side, tail='') -%}
    {%- set hidden = side ~ '_hidden_' ~ unit ~ tail -%}
    case
            when {{ hidden }} is null then 0
            else greatest(
                {{ hidden }}::double,
                {{ z_90() }} * sqrt({{ variance_of_sum(unit, side, tail) }}),
                case
                    when {{ hidden }} > 0 then {{ lognormal_point(unit, side, tail, '+') }}
                    else 0
                end
            )
        end
{%- endmacro %}


{#- Standard normal quantile of a two-sided 90% interval. -#}
{% macro z_90() -%} 1.6448536 {%- endmacro %}


{#- What the model gets wrong alike in all channels, 5% of what is hidden, does not average out. -#}
{% macro variance_of_sum(unit, side, tail='') -%}
    {%- set hidden = side ~ '_hidden_' ~ unit -%}
    ({{ hidden }}_variance{{ tail }}::double
    + case when {{ side }}_estimated_channel_hours{{ tail }} > 1 then 0.05 ** 2 else 0 end
    * {{ hidden }}{{ tail }}::double ** 2)
{%- endmacro %}


{#- The 5% (`-`) or 95% (`+`) point of a lognormal of hidden's mean, above zero, and variance. -#}
{% macro lognormal_point(unit, side, tail, sign) -%}
    {%- set hidden = side ~ '_hidden_' ~ unit ~ tail -%}
    {%- set spread = '(' ~ variance_of_sum(unit, side, tail) ~ ' / ' ~ hidden ~ '::double ** 2)' -%}
    {{ hidden }}::double
                    * exp({{ sign }}{{ z_90() }} * sqrt({{ natural_log('1 + ' ~ spread) }}))
                    / sqrt(1 + {{ spread }})
{%- endmacro %}


{#-
    The ends of a share's 90% interval and its middle: what part a row's figure has in the whole that
    it is one summand of. By the delta method: part and rest vary independently, but for what the model
    gets wrong alike everywhere. An end is null where a part without an estimate could move the share
    beyond any figure.

    Arguments: end, `low`, `mid` or `high`; part and whole, what the columns of their moments begin
    with (`long`, `of_venues.total`); part_usd and whole_usd, their published figures; tail, what the
    columns end in; with_unestimated, whether parts without an estimate enter as published, rather
    than being left out.
-#}
{% macro share_of_usd(end, part, whole, part_usd, whole_usd, tail='', with_unestimated=true) -%}
    {%- set parts = [] -%}
    {%- for moments, usd in [(part, part_usd), (whole, whole_usd)] -%}
        {%- set left_out = moments ~ '_unestimated_usd' ~ tail -%}
        {%- set left_out = '' if with_unestimated else ' - least(' ~ usd ~ ', ' ~ left_out ~ ')' -%}
        {%- do parts.append(
            '((' ~ usd ~ left_out ~ ')::double'
            ~ ' + greatest(' ~ moments ~ '_hidden_usd' ~ tail ~ '::double, 0))'
        ) -%}
    {%- endfor -%}
    {%- set part_hidden, part_variance = part ~ '_hidden_usd', part ~ '_hidden_usd_variance' -%}
    {%- set whole_hidden, whole_variance = whole ~ '_hidden_usd', whole ~ '_hidden_usd_variance' -%}
    {%- set mid = 'least(1, ' ~ parts[0] ~ ' / ' ~ parts[1] ~ ')' -%}
    {%- set reach -%}
        {{ z_90() }} * sqrt(
                (1 - {{ mid }}) ** 2 * {{ part_variance }}{{ tail }}::double
                + {{ mid }} ** 2 * greatest(
                    {{ whole_variance }}{{ tail }}::double
                    - {{ part_variance }}{{ tail }}::double,
                    0
                )
                + 0.05 ** 2 * (
                    {{ part_hidden }}{{ tail }}::double
                    - {{ mid }} * {{ whole_hidden }}{{ tail }}::double
                ) ** 2
            ) / {{ parts[1] }}
    {%- endset -%}
    case
            when {{ parts[0] }} is not null and {{ parts[1] }} > 0
                then
                {%- if end == 'mid' %} round({{ mid }}, 6)
                {%- elif end == 'low' %} round(greatest(0, {{ mid }} - {{ reach }}), 6)
                {%- else %} round(least(1, {{ mid }} + {{ reach }}), 6)
                {%- endif %}
        end
{%- endmacro %}
