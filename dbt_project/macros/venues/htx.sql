{#-
    BTC-USDT, BTC-USDT-260327 and BTC-USDC are linear; BTC-USD and BTC260327 inverse, and so BTC_CQ:
    the alias of a dated one (this or next week, this or next quarter), as its streams and vendors write.
-#}
{% macro htx__symbol_parts(column) -%}
    {{ return({
        "venue_asset": name_part(
            column, "^({letters}+?)(?:-(?:USDT|USDC|USD)(?:-[0-9]{{6}}|-FUTURES)?|[0-9]{{6}}|_[CN][WQ])$", 1
        ),
        "quote_asset": "coalesce(nullif(regexp_extract("
            ~ column ~ ", '-(USDT|USDC|USD)(?:-|$)', 1), ''), 'USD')",
        "contract_type": "if(regexp_matches("
            ~ column ~ ", '-USD[TC](-|$)'), 'linear', 'inverse')",
    }) }}
{%- endmacro %}
