"""A vendor's CSV of any venue: sides and units by value, and no double counting."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from liquidation_imports import Built, at, built, frame_lines, rest_line, take_in_text

from unwind.settings import Home

HEADER = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
# 2026-06-30 12:00:00, an hour later, and a day earlier, in microseconds.
NOON, LATER, EARLIER = 1782820800000000, 1782824400000000, 1782734400000000


def rows(exchange: str, *listed: tuple[str, int, str, str, str]) -> str:
    return HEADER + "".join(
        f"{exchange},{symbol},{us},{us + 5000},,{side},{price},{amount}\n"
        for symbol, us, side, price, amount in listed
    )


# Hours that the venue itself covers, a repeated row, and a contract of a hundred dollars.
COUNTED = {
    "binance, counted": rows(
        "binance-futures",
        ("BTCUSDT", NOON, "sell", "60000", "0.5"),
        ("BTCUSDT", NOON, "sell", "60000", "0.5"),
        ("ETHUSDT", NOON, "both", "3000", "1"),
    ),
    "okx, counted": rows("okex-swap", ("BTC-USD-SWAP", NOON, "buy", "60000", "5")),
    "bybit, counted": rows(
        "bybit",
        ("ROSEUSDT", NOON, "sell", "0.045", "20000"),
        ("ROSEUSDT", LATER, "buy", "0.05", "100"),
    ),
}


TICKERS = (
    "exchange,symbol,timestamp,local_timestamp,funding_timestamp,funding_rate,"
    "predicted_funding_rate,open_interest,last_price,index_price,mark_price\n"
)
# 2022-09-28 and 2022-09-29 12:00:00 in microseconds.
THE_DAY_BEFORE, THE_DAY = 1664366400000000, 1664452800000000


def ticker(
    exchange: str, symbol: str, us: int, open_interest: str = "", funding_rate: str = ""
) -> str:
    return f"{exchange},{symbol},{us},{us + 500},,{funding_rate},,{open_interest},,,100\n"


@pytest.fixture(scope="module")
def stated(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """What counts; and one row or two of every vendor exchange whose unit, symbols or side differ
    from the rest."""
    folder: Path = tmp_path_factory.mktemp("stated")
    home = Home(folder / "home")
    liquidations = {
        "bitget": rows(
            "bitget-futures",
            ("APEUSDT", NOON, "sell", "0.1649", "13.70319"),
            ("IPUSDT", NOON + 1000, "sell", "0.500280739469", "143.330431857868"),
            ("BTCUSD", NOON, "sell", "60000", "5"),
        ),
        "bitfinex": rows(
            "bitfinex-derivatives",
            ("BTCF0:USTF0", NOON, "sell", "9135.972557016", "0.5"),
            ("ETHF0:USTF0", NOON + 1000, "buy", "222.248906484356", "8.6007"),
        ),
        "htx": rows("huobi-dm-swap", ("BTC-USD", NOON, "buy", "60000", "3"))
        + rows("huobi-dm", ("ETH_CQ", NOON, "sell", "3000", "7")).removeprefix(HEADER)
        + rows("huobi-dm-linear-swap", ("BTC-USDT", NOON, "sell", "1", "1")).removeprefix(HEADER),
        "okx": rows(
            "okex-futures",
            ("BTC-USD-260925", NOON, "sell", "60000", "5"),
            ("SOL-USD-260925", NOON, "buy", "150", "5"),
            ("XRP-USDT-SWAP", NOON, "buy", "2", "5"),
        ),
        "deribit": rows(
            "deribit",
            ("BTC-PERPETUAL", NOON, "sell", "60000", "1120"),
            ("SOL_USDC-PERPETUAL", NOON, "buy", "150", "2"),
        ),
        "kraken_futures": rows(
            "cryptofacilities",
            ("PI_XBTUSD", NOON, "sell", "60000", "250"),
            ("PF_XBTUSD", NOON, "sell", "60000", "0.25"),
        ),
        "lighter": rows(
            "lighter", ("1", NOON, "sell", "60000", "0.5"), ("77", NOON, "sell", "1", "1")
        ),
        "gate": rows("gate-io-futures", ("BTC_USDT", NOON, "sell", "60000", "5")),
        "hyperliquid": rows("hyperliquid", ("BTC", NOON, "sell", "60000", "5")),
        "binance": rows("binance-futures", ("BNBUSD_PERP", NOON, "sell", "600", "3"))
        + rows("kraken-futures-mirror", ("BTCUSDT", NOON, "sell", "60000", "5")).removeprefix(
            HEADER
        )
        + rows("bybit", ("BTCUSDT", NOON, "sell", "60000", "5")).removeprefix(HEADER),
    }
    tickers = {
        "lighter": ticker("lighter", "1", NOON, "124496091.756091", "0.0012")
        + ticker("lighter", "0", NOON, "70209112.921092", "-0.0011"),
        "hyperliquid": ticker("hyperliquid", "KPEPE", NOON, "21000000000", "1.25e-05")
        + ticker("hyperliquid", "KBONK", NOON, "5000000", "1.25e-05")
        + ticker("hyperliquid", "KAITO", NOON, "700", "1.25e-05")
        + ticker("hyperliquid", "XYZ:TSLA", NOON, "21000", "1.25e-05")
        + ticker("hyperliquid", "HYNA:KPEPE", NOON, "10", "1.25e-05"),
        "bitfinex": ticker("bitfinex-derivatives", "BTCF0:USTF0", NOON, "11153.7", "0.0001")
        + ticker("bitfinex-derivatives", "TESTBTCF0:TESTUSDTF0", NOON, "10", "0.0001"),
        "kraken_futures": ticker("cryptofacilities", "PI_XBTUSD", THE_DAY_BEFORE, "5", "1.2e-9")
        + ticker("cryptofacilities", "PI_XBTUSD", THE_DAY, "900", "0.00002")
        + ticker("cryptofacilities", "PF_XBTUSD", THE_DAY, "8.5", "0.00003"),
        "bybit": ticker("bybit", "ETHUSDT", NOON, "200", "0.0001")
        + ticker("bybit", "ETHUSD", NOON, "500", "0.0001"),
        "okx": ticker("okex-swap", "BTC-USDT-SWAP", NOON, "3000", "0.0001"),
        "htx": ticker("huobi-dm-swap", "BTC-USD", NOON, "600000", "0.0001")
        + ticker("huobi-dm-swap", "ETH-USD", NOON, "600000", "0.0001"),
        "bitmex": ticker("bitmex", "XBTUSD", NOON, "250000000", "0.0001"),
        "coinex": ticker("coinex", "BTCUSDT", NOON, "3000", "0.0001"),
        "gate": ticker("gate-io-futures", "BTC_USDT", THE_DAY, "70", "0.0001")
        + ticker("gate-io-futures", "BTC_USDT", NOON, "80", "0.0001"),
    }
    batches = {
        venue: take_in_text(home, folder / "l", venue, "tardis-csv", f"{venue}.csv", text)
        for venue, text in liquidations.items()
    }
    for name, text in COUNTED.items():
        batches[name] = take_in_text(
            home, folder, name.split(",")[0], "tardis-csv", f"{name}.csv", text
        )
    own = {"T": NOON // 1000, "s": "ROSEUSDT", "S": "Buy", "v": "20000", "p": "0.045"}
    frame = {"topic": "allLiquidation.ROSEUSDT", "type": "snapshot", "ts": 1, "data": [own]}
    text = frame_lines(frame, received_at="2026-06-30T12:00:01.000000Z")
    batches["bybit itself"] = take_in_text(home, folder, "bybit", "frames", "own.ndjson", text)
    text = TICKERS + f"bybit,ETHUSDT,{EARLIER},{EARLIER + 9},,0.0001,,200,2999,3001,3000\n"
    text += f"bybit,ETHUSDT,{EARLIER + 1000},{EARLIER + 1009},,,,,2999,,3000.5\n"
    batches["tickers"] = take_in_text(home, folder, "bybit", "tardis-csv", "tickers.csv", text)
    for venue, text in tickers.items():
        name = f"{venue}-tickers"
        batches[name] = take_in_text(
            home, folder / "t", venue, "tardis-csv", f"{name}.csv", TICKERS + text
        )
    # Position 0 is the symbol, 1 the time, 15 the mark price, 18 the open interest in coins.
    status = [
        [symbol, NOON // 1000, *[None] * 13, 150.0, None, None, 5000]
        for symbol in ("tSOLF0:USTF0", "tTESTBTCF0:TESTUSDTF0")
    ]
    url = "https://api-pub.bitfinex.com/v2/status/deriv"
    text = rest_line(status, url, received_at="2026-06-30T12:00:01.000000Z")
    batches["bitfinex itself"] = take_in_text(home, folder, "bitfinex", "rest", "b.ndjson", text)
    return built(home, batches, "fct_open_interest")


def test_sell_is_a_long_and_equal_rows_of_a_throttled_venue_are_one_event(
    stated: Built,
) -> None:
    fact = stated.only_fact("binance, counted")
    assert (
        *(fact["instrument"], fact["liquidated_side"], fact["notional_usd"]),
        *(fact["price_kind"], fact["sightings"]),
    ) == ("BTCUSDT", "long", Decimal(30000), "limit_order", 2)
    assert fact["event_at"] == at("2026-06-30 12:00:00")
    assert fact["received_at"] == at("2026-06-30 12:00:00.005")
    (refused,) = stated.quarantined("binance, counted")
    assert refused["reject_reason"] == "unknown_side"


def test_an_inverse_contract_counts_in_contracts(stated: Built) -> None:
    fact = stated.only_fact("okx, counted")
    assert (fact["liquidated_side"], fact["notional_usd"]) == ("short", Decimal(500))


def test_hours_covered_from_the_venue_itself_count_once(stated: Built) -> None:
    own = stated.only_fact("bybit itself")
    assert (own["liquidated_side"], own["notional_usd"], own["sightings"]) == (
        "long",
        Decimal(900),
        1,
    )
    fact = stated.only_fact("bybit, counted")
    assert (fact["event_at"], fact["liquidated_side"]) == (at("2026-06-30 13:00:00"), "short")
    accounting = stated.accounting("bybit, counted")
    assert (accounting["staged"], accounting["accepted"], accounting["repeated"]) == (2, 1, 1)


def sides_and_values(warehouse: Built, venue: str) -> list[tuple[str, str, Decimal, Decimal]]:
    return [
        (
            fact["instrument"],
            fact["liquidated_side"],
            fact["quantity_base"],
            round(fact["notional_usd"], 2),
        )
        for fact in warehouse.facts(venue)
    ]


def refused(warehouse: Built, venue: str) -> list[tuple[str, str]]:
    return [(row["instrument"], row["reject_reason"]) for row in warehouse.quarantined(venue)]


def test_bitgets_amounts_are_dollars_and_its_coin_margined_ones_are_rejected(stated: Built) -> None:
    facts = stated.facts("bitget")
    assert [(fact["instrument"], fact["notional_usd"]) for fact in facts] == [
        ("APEUSDT", Decimal("13.7032")),
        ("IPUSDT", Decimal("143.3304")),
    ]
    # 13.70319 / 0.1649 APE.
    assert round(facts[0]["quantity_base"], 4) == Decimal("83.1000")
    assert refused(stated, "bitget") == [("BTCUSD", "unknown_vendor_unit")]


def test_bitfinex_gets_its_leading_t_back_and_is_valued_at_the_vendors_price(stated: Built) -> None:
    assert sides_and_values(stated, "bitfinex") == [
        ("tBTCF0:USTF0", "long", Decimal("0.5"), Decimal("4567.99")),
        ("tETHF0:USTF0", "short", Decimal("8.6007"), Decimal("1911.50")),
    ]


def test_coin_margined_contracts_of_htx_are_a_hundred_dollars_or_ten(stated: Built) -> None:
    assert [row[:2] + row[3:] for row in sides_and_values(stated, "htx")] == [
        ("BTC-USD", "short", Decimal(300)),
        ("ETH_CQ", "long", Decimal(70)),
    ]
    assert refused(stated, "htx") == [("BTC-USDT", "unknown_contract_size")]


def test_coin_margined_contracts_of_okx_are_a_hundred_dollars_or_ten(stated: Built) -> None:
    assert [row[:2] + row[3:] for row in sides_and_values(stated, "okx")] == [
        ("BTC-USD-260925", "long", Decimal(500)),
        ("SOL-USD-260925", "short", Decimal(50)),
    ]
    assert refused(stated, "okx") == [("XRP-USDT-SWAP", "unknown_contract_size")]


@pytest.mark.parametrize(
    ("venue", "expected"),
    [
        ("deribit", [("BTC-PERPETUAL", 1120), ("SOL_USDC-PERPETUAL", 300)]),
        ("kraken_futures", [("PI_XBTUSD", 250), ("PF_XBTUSD", 15000)]),
        ("lighter", [("1", 30000)]),
    ],
)
def test_inverse_amounts_are_dollars_and_linear_ones_coins(
    stated: Built, venue: str, expected: list[tuple[str, int]]
) -> None:
    assert [(fact["instrument"], fact["notional_usd"]) for fact in stated.facts(venue)] == expected


def test_an_unlisted_market_of_lighter_has_no_size(stated: Built) -> None:
    assert stated.facts("lighter")[0]["base_asset"] == "BTC"
    assert refused(stated, "lighter") == [("77", "unknown_contract_size")]


@pytest.mark.parametrize(("venue", "instrument"), [("gate", "BTC_USDT"), ("hyperliquid", "BTC")])
def test_a_quantity_without_a_stated_unit_is_rejected(
    stated: Built, venue: str, instrument: str
) -> None:
    assert stated.facts(venue) == []
    assert refused(stated, venue) == [(instrument, "unknown_vendor_unit")]


def test_an_exchange_that_is_unknown_or_of_another_venue_is_rejected(stated: Built) -> None:
    assert refused(stated, "binance")[1:] == [("BTCUSDT", "unknown_vendor_exchange")] * 2


def test_a_coin_margined_name_among_linear_contracts_has_no_stated_unit(stated: Built) -> None:
    assert refused(stated, "binance")[0] == ("BNBUSD_PERP", "unknown_vendor_unit")


def open_interest(warehouse: Built, venue: str) -> list[tuple[object, ...]]:
    return [
        tuple(row.values())
        for row in warehouse.staged(
            "select instrument, oi_contracts, oi_base, oi_usd, reject_reason"
            " from landed.stg_tardis__open_interest where batch_id = ? order by all",
            warehouse.batches[f"{venue}-tickers"],
        )
    ]


def funding(warehouse: Built, venue: str) -> list[tuple[object, ...]]:
    return [
        tuple(row.values())
        for row in warehouse.staged(
            "select instrument, funding_rate, interval_hours, reject_reason"
            " from landed.stg_tardis__funding where batch_id = ? order by observed_at, instrument",
            warehouse.batches[f"{venue}-tickers"],
        )
    ]


def test_lighters_open_interest_is_dollars_and_its_funding_percent_an_hour(stated: Built) -> None:
    assert open_interest(stated, "lighter") == [
        ("0", None, None, 70209112.921092, None),
        ("1", None, None, 124496091.756091, None),
    ]
    assert funding(stated, "lighter") == [("0", -0.000011, 1.0, None), ("1", 0.000012, 1.0, None)]


def test_hyperliquids_upper_case_names_become_its_own_names_again(stated: Built) -> None:
    assert [row[0] for row in open_interest(stated, "hyperliquid")] == [
        "KAITO",
        "hyna:kPEPE",
        "kBONK",
        "kPEPE",
        "xyz:TSLA",
    ]


def test_bitfinex_tickers_are_coins(stated: Built) -> None:
    assert ("tBTCF0:USTF0", None, 11153.7, None, None) in open_interest(stated, "bitfinex")


def test_paper_trading_contracts_are_not_instruments(stated: Built) -> None:
    assert stated.staged("select instrument from landed.stg_bitfinex__instruments") == [
        {"instrument": "tSOLF0:USTF0"}
    ]
    assert stated.rows(
        "select instrument from marts.fct_open_interest where venue = 'bitfinex' order by all"
    ) == [{"instrument": "tBTCF0:USTF0"}, {"instrument": "tSOLF0:USTF0"}]


def test_krakens_absolute_funding_is_refused_until_the_vendor_wrote_the_relative_one(
    stated: Built,
) -> None:
    assert funding(stated, "kraken_futures") == [
        ("PI_XBTUSD", None, None, "unknown_vendor_unit"),
        ("PF_XBTUSD", 0.00003, 1.0, None),
        ("PI_XBTUSD", 0.00002, 1.0, None),
    ]
    assert ("PF_XBTUSD", None, 8.5, None, None) in open_interest(stated, "kraken_futures")
    assert ("PI_XBTUSD", None, None, 900.0, None) in open_interest(stated, "kraken_futures")


def test_bybit_counts_both_sides_and_okx_contracts(stated: Built) -> None:
    assert open_interest(stated, "bybit") == [
        ("ETHUSD", None, None, 250.0, None),
        ("ETHUSDT", None, 100.0, None, None),
    ]
    assert open_interest(stated, "okx") == [("BTC-USDT-SWAP", 3000.0, None, None, None)]


@pytest.mark.parametrize(
    ("instrument", "oi_base", "oi_usd"),
    [
        # 3,000 x 0.01 BTC at the ticker's mark of 100; 100 USD (BTC) and 10 USD a contract; 1 USD.
        ("BTC-USDT-SWAP", 30.0, 3_000.0),
        ("BTC-USD", 600_000.0, 60_000_000.0),
        ("ETH-USD", 60_000.0, 6_000_000.0),
        ("XBTUSD", 2_500_000.0, 250_000_000.0),
    ],
)
def test_contracts_of_a_documented_size_are_coins_and_dollars(
    stated: Built, instrument: str, oi_base: float, oi_usd: float
) -> None:
    (row,) = stated.rows(
        "select oi_base, oi_usd from marts.fct_open_interest where instrument = ?", instrument
    )
    assert (row["oi_base"], row["oi_usd"]) == (oi_base, oi_usd)


def test_gates_open_interest_is_stated_since_the_vendor_takes_the_total_size(
    stated: Built,
) -> None:
    assert {(row[1], row[4]) for row in open_interest(stated, "gate")} == {
        (None, "unknown_vendor_unit"),
        (80.0, None),
    }


def test_tickers_of_an_exchange_that_the_vendor_does_not_have_are_refused(stated: Built) -> None:
    assert open_interest(stated, "coinex") == [
        ("BTCUSDT", None, None, None, "unknown_vendor_exchange")
    ]
    assert stated.staged(
        "select reject_reason from landed.stg_tardis__prices where venue = 'coinex'"
    ) == [{"reject_reason": "unknown_vendor_exchange"}]


def test_tickers_are_open_interest_funding_and_prices(stated: Built) -> None:
    assert stated.accounting("tickers")["staged"] is None
    batch = stated.batches["tickers"]
    row = "select instrument, observed_at, {} from landed.stg_tardis__{}"
    row += f" where batch_id = '{batch}' order by all"
    noon, after = at("2026-06-29 12:00:00"), at("2026-06-29 12:00:00.001")
    assert stated.staged(row.format("oi_base, reject_reason", "open_interest")) == [
        {"instrument": "ETHUSDT", "observed_at": noon, "oi_base": 100.0, "reject_reason": None}
    ]
    assert stated.staged(row.format("funding_rate", "funding")) == [
        {"instrument": "ETHUSDT", "observed_at": noon, "funding_rate": 0.0001}
    ]
    assert [
        (one["observed_at"], one["price_kind"], one["close_usd"])
        for one in stated.staged(row.format("price_kind, close_usd", "prices"))
    ] == [(noon, "index", 3001.0), (noon, "mark", 3000.0), (after, "mark", 3000.5)]
