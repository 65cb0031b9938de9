{#-
    Quote assets that count as one dollar each, and who issues them against the dollar, as looked up
    on 2026-11-25. The quote asset itself is kept in every fact. A quote that is not here is
    quarantined (`quote_not_usd`) until a line names it.
-#}
{% macro dollar_quote_issuers() -%}
    {{ return({
        "USD": "the dollar itself",
        "USDT": "Tether",
        "USDT0": "Tether, bridged by LayerZero (Hyperliquid's token 268)",
        "USDC": "Circle",
        "BUSD": "Paxos, for Binance",
        "FDUSD": "First Digital",
        "TUSD": "TrueUSD",
        "USD1": "World Liberty Financial",
        "USDE": "Ethena",
        "USDe": "Ethena, as Hyperliquid's token 235",
        "USDF": "Aster",
        "USDG": "Paxos, Global Dollar Network",
        "USDH": "Native Markets (Hyperliquid's token 360)",
        "USDP": "Paxos",
        "PYUSD": "Paxos, for PayPal",
        "RLUSD": "Ripple",
        "DAI": "MakerDAO",
        "U": "United Stables",
    }) }}
{%- endmacro %}


{#- The same as a list, for `in`. -#}
{% macro dollar_quotes() -%}
    ('{{ dollar_quote_issuers().keys() | join("', '") }}')
{%- endmacro %}
