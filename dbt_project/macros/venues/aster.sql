{#- BTCUSDT and the like in USDC, USDF, USD1, USDH, USDe or U: all linear. -#}
{% macro aster__symbol_parts(column) -%}
    {{ return({
        "venue_asset": name_part(column, "^({letters}+?)(?:USDT0?|USDC|USDF|USD1|USDH|USDE|USD|U)$", 1),
        "quote_asset": "nullif(regexp_extract("
            ~ column ~ ", '(USDT0|USDT|USDC|USDF|USD1|USDH|USDE|USD|U)$', 1), '')",
        "contract_type": "'linear'",
    }) }}
{%- endmacro %}
