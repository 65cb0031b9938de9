{#- How market_brief_hourly writes figures and lists in English. Null gives null in each. -#}


{#- A number without a point and zeros that add nothing; an expression of a text with a point. -#}
{% macro without_zeros(text) -%}
    rtrim(rtrim({{ text }}, '0'), '.')
{%- endmacro %}


{#- A number of dollars as text: $312, $45,300, $230.4 million, $1.23 billion. -#}
{% macro usd_words(usd) -%}
    case
        when {{ usd }} >= 999950000
            then '$' || {{ without_zeros("format('{:,.2f}', (" ~ usd ~ ")::double / 1e9)") }}
                || ' billion'
        when {{ usd }} >= 999950
            then '$' || {{ without_zeros("format('{:.1f}', (" ~ usd ~ ")::double / 1e6)") }}
                || ' million'
        when {{ usd }} > 0 and {{ usd }} < 1 then 'under $1'
        else '$' || format('{:,.0f}', ({{ usd }})::double)
    end
{%- endmacro %}


{#- The dollars of a side: '$4.1 million of shorts', 'at least $3,000 of shorts', 'no shorts'. -#}
{% macro side_words(usd, side, is_lower_bound) -%}
    case
        when {{ usd }} = 0 and {{ is_lower_bound }} then 'no published {{ side }}'
        when {{ usd }} = 0 then 'no {{ side }}'
        when {{ is_lower_bound }} then 'at least ' || {{ usd_words(usd) }} || ' of {{ side }}'
        else {{ usd_words(usd) }} || ' of {{ side }}'
    end
{%- endmacro %}


{#- A price as text: 81,900, 312.45, 0.01234. -#}
{% macro price_words(price) -%}
    case
        when {{ price }} >= 1000 then format('{:,.0f}', ({{ price }})::double)
        when {{ price }} >= 1 then {{ without_zeros("format('{:.2f}', (" ~ price ~ ")::double)") }}
        -- To four digits.
        when {{ price }} > 0
            then {{ without_zeros("format('{:.12f}', round((" ~ price
                ~ ")::double, 3 - try_cast(floor(log10(" ~ price ~ ")) as integer)))") }}
    end
{%- endmacro %}


{#- A share, 0 to 1, as a percentage: 98.3%. What rounds to nothing or to all is neither. -#}
{% macro share_words(share) -%}
    case
        when {{ share }} > 0 and {{ share }} < 0.0005 then 'under 0.1%'
        when {{ share }} < 1 and {{ share }} >= 0.9995 then 'over 99.9%'
        else {{ percent_words("100 * (" ~ share ~ ")") }}
    end
{%- endmacro %}


{#- A percentage without its sign: 4.6%. -#}
{% macro percent_words(percent) -%}
    {{ without_zeros("format('{:.1f}', abs((" ~ percent ~ ")::double))") }} || '%'
{%- endmacro %}


{#- 'between A and B' of two texts, or one of them where they are the same. -#}
{% macro between_words(low, high) -%}
    case
        when {{ low }} = {{ high }} then {{ low }}
        else 'between ' || {{ low }} || ' and ' || {{ high }}
    end
{%- endmacro %}


{#- A list of texts as 'A', 'A and B', 'A, B and C'; null for none. -#}
{% macro listed_words(texts) -%}
    case
        when len({{ texts }}) = 1 then ({{ texts }})[1]
        when len({{ texts }}) > 1
            then array_to_string(({{ texts }})[:-2], ', ') || ' and ' || ({{ texts }})[-1]
    end
{%- endmacro %}


{#- A distance in percent as '2.3% below' or '2.3% above' something, 'around' it for none. -#}
{% macro distance_words(percent, what) -%}
    case
        when round({{ percent }}, 1) = 0 then 'around {{ what }}'
        else {{ percent_words(percent) }} || if({{ percent }} < 0, ' below ', ' above ')
            || '{{ what }}'
    end
{%- endmacro %}


{#- A change of a quantity, a share of it: 'fell 5.2%', 'rose 0.4%', 'did not change'. -#}
{% macro change_words(share) -%}
    case
        when round(100 * {{ share }}, 1) = 0 then 'did not change'
        else if({{ share }} < 0, 'fell ', 'rose ') || {{ percent_words("100 * " ~ share) }}
    end
{%- endmacro %}


{#-
    The sentences of market_brief_hourly as columns `<topic>_text`, null where a sentence has
    nothing to say. They read the CTE `worded` of the model.

    Arguments: falls, the falls of the price in percent; reach_percent, how far from the price the
    largest cluster may be.
-#}
{% macro brief_sentences(falls, reach_percent) %}
    'In the hour from ' || hour_words || ', ' || case
        when dominant_side = 'none' and is_lower_bound
            then 'no ' || asset_words || 'liquidation was published.'
        when dominant_side = 'none' then 'no ' || asset_words || 'position was liquidated.'
        when dominant_side = 'even'
            then asset_words || 'liquidations were even: ' || long_words || ' and '
                || short_words || '.'
        when dominant_side = 'long'
            then 'longs dominated ' || asset_words || 'liquidations: ' || long_words || ' and '
                || short_words || ', a long share of ' || {{ share_words('long_share') }} || '.'
        when dominant_side = 'short'
            then 'shorts dominated ' || asset_words || 'liquidations: ' || short_words
                || ' and ' || long_words || ', a long share of '
                || {{ share_words('long_share') }} || '.'
        when long_usd > 0
            then long_words || in_asset_words || ' were liquidated; shorts are not known.'
        when short_usd > 0
            then short_words || in_asset_words || ' were liquidated; longs are not known.'
        else 'the size of ' || asset_words || 'liquidations is not known.'
    end as sides_text,
    case
        when has_unestimated_part and coalesce(long_usd, short_usd) is not null
            then 'What venues did not publish can only be estimated in part.'
        when long_usd_low > long_usd or long_usd_high > long_usd
            or short_usd_low > short_usd or short_usd_high > short_usd
            then 'With what venues did not publish, the estimate is ' || {{ between_words(
                usd_words('long_usd_low'), usd_words('long_usd_high')
            ) }} || ' of longs and ' || {{ between_words(
                usd_words('short_usd_low'), usd_words('short_usd_high')
            ) }} || ' of shorts (90% intervals).'
    end as estimate_text,
    case
        when long_share_low < 0.5 and long_share_high > 0.5
            then 'Which side was larger remains open.'
    end as open_side_text,
    case
        when len(largest_words) = 1 then 'The only venue that reported any was '
            || {{ listed_words('largest_words') }} || '.'
        else 'The largest venues were ' || {{ listed_words('largest_words') }} || '.'
    end as venues_text,
    case
        when is_largest_venue_open and len(largest_words) > 1
            then 'Which of them was the largest remains open.'
    end as open_venue_text,
    'Nothing was received from ' || {{ listed_words('missing_words') }} || '.'
        as missing_text,
    {{ listed_words('partial_words') }}
    || if(len(partial_words) = 1, ' was', ' were') || ' covered only in part.'
        as partial_text,
    if(len(lower_bound_words) = 1, 'The sum of ', 'The sums of ')
    || {{ listed_words('lower_bound_words') }}
    || if(
        len(lower_bound_words) = 1,
        ' is a lower bound by its publication rule.',
        ' are lower bounds by their publication rules.'
    ) as rules_text,
    case
        when not is_incomplete and venues_expected > 0
            then 'Every venue that was expected to report was covered in full.'
    end as complete_text,
    'The largest cluster of forced long selling in 30 days within {{ reach_percent }}%'
    || ' of the price is ' || {{ usd_words('cluster_long_30d_usd') }} || ' at '
    || {{ price_words('cluster_low_usd') }} || ' to ' || {{ price_words('cluster_high_usd') }}
    || ', ' || {{ distance_words('cluster_distance_to_spot_percent', 'the price') }}
    || coalesce(
        ' and ' || {{ distance_words(
            'cluster_distance_to_swing_low_percent', 'the nearest confirmed swing low'
        ) }} || ' (' || {{ price_words('cluster_swing_low_usd') }} || ')',
        ''
    ) || '.' as cluster_text,
    'The largest estimated level of long liquidations below the price is '
    || {{ usd_words('level_mass_usd') }} || ' (' || {{ between_words(
        usd_words('level_mass_low_usd'), usd_words('level_mass_high_usd')
    ) }} || ') at ' || {{ price_words('level_low_usd') }} || ' to '
    || {{ price_words('level_high_usd') }} || ', '
    || {{ distance_words('level_distance_percent', 'the price') }} || '.' as level_text,
    if(
        base_asset = 'ALL', 'With every asset down by as much, falls of ', 'Falls of '
    )
    || '{{ falls[:-1] | join("%, ") }}% and {{ falls[-1] }}% would liquidate an estimated '
    {%- for percent in falls %}
    || {{ usd_words('fall_' ~ percent ~ '_percent_usd') }} || ' (' || {{ between_words(
        usd_words('fall_' ~ percent ~ '_percent_low_usd'),
        usd_words('fall_' ~ percent ~ '_percent_high_usd')
    ) }} || '){{ ", " if loop.revindex > 2 else (" and " if loop.revindex == 2 else "") }}'
    {%- endfor %} || ' of longs.' as falls_text,
    case
        when unwind_class = 'mixed'
            then 'No rule of capitulation, staged or voluntary unwinding holds for the 24 hours'
                || ' to ' || end_words
        when unwind_class is null
            then 'How leverage left in the 24 hours to ' || end_words || ' is not known'
        else 'The 24 hours to ' || end_words || ' are classified as a ' || case unwind_class
            when 'capitulation' then 'capitulation'
            when 'staged' then 'staged unwind after ' || stages_7d || ' stages in 7 days'
            else 'voluntary unwind'
        end
    end
    || coalesce('; open interest ' || {{ change_words('oi_change_24h_share') }}, '')
    || case
        when unwind_class = 'voluntary'
            then ', of which at most ' || {{ share_words('forced_ratio_high') }}
                || ' was forced'
        else ''
    end
    || '.' as unwind_text,
    case
        when regime is not null
            then 'The stress regime is ' || regime || ': the score of '
                || {{ without_zeros("format('{:.1f}', score)") }} || ' is at percentile '
                || {{ without_zeros("format('{:.1f}', score_percentile)") }}
                || ' of the 90 days before.'
        when score is not null
            then 'The stress score is ' || {{ without_zeros("format('{:.1f}', score)") }}
                || '; its regime is not known, for want of history.'
        else 'The stress score is not known.'
    end as stress_text,
    case
        when base_asset = 'ALL' then null
        when any_divergence then concat_ws(
            ' ',
            case
                when recovery_divergence
                    then 'Warning: long liquidations rise without a recovery of the price.'
            end,
            case
                when range_divergence
                    then 'Warning: liquidations rise while the price''s hourly ranges narrow.'
            end
        )
        when not any_divergence then 'No divergence warning holds.'
        else 'Whether a divergence warning holds is not known.'
    end as divergence_text,
    case
        when is_range_narrowing
            then 'The price is range-bound: its hourly ranges have narrowed over 48 hours.'
        when not is_range_narrowing
            then 'The price''s hourly ranges have not narrowed over 48 hours.'
    end as range_text,
    case
        when len(changes) > 0
            then 'Since the hour before, ' || {{ listed_words('changes') }} || '.'
        when is_comparable
            then 'No known change of side, classification, regime or warnings since the hour'
                || ' before.'
    end as changes_text,
    'Check it: unwind explain market_brief_hourly --where "hour_at = '''
    || strftime(hour_at, '%Y-%m-%d %H:%M') || ''' and base_asset = ''' || base_asset || '''".'
        as check_text,
{%- endmacro %}
