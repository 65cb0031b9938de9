{#-
    Assets that the multiplier rule below would get wrong, or that a venue spells in its own way:
    venue's spelling -> (normalised asset, coins in one unit).

    A list here and no seed: the rule stays an expression over one column, which gives the same
    answer in every build and can be used in any model without a join.
-#}
{% macro asset_exceptions() %}
    {{ return({
        "XBT": ("BTC", 1),
        "1000X": ("1000X", 1),
    }) }}
{% endmacro %}


{#- The rule's parts: prefix 1000, 10000 and up to 10000000, or 1M; trailing 1000; Hyperliquid's k. -#}
{% macro asset_prefix_pattern() %}{{ return("^(10{3,7}|1M)([A-Z][A-Z0-9]+)$") }}{% endmacro %}
{% macro asset_suffix_pattern() %}{{ return("^([A-Z]{2,})(1000)$") }}{% endmacro %}
{% macro asset_kilo_pattern() %}{{ return("^(k)([A-Z][A-Z0-9]+)$") }}{% endmacro %}


{#-
    The asset behind a venue's spelling: 1000PEPE, kPEPE and SHIB1000 are PEPE, PEPE and SHIB;
    XBT is BTC. 1INCH is 1INCH. Null stays null.

    Argument: column, an expression that gives the venue's own asset text.
-#}
{% macro normalised_asset(column) -%}
    case
        {%- for spelling, meaning in asset_exceptions().items() %}
        when {{ column }} = '{{ spelling }}' then '{{ meaning[0] }}'
        {%- endfor %}
        when regexp_matches({{ column }}, '{{ asset_prefix_pattern() }}')
            then regexp_extract({{ column }}, '{{ asset_prefix_pattern() }}', 2)
        when regexp_matches({{ column }}, '{{ asset_suffix_pattern() }}')
            then regexp_extract({{ column }}, '{{ asset_suffix_pattern() }}', 1)
        when regexp_matches({{ column }}, '{{ asset_kilo_pattern() }}')
            then regexp_extract({{ column }}, '{{ asset_kilo_pattern() }}', 2)
        else {{ column }}
    end
{%- endmacro %}


{#-
    How many coins one unit of a venue's spelling is (bigint): 1000 for 1000PEPE, kPEPE and
    SHIB1000, 1000000 for 1MBABYDOGE, else 1. Null stays null.

    Argument: column, an expression that gives the venue's own asset text.
-#}
{% macro asset_multiplier(column) -%}
    case
        when {{ column }} is null then null
        {%- for spelling, meaning in asset_exceptions().items() %}
        when {{ column }} = '{{ spelling }}' then {{ meaning[1] }}
        {%- endfor %}
        when regexp_matches({{ column }}, '{{ asset_prefix_pattern() }}')
            then replace(
                regexp_extract({{ column }}, '{{ asset_prefix_pattern() }}', 1), '1M', '1000000'
            )::bigint
        when regexp_matches({{ column }}, '{{ asset_suffix_pattern() }}')
            or regexp_matches({{ column }}, '{{ asset_kilo_pattern() }}') then 1000
        else 1
    end::bigint
{%- endmacro %}
