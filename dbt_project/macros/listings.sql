{#-
    Under which dataset a venue's list of contracts is landed, as an SQL expression.

    Argument: venue, an expression that gives the venue. Most venues list them under `instruments`;
    one that lists them with its tickers, markets or contracts states so in
    macros/venues/<venue>.sql, in the macro <venue>__listing_dataset.
-#}
{% macro listing_dataset(venue) -%}
    case {{ venue }}
        {%- for named in var('venues') %}
        {%- set stated = context.get(named ~ '__listing_dataset') %}
        when '{{ named }}' then '{{ stated() if stated else "instruments" }}'
        {%- endfor %}
    end
{%- endmacro %}


{#-
    Whether a contract's status, as the venue writes it, means that it can be traded; a predicate. An
    unknown or missing status counts as trading: the contract is listed.

    2026-11-25: the statuses that mean otherwise, from the venues' own pages: Binance and Aster
    (PENDING_TRADING, PRE_DELIVERING, DELIVERING, DELIVERED, PRE_SETTLE, SETTLING, CLOSE, BREAK),
    Bybit (PreLaunch, Delivering, Closed), OKX (suspend, preopen, expired, test), Bitget (listed is
    not yet tradable, maintain, off, offline), BitMEX (Unlisted, Closed, Settled), Deribit
    (inactive), dYdX (PAUSED, CANCEL_ONLY, INITIALIZING, FINAL_SETTLEMENT), Hyperliquid (delisted),
    Lighter (inactive), Kraken (not tradeable), HTX's numbers other than 1 as `status 5`.
-#}
{% macro is_trading_status(column) -%}
    (
        coalesce({{ column }}, '') not in (
            'pending_trading', 'pre_delivering', 'delivering', 'delivered', 'pre_settle',
            'settling', 'settled', 'close', 'closed', 'break', 'prelaunch', 'suspend', 'preopen',
            'expired', 'test', 'listed', 'maintain', 'off', 'offline', 'unlisted', 'inactive',
            'paused', 'cancel_only', 'initializing', 'final_settlement', 'delisted',
            'not tradeable'
        )
        and not starts_with(coalesce({{ column }}, ''), 'status ')
    )
{%- endmacro %}
