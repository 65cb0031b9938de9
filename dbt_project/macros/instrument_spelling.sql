{#-
    What an instrument's name says by its venue's grammar: a struct of venue_asset, quote_asset and
    contract_type (linear, inverse). venue_asset is null where the name does not fit the grammar; a
    name is never repaired.

    Arguments: venue; column, an expression that gives the instrument's name.
      binance      BTCUSDT, BTCUSDT_260327, spot BTCUSDT; BTCUSD_PERP and BTCUSD_260327 are inverse
      bybit        BTCUSDT, BTCUSDT-27MAR26 (USDT); BTCPERP, BTC-27MAR26 (USDC); BTCUSD and
                   BTCUSDH26 are inverse
      okx          BTC-USDT-SWAP, BTC-USDT-260327, BTC-USD_UM_XPERP-310404; BTC-USD-SWAP is inverse;
                   and the bare currency of statistics over all its contracts
      hyperliquid  BTC, kPEPE, xyz:TSLA; @107 and PURR/USDC are spot and fit nothing here
-#}
{% macro instrument_spelling(venue, column) -%}
    {%- set letters = "[\\p{Lu}\\p{Lo}\\p{N}]" -%}
    {%- if venue == "binance" -%}
        {%- set pattern = "^(" ~ letters ~ "+?)(USDT|USDC|BUSD|FDUSD|USD1|USD)(_PERP|_[0-9]{6})?$" -%}
        {%- set quote = "regexp_extract(" ~ column ~ ", '" ~ pattern ~ "', 2)" -%}
        {%- set inverse = quote ~ " = 'USD'" -%}
    {%- elif venue == "bybit" -%}
        {%- set dated = "-[0-9]{1,2}[A-Z]{3}[0-9]{2}" -%}
        {%- set pattern = "^(" ~ letters ~ "+?)(?:(USDT|USDC|USD|PERP)([FGHJKMNQUVXZ][0-9]{2}|"
            ~ dated ~ ")?|" ~ dated ~ ")$" -%}
        {%- set term = "regexp_extract(" ~ column ~ ", '" ~ pattern ~ "', 2)" -%}
        {%- set quote = "if(" ~ term ~ " in ('USDT', 'USD', 'USDC'), " ~ term ~ ", 'USDC')" -%}
        {%- set inverse = quote ~ " = 'USD'" -%}
    {%- elif venue == "okx" -%}
        {%- set pattern = "^(" ~ letters ~ "+)(?:-(USDT|USDC|USD)(_UM_XPERP)?-(?:SWAP|[0-9]{6}))?$" -%}
        {%- set quote = "nullif(regexp_extract(" ~ column ~ ", '" ~ pattern ~ "', 2), '')" -%}
        {%- set inverse = quote ~ " = 'USD' and regexp_extract("
            ~ column ~ ", '" ~ pattern ~ "', 3) = ''" -%}
    {%- elif venue == "hyperliquid" -%}
        {%- set pattern = "^((?:[a-z0-9]+:)?[A-Za-z0-9]+)$" -%}
        {%- set quote = "'USDC'" -%}
        {%- set inverse = "false" -%}
    {%- else -%}
        {{ exceptions.raise_compiler_error(
            "No grammar of instrument names for venue '" ~ venue
            ~ "'. Add one to macros/instrument_spelling.sql."
        ) }}
    {%- endif -%}
    struct_pack(
        venue_asset := nullif(regexp_extract({{ column }}, '{{ pattern }}', 1), ''),
        quote_asset := {{ quote }},
        contract_type := if({{ inverse }}, 'inverse', 'linear')
    )
{%- endmacro %}
