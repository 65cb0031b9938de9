{#-
    The publication rules under which no two equal events can be published: of a symbol, or of a
    symbol and side, they publish one event in a second. Where one of them holds, equal rows are one
    event, however often a file or several sources repeat it. Every other rule allows genuine twins:
    equal fills of one instant that are two events.
-#}
{% macro rules_without_twins() -%}
    {{ return([
        "one_per_symbol_second_latest",
        "one_per_symbol_second_largest",
        "one_per_symbol_side_second_largest",
        "sampled",
    ]) }}
{%- endmacro %}


{#-
    Whether two equal rows can be two events, by the publication rule of the venue at that time (see
    <venue>__publication_rules); a predicate, true where nothing is stated.

    Arguments: venue (none: what the column `venue` says); event_at and source_kind, SQL expressions.
    A rule may name the source that it is of (rest or stream); what collectors and dumps hold was
    streamed.
-#}
{% macro can_have_twins(venue, event_at, source_kind) -%}
    {%- if not venue %}
    case venue
        {%- for one in var('venues') %}
        when '{{ one }}' then {{ can_have_twins(one, event_at, source_kind) }}
        {%- endfor %}
        else true
    end
    {%- else %}
    {%- set spans = [] %}
    {%- for rule in context[venue ~ '__publication_rules']()['rules'] %}
        {%- if rule[0] in rules_without_twins() %}
            {%- set source = rule[5] if rule | length > 5 else none %}
            {%- do spans.append(
                event_at ~ " >= timestamp '" ~ rule[1] ~ "'"
                ~ (" and " ~ event_at ~ " < timestamp '" ~ rule[2] ~ "'" if rule[2] else "")
                ~ (" and " ~ source_kind ~ (" = 'rest'" if source == "rest" else " != 'rest'")
                    if source else "")
            ) %}
        {%- endif %}
    {%- endfor %}
    {{- "not coalesce((" ~ spans | join(") or (") ~ "), false)" if spans else "true" }}
    {%- endif %}
{%- endmacro %}
