{#-
    Assets that the multiplier rule below would get wrong, or that a venue spells in its own way:
    venue's spelling -> (normalised asset, coins in one unit).

    A list instead of a seed, so that the rule stays an expression over one column: it gives the
    same result in every build, and any model can use it without a join.
-#}
{% macro asset_exceptions() %}
    {{ return({
        "XBT": ("BTC", 1),
        "1000X": ("1000X", 1),
    }) }}
{% endmacro %}


{#-
    The rule: prefix 1000, 10000 and up to 10000000, or 1M; trailing 1000; Hyperliquid's k. Each as
    (a cheap test that most names fail, pattern, group of the asset, multiplier or group of it).
-#}
{% macro asset_multiplier_rules() %}
    {{ return([
        ("starts_with({column}, '1')", "^(10{3,7}|1M)([A-Z][A-Z0-9]+)$", 2, none),
        ("ends_with({column}, '1000')", "^([A-Z]{2,})1000$", 1, 1000),
        ("starts_with({column}, 'k')", "^k([A-Z][A-Z0-9]+)$", 1, 1000),
    ]) }}
{% endmacro %}


{#-
    The asset behind a venue's spelling: 1000PEPE, kPEPE and SHIB1000 are PEPE, PEPE and SHIB;
    XBT is BTC. 1INCH is 1INCH. Null stays null.

    Argument: column, an expression that gives the venue's own asset text.
-#}
{% macro normalised_asset(column) -%}
    case
        {%- for parsed_symbol, meaning in asset_exceptions().items() %}
        when {{ column }} = '{{ parsed_symbol }}' then '{{ meaning[0] }}'
        {%- endfor %}
        {%- for test, pattern, asset_group, _ in asset_multiplier_rules() %}
        when {{ test.format(column=column) }} and regexp_matches({{ column }}, '{{ pattern }}')
            then regexp_extract({{ column }}, '{{ pattern }}', {{ asset_group }})
        {%- endfor %}
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
        {%- for parsed_symbol, meaning in asset_exceptions().items() %}
        when {{ column }} = '{{ parsed_symbol }}' then {{ meaning[1] }}
        {%- endfor %}
        {%- for test, pattern, _, multiplier in asset_multiplier_rules() %}
        when {{ test.format(column=column) }} and regexp_matches({{ column }}, '{{ pattern }}')
            then {{ multiplier or "try_cast(replace(regexp_extract(" ~ column ~ ", '" ~ pattern
                ~ "', 1), '1M', '1000000') as bigint)" }}
        {%- endfor %}
        else 1
    end
{%- endmacro %}
