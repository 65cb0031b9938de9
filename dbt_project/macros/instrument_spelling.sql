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
    {%- set inverse = is_inverse_by_name(venue, column) -%}
    {%- if venue == "binance" -%}
        {#- BNBUSD_PERP is BNB in USD, though BUSD is a quote asset too. -#}
        {%- set asset = "if(" ~ inverse ~ ", "
            ~ name_part(column, "^({letters}+)USD_(?:PERP|[0-9]{{6}})$", 1) ~ ", "
            ~ name_part(column, "^({letters}+?)(?:USDT|USDC|BUSD|FDUSD|USD1)(?:_[0-9]{{6}})?$", 1)
            ~ ")" -%}
        {%- set quote = "if(" ~ inverse ~ ", 'USD', nullif(regexp_extract("
            ~ column ~ ", '(USDT|USDC|FDUSD|BUSD|USD1)(?:_[0-9]{6})?$', 1), ''))" -%}
    {%- elif venue == "bybit" -%}
        {%- set asset = name_part(
            column,
            "^({letters}+?)(?:(?:USDT|USDC|USD|PERP)(?:[FGHJKMNQUVXZ][0-9]{{2}}"
            ~ "|-[0-9]{{1,2}}[A-Z]{{3}}[0-9]{{2}})?|-[0-9]{{1,2}}[A-Z]{{3}}[0-9]{{2}})$",
            1
        ) -%}
        {%- set quote = "coalesce(nullif(regexp_extract("
            ~ column ~ ", '(USDT|USD)(?:[FGHJKMNQUVXZ][0-9]{2}|-[0-9A-Z]+)?$', 1), ''), 'USDC')" -%}
    {%- elif venue == "okx" -%}
        {%- set asset = name_part(
            column, "^({letters}+)(?:-(?:USDT|USDC|USD)(?:_UM_XPERP)?-(?:SWAP|[0-9]{{6}}))?$", 1
        ) -%}
        {%- set quote = "nullif(split_part(split_part(" ~ column ~ ", '-', 2), '_', 1), '')" -%}
    {%- elif venue == "hyperliquid" -%}
        {%- set asset = "nullif(regexp_extract("
            ~ column ~ ", '^((?:[a-z0-9]+:)?[A-Za-z0-9]+)$', 1), '')" -%}
        {%- set quote = "'USDC'" -%}
    {%- endif -%}
    struct_pack(
        venue_asset := {{ asset }},
        quote_asset := {{ quote }},
        contract_type := if({{ inverse }}, 'inverse', 'linear')
    )
{%- endmacro %}


{#-
    Whether an instrument's name is that of a coin-margined contract worth a number of dollars.

    Arguments: venue; column, an expression that gives the instrument's name.
-#}
{% macro is_inverse_by_name(venue, column) -%}
    {%- if venue == "binance" -%}
        contains({{ column }}, 'USD_')
    {%- elif venue == "bybit" -%}
        regexp_matches({{ column }}, 'USD([FGHJKMNQUVXZ][0-9]{2})?$')
    {%- elif venue == "okx" -%}
        contains({{ column }}, '-USD-')
    {%- elif venue == "hyperliquid" -%}
        false
    {%- else -%}
        {{ exceptions.raise_compiler_error(
            "No grammar of instrument names for venue '" ~ venue
            ~ "'. Add one to macros/instrument_spelling.sql."
        ) }}
    {%- endif -%}
{%- endmacro %}


{#-
    A group of a pattern in a name, or null. Names are capitals and digits of any script (Chinese
    ones are traded); the classes of all scripts cost five times as much, so ASCII is tried first.

    Arguments: column; pattern with {letters} for the class, other braces doubled; group.
-#}
{% macro name_part(column, pattern, group) -%}
    coalesce(
        nullif(regexp_extract({{ column }}, '{{ pattern.format(letters="[A-Z0-9]") }}', {{ group }}), ''),
        nullif(regexp_extract(
            {{ column }}, '{{ pattern.format(letters="[\\p{Lu}\\p{Lo}\\p{N}]") }}', {{ group }}
        ), '')
    )
{%- endmacro %}
