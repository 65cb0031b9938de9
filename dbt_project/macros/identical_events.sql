{#-
    The publication rules that exclude two identical events: they publish at most one event per
    second of a symbol, or of a symbol and side. Under them identical rows are one event, however
    often a file or several sources repeat it. All other rules allow identical events: equal fills
    at one instant that are two liquidations.
-#}
{% macro rules_without_identical_events() -%}
    {{ return([
        "one_per_symbol_second_latest",
        "one_per_symbol_second_largest",
        "one_per_symbol_side_second_largest",
        "sampled",
    ]) }}
{%- endmacro %}


{#-
    Whether two identical rows can be two events, by the venue's publication rule at that time; a
    predicate, true where no rule is stated.

    Arguments: venue (none: the value of the column `venue`); event_at and source_kind, SQL
    expressions. A rule may hold for one source only (rest or stream); collectors and dumps count as
    stream.
-#}
{% macro can_have_identical_events(venue, event_at, source_kind) -%}
    {%- if not venue %}
    case venue
        {%- for one in var('venues') %}
        when '{{ one }}' then {{ can_have_identical_events(one, event_at, source_kind) }}
        {%- endfor %}
        else true
    end
    {%- else %}
    {%- set spans = [] %}
    {%- for rule in publication_of(venue)['rules'] if rule['rule'] in rules_without_identical_events() %}
        {%- set source = rule.get('source_kind') %}
        {%- do spans.append(
            event_at ~ " >= timestamp '" ~ rule.get('valid_from', '1970-01-01') ~ "'"
            ~ (" and " ~ event_at ~ " < timestamp '" ~ rule['valid_to'] ~ "'"
                if 'valid_to' in rule else "")
            ~ (" and " ~ source_kind ~ (" = 'rest'" if source == "rest" else " != 'rest'")
                if source else "")
        ) %}
    {%- endfor %}
    {{- "not coalesce((" ~ spans | join(") or (") ~ "), false)" if spans else "true" }}
    {%- endif %}
{%- endmacro %}
