{#- BTCUSDT, BTCUSDC, BTCUSD1: all linear. -#}
{% macro aster__spelling(column) -%}
    {{ return({
        "venue_asset": name_part(column, "^({letters}+?)(?:USDT|USDC|USDF|USD1|USD)$", 1),
        "quote_asset": "nullif(regexp_extract("
            ~ column ~ ", '(USDT|USDC|USDF|USD1|USD)$', 1), '')",
        "contract_type": "'linear'",
    }) }}
{%- endmacro %}
