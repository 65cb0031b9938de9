"""Collectors' CSV files as found in the wild: rows written twice, other separators or columns."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest
from liquidation_imports import Built, built, frame_line, take_in, take_in_text

from unwind.landing.imports import ImportRefusedError
from unwind.landing.ledger import Ledger
from unwind.settings import Home

# Worked out by hand: longs 0.12 x 84010.5 (twice), 41 x 118.40 and 9000 x 0.1122; shorts
# 3.5 x 2799.50 and 500 x 1.9090.
ROWS = [
    "BTC,SELL,LIMIT,IOC,0.120,84000.1,84010.5,FILLED,0.120,0.120,1738159200000,10081.2600",
    "ETH,BUY,LIMIT,IOC,3.5,2800.10,2799.50,FILLED,3.5,3.5,1738159201370,9798.2500",
    "SOL,SELL,LIMIT,IOC,41,118.20,118.40,FILLED,41,41,1738159202740,4854.4000",
    "BTC,SELL,LIMIT,IOC,0.120,84000.1,84010.5,FILLED,0.120,0.120,1738159204110,10081.2600",
    "DOGE,SELL,LIMIT,IOC,9000,0.1120,0.1122,FILLED,9000,9000,1738159205480,1009.8000",
    "XRP,BUY,LIMIT,IOC,500,1.9100,1.9090,FILLED,500,500,1738159206850,954.5000",
]
LONG_USD, SHORT_USD = Decimal("26026.72"), Decimal("10752.75")
HEADER = (
    "symbol,side,order_type,time_in_force,original_quantity,price,average_price,status,"
    "last_filled,accumulated_filled,trade_time_ms,usd_size"
)
NAMED = [HEADER, *ROWS]
# Columns in another order, which only the header shows.
SHUFFLED = [
    "trade_time_ms,note,symbol,side,order_type,time_in_force,price,original_quantity,"
    "average_price,status,last_filled,accumulated_filled",
    *(
        ",".join([row[10], '"a note, with ""commas"" in it"', *row[:4], row[5], row[4], *row[6:10]])
        for row in (one.split(",") for one in ROWS)
    ),
]


def lines(*listed: str, ends: str = "\n") -> str:
    return "".join(one + ends for one in listed)


SAME = {
    "plain": lines(*ROWS),
    "every row twice": lines(*(row for row in ROWS for _ in range(2))),
    "file put together twice": lines(HEADER, *ROWS, HEADER, *ROWS),
    "semicolons": lines(*ROWS).replace(",", ";"),
    "tabs": lines(HEADER, *ROWS).replace(",", "\t"),
    "bars": lines(*ROWS).replace(",", "|"),
    "thirteenth column from the middle": lines(*ROWS[:3], *(f"{row},100" for row in ROWS[3:])),
    "thirteenth column from the first row": lines(*(f"{row},100" for row in ROWS)),
    "thirteenth column with a header": lines(HEADER + ",rank", *(f"{row},100" for row in ROWS)),
    "header of twelve over thirteen": lines(HEADER, *(f"{row},x" for row in ROWS)),
    "quoted, with a separator within": lines(
        *('"' + '","'.join(row.split(",")[:11]) + '","10,081.2600"' for row in ROWS)
    ),
    "byte order mark, windows line ends, spaces": "\ufeff"
    + lines(HEADER, *(row.replace(",", " , ") for row in ROWS), ends="\r\n"),
    "other order, quoted notes": lines(*SHUFFLED),
    "no column of the value, no header": lines(*(row.rsplit(",", 1)[0] for row in ROWS)),
    "a column by another name": lines(HEADER.replace("average_price", "avg_px"), *ROWS),
    "only the columns that matter": lines(
        *(",".join([*row[:2], *row[4:8], *row[9:11]]) for row in (x.split(",") for x in NAMED))
    ),
    "average prices that are not there": lines(*ROWS)
    .replace("84010.5,", "NaN,")
    .replace("84000.1,", "84010.5,"),
}
DECIMAL_COMMAS = lines(*ROWS).replace(",", ";").replace(".", ",")

IN_BTC = ROWS[1].replace("ETH,", "ETHBTC,").replace("2799.50", "0.0331")
# Files with some bad rows among good ones.
QUARANTINED = {
    "another separator from the middle": lines(*ROWS[:3])
    + lines(*ROWS[3:]).replace(",", ";").replace("SELL", "sell"),
    "an average price that cannot be read": lines(*ROWS).replace("84010.5", '"84,010.5"'),
    "a contract that is priced in another coin": lines(*ROWS[:5], IN_BTC),
    "times that a spreadsheet rounded": lines(*ROWS[:3])
    + re.sub("17381592[0-9]{5}", "1.73816E+12", lines(*ROWS[3:])),
}
REASONS = {
    "another separator from the middle": ["wrong_column_count"] * 3,
    "an average price that cannot be read": ["unreadable_price"] * 2,
    "a contract that is priced in another coin": ["quote_not_usd"],
    "times that a spreadsheet rounded": ["unreadable_event_time"] * 3,
}


def in_its_own_hour(text: str, hours: int) -> str:
    """The same rows some hours later, so that no two files overlap."""
    return re.sub(r"17381592\d{5}", lambda ms: str(int(ms.group()) + hours * 3_600_000), text)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("collector")
    home = Home(folder / "home")
    texts = {**SAME, "decimal commas": DECIMAL_COMMAS, **QUARANTINED}
    batches = {
        name: take_in_text(
            home,
            folder / str(number),
            *("binance", "force-order-csv", "liqs.csv"),
            in_its_own_hour(text, number),
        )
        for number, (name, text) in enumerate(texts.items())
    }
    # A second collector of the same hour as the first file.
    batches["another collector"] = take_in_text(
        home, folder / "other", "binance", "force-order-csv", "b.csv", lines(HEADER, *ROWS)
    )
    order = {"s": "BNBUSDT", "S": "SELL", "q": "2", "z": "2", "p": "600", "ap": "600"}
    frame = {"e": "forceOrder", "o": {**order, "X": "FILLED", "l": "2", "T": 1738159200000}}
    batches["frames with a mark"] = take_in_text(
        *(home, folder / "frames", "binance", "frames", "f.ndjson"),
        "\ufeff" + frame_line(frame, "2025-01-29T14:00:01.000000Z") + "\n",
    )
    return built(home, batches)


def sums_of(warehouse: Built, name: str) -> tuple[int, Decimal, Decimal]:
    """Events, long dollars and short dollars of the facts that a file's rows are sightings of."""
    (found,) = warehouse.rows(
        "select count(*) as events,"
        " sum(notional_usd) filter (where liquidated_side = 'long') as long_usd,"
        " sum(notional_usd) filter (where liquidated_side = 'short') as short_usd"
        " from marts.fct_liquidations where liquidation_id in ("
        " select liquidation_id from marts.liquidation_sightings where batch_id = ?)",
        warehouse.batches[name],
    )
    cent = Decimal("0.01")
    return found["events"], found["long_usd"].quantize(cent), found["short_usd"].quantize(cent)


@pytest.mark.parametrize("name", SAME)
def test_the_same_six_events_in_any_layout(warehouse: Built, name: str) -> None:
    assert sums_of(warehouse, name) == (6, LONG_USD, SHORT_USD)
    account = warehouse.accounting(name)
    rows = 12 if "twice" in name else 6
    assert account["staged"] == account["accepted"] + account["repeated"] == rows
    assert (account["quarantined"], account["log_lines"]) == (0, 0)


def test_a_byte_order_mark_before_frames_hides_no_frame(warehouse: Built) -> None:
    assert warehouse.only_fact("frames with a mark")["notional_usd"] == 1200


def test_rows_of_one_file_that_are_equal_are_repeats(warehouse: Built) -> None:
    account = warehouse.accounting("every row twice")
    assert (account["accepted"], account["repeated"]) == (6, 6)


def test_rows_of_two_collectors_that_are_equal_are_repeats(warehouse: Built) -> None:
    accounts = [warehouse.accounting(name) for name in ("plain", "another collector")]
    assert sorted(account["accepted"] for account in accounts) == [0, 6]
    assert sorted(account["repeated"] for account in accounts) == [0, 6]


def test_decimal_commas_are_quarantined_and_never_misread(warehouse: Built) -> None:
    reasons = [row["reject_reason"] for row in warehouse.quarantined("decimal commas")]
    # The quantities 41, 9000 and 500 have no comma, but their prices do.
    assert sorted(reasons) == ["unreadable_price"] * 3 + ["unreadable_quantity"] * 3
    assert warehouse.facts("decimal commas") == []


@pytest.mark.parametrize("name", QUARANTINED)
def test_rows_of_another_format_are_quarantined_and_counted(warehouse: Built, name: str) -> None:
    reasons = [row["reject_reason"] for row in warehouse.quarantined(name)]
    assert reasons == REASONS[name]
    assert len(warehouse.facts(name)) == 6 - len(reasons)
    assert warehouse.accounting(name)["log_lines"] == 0


def test_a_header_that_lacks_a_column_is_refused_with_its_name(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    orders, tickers = tmp_path / "orders.csv", tmp_path / "tickers.csv"
    orders.write_text(
        lines(*(",".join(row[:6] + row[7:]) for row in (one.split(",") for one in [HEADER, *ROWS])))
    )
    tickers.write_text(
        "exchange,symbol,timestamp,local_timestamp,funding_timestamp,funding_rate,open_interest\n"
        "binance-futures,ADAUSDT,1769695200000000,1769695200000500,,0.0001,1000000\n"
    )
    with pytest.raises(ImportRefusedError, match=r"missing: average_price\)"):
        take_in(home, "binance", "force-order-csv", [orders])
    with pytest.raises(ImportRefusedError, match="missing: predicted_funding_rate, last_price"):
        take_in(home, "binance", "tardis-csv", [tickers])
    assert Ledger(home).sealed() == []


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (lines(HEADER, *ROWS, ends="\r").encode(), "carriage returns alone"),
        (lines(HEADER, *ROWS).encode("utf-16"), "UTF-16"),
    ],
)
def test_a_file_without_lines_or_in_another_encoding_is_refused(
    tmp_path: Path, content: bytes, why: str
) -> None:
    home = Home(tmp_path / "home")
    file = tmp_path / "orders.csv"
    file.write_bytes(content)
    with pytest.raises(ImportRefusedError, match=why):
        take_in(home, "binance", "force-order-csv", [file])
    assert Ledger(home).sealed() == []


@pytest.mark.parametrize(
    ("format", "text", "found"),
    [
        ("force-order-csv", "id,name,colour\n0,x0,red\n1,x1,red\n", "id,name,colour"),
        ("force-order-csv", "2026-01-29 nothing but a log\n", "nothing but a log"),
        ("klines-csv", "a;b;c\n1;2;3\n", "a;b;c"),
        ("metrics-csv", "<html>not found</html>\n", "<html>"),
        ("tardis-csv", "exchange,symbol,price\nbinance,BTCUSDT,1\n", "exchange,symbol,price"),
        ("funding-csv", "name,rate\nBTC,0.1\n", "name,rate"),
        ("liquidation-snapshot", "id,name\n1,x\n", "id,name"),
    ],
)
def test_a_file_without_a_recognised_row_is_refused_and_nothing_is_sealed(
    tmp_path: Path, format: str, text: str, found: str
) -> None:
    home = Home(tmp_path / "home")
    file = tmp_path / "other.csv"
    file.write_text(text)
    with pytest.raises(ImportRefusedError, match=r"expected the columns .*, found") as refused:
        take_in(home, "binance", format, [file])
    assert found in str(refused.value)
    assert Ledger(home).sealed() == []
