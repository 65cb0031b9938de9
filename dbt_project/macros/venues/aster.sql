{#- BTCUSDT and the like in USDC, USDF, USD1, USDH, USDe or U: all linear. -#}
{% macro aster__symbol_parts(column) -%}
    {{ return({
        "venue_asset": name_part(column, "^({letters}+?)(?:USDT0?|USDC|USDF|USD1|USDH|USDE|USD|U)$", 1),
        "quote_asset": "nullif(regexp_extract("
            ~ column ~ ", '(USDT0|USDT|USDC|USDF|USD1|USDH|USDE|USD|U)$', 1), '')",
        "contract_type": "'linear'",
    }) }}
{%- endmacro %}


{#- What Aster publishes, from when to when, and who says so. -#}
{% macro aster__publication_rules() -%}
    {{ return({
        "venue_name": "Aster",
        "rules": [
            ("one_per_symbol_second_latest", "1970-01-01", none, "fill_avg",
                "https://github.com/asterdex/api-docs"),
        ],
    }) }}
{%- endmacro %}
