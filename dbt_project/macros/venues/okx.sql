{#-
    BTC-USDT-SWAP, BTC-USDT-260327; BTC-USD-SWAP is inverse. The families _UM and _UM_XPERP are
    margined in what they are quoted in, so BTC-USD_UM-SWAP, BTC-USD_UM-261030 and
    BTC-USD_UM_XPERP-310404 are linear. And the bare currency of statistics over all its contracts.
-#}
{% macro okx__symbol_parts(column) -%}
    {{ return({
        "venue_asset": name_part(
            column, "^({letters}+)(?:-{letters}+(?:_UM(?:_XPERP)?)?-(?:SWAP|[0-9]{{6}}))?$", 1
        ),
        "quote_asset": "nullif(split_part(split_part(" ~ column ~ ", '-', 2), '_', 1), '')",
        "contract_type": "if(contains(" ~ column ~ ", '-USD-'), 'inverse', 'linear')",
    }) }}
{%- endmacro %}
