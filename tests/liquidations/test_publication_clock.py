"""Publication times of events, by value: stated in the messages, or known otherwise."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.liquidations.liquidation_imports import (
    Built,
    at,
    built,
    frame_line,
    rest_line,
    take_in_text,
)

from unwind.settings import Home

# 2026-06-30 11:59:50.250, the time of all events of Bitget and OKX below.
EVENT_MS = 1782820790250
EVENT_AT = at("2026-06-30 11:59:50.250")
# The imports are sealed at 2026-07-01 00:00:00; the tolerance for clocks ends an hour later.
LAST_PUSH_MS = 1782867600000
LAST_PUSH_AT = at("2026-07-01 01:00:00")
RECEIVED_AT = "2026-06-30T11:59:52.400000Z"
LATER = "2026-06-30T11:59:53.400000Z"


def bitget_row(symbol: str) -> dict[str, str]:
    row = {"symbol": symbol, "side": "buy", "price": "2", "amount": "100"}
    return row | {"ts": str(EVENT_MS)}


def bitget(
    symbol: str, pushed_ms: int, received_at: str = RECEIVED_AT, action: str = "update"
) -> str:
    arg = {"instType": "usdt-futures", "topic": "liquidation"}
    frame = {"action": action, "arg": arg, "data": [bitget_row(symbol)], "ts": pushed_ms}
    return frame_line(frame, received_at) + "\n"


def bitget_answer(symbol: str) -> str:
    data = {"list": [bitget_row(symbol)], "cursor": ""}
    body = {"code": "00000", "requestTime": EVENT_MS + 3000, "data": data}
    return rest_line(body, url="https://api.bitget.com/api/v3/market/liquidations")


def okx_item(instrument: str) -> dict[str, Any]:
    detail = {"bkLoss": "0", "bkPx": "60000", "ccy": "", "posSide": "long", "side": "sell"}
    item = {"instId": instrument, "instType": "SWAP", "uly": instrument.removesuffix("-SWAP")}
    return item | {"details": [detail | {"sz": "5", "ts": str(EVENT_MS)}]}


def okx(instrument: str, received_at: str) -> str:
    arg = {"channel": "liquidation-orders", "instType": "SWAP"}
    return frame_line({"arg": arg, "data": [okx_item(instrument)]}, received_at) + "\n"


def gate(**times: int) -> str:
    row = {"price": "60000", "size": "-1", "time": EVENT_MS, "contract": "BTC_USD"}
    frame = {"channel": "futures.public_liquidates", "event": "update", **times, "result": [row]}
    return frame_line(frame, RECEIVED_AT) + "\n"


def bybit_of_vendor(*times_us: int) -> str:
    header = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
    return header + "".join(f"bybit,XRPUSD,{us},{us + 4000},,buy,0.5149,6949\n" for us in times_us)


IMPORTS = {
    "pushed twice": (
        *("bitget", "frames"),
        # Pushed at 11:59:53.010, and again with the earlier time 11:59:52.010.
        bitget("AAAUSDT", EVENT_MS + 2760, RECEIVED_AT) + bitget("AAAUSDT", EVENT_MS + 1760, LATER),
    ),
    "only the loser states a time": (
        *("bitget", "frames"),
        bitget("BBBUSDT", LAST_PUSH_MS + 1, RECEIVED_AT)
        + bitget("BBBUSDT", EVENT_MS + 1760, LATER),
    ),
    "a minute before": ("bitget", "frames", bitget("CCCUSDT", EVENT_MS - 60000)),
    "over a minute before": ("bitget", "frames", bitget("DDDUSDT", EVENT_MS - 60001)),
    "an hour after the seal": ("bitget", "frames", bitget("EEEUSDT", LAST_PUSH_MS)),
    "over an hour after the seal": ("bitget", "frames", bitget("FFFUSDT", LAST_PUSH_MS + 1)),
    "a repetition on subscribing": (
        *("bitget", "frames"),
        bitget("GGGUSDT", EVENT_MS + 2760, RECEIVED_AT, action="snapshot"),
    ),
    "frame beside answer": ("bitget", "frames", bitget("HHHUSDT", EVENT_MS + 1760)),
    "answer beside frame": ("bitget", "rest", bitget_answer("HHHUSDT")),
    "answer": ("bitget", "rest", bitget_answer("IIIUSDT")),
    "okx within a minute": ("okx", "frames", okx("BTC-USD-SWAP", "2026-06-30T12:00:50.250Z")),
    "okx over a minute": ("okx", "frames", okx("ETH-USD-SWAP", "2026-06-30T12:00:50.251Z")),
    "okx answer": (
        *("okx", "rest"),
        rest_line({"code": "0", "msg": "", "data": [okx_item("SOL-USD-SWAP")]}),
    ),
    # 11:59:51.999 in milliseconds, and 11:59:51 in seconds.
    "gate": ("gate", "frames", gate(time=1782820791, time_ms=1782820791999)),
    "gate in seconds": (
        *("gate", "frames"),
        gate(time=1782820791).replace("BTC_USD", "ETH_USD"),
    ),
    # The last microseconds of 2023-04-04 and 2025-02-25, and the first ones after them.
    "bybit of a vendor": (
        *("bybit", "tardis-csv"),
        bybit_of_vendor(
            *(1680652799999999, 1680652800000000),
            *(1740527999999999, 1740528000000000),
        ),
    ),
    "a collector's csv": (
        *("binance", "force-order-csv"),
        "BTC,SELL,LIMIT,IOC,0.1,80000,80100,FILLED,0.1,0.1,1769695200000,8010\n",
    ),
}
# published_at, publication_clock and publication_second_at of each import's facts.
SECOND_52 = at("2026-06-30 11:59:52")
FROM_52 = (at("2026-06-30 11:59:52.010"), "venue", SECOND_52)
RECEIVED = (None, "receive", SECOND_52)
UNKNOWN = (None, "unknown", None)
EXPECTED = {
    "pushed twice": [FROM_52],
    "only the loser states a time": [FROM_52],
    "a minute before": [
        (at("2026-06-30 11:58:50.250"), "venue", at("2026-06-30 11:58:50")),
    ],
    "over a minute before": [RECEIVED],
    "an hour after the seal": [(LAST_PUSH_AT, "venue", LAST_PUSH_AT)],
    "over an hour after the seal": [RECEIVED],
    "a repetition on subscribing": [RECEIVED],
    "frame beside answer": [FROM_52],
    "answer beside frame": [],
    "answer": [UNKNOWN],
    "okx within a minute": [(None, "receive", at("2026-06-30 12:00:50"))],
    "okx over a minute": [UNKNOWN],
    "okx answer": [UNKNOWN],
    "gate": [(at("2026-06-30 11:59:51.999"), "venue", at("2026-06-30 11:59:51"))],
    "gate in seconds": [(at("2026-06-30 11:59:51"), "venue", at("2026-06-30 11:59:51"))],
    "bybit of a vendor": [
        (None, "receive", at("2023-04-05 00:00:00")),
        (at("2023-04-05 00:00:00"), "venue", at("2023-04-05 00:00:00")),
        (at("2025-02-25 23:59:59.999999"), "venue", at("2025-02-25 23:59:59")),
        (None, "receive", at("2025-02-26 00:00:00")),
    ],
    "a collector's csv": [UNKNOWN],
}


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder: Path = tmp_path_factory.mktemp("publication")
    home = Home(folder / "home")
    batches = {
        name: take_in_text(home, folder, venue, format, f"{place}.txt", text)
        for place, (name, (venue, format, text)) in enumerate(IMPORTS.items())
    }
    return built(home, batches)


@pytest.mark.parametrize("imported", EXPECTED)
def test_an_events_second_of_publication_and_the_clock_that_it_is_by(
    warehouse: Built, imported: str
) -> None:
    found: list[tuple[datetime | None, str, datetime | None]] = [
        (fact["published_at"], fact["publication_clock"], fact["publication_second_at"])
        for fact in warehouse.facts(imported)
    ]
    assert found == EXPECTED[imported]


def test_an_implausible_push_time_never_rejects_its_row(warehouse: Built) -> None:
    for imported in IMPORTS:
        assert warehouse.quarantined(imported) == [], imported


def test_the_push_of_a_later_sighting_dates_the_fact_and_the_earlier_one_still_wins(
    warehouse: Built,
) -> None:
    fact = warehouse.only_fact("only the loser states a time")
    assert (fact["raw_line"], fact["received_at"]) == (1, at(RECEIVED_AT.removesuffix("Z")))
    sightings = warehouse.rows(
        "select sighting_rank, raw_line, published_at from marts.liquidation_sightings"
        " where liquidation_id = ? order by sighting_rank",
        fact["liquidation_id"],
    )
    assert [tuple(one.values()) for one in sightings] == [
        (1, 1, None),
        (2, 2, at("2026-06-30 11:59:52.010")),
    ]


def test_the_push_does_not_move_the_event(warehouse: Built) -> None:
    fact = warehouse.only_fact("pushed twice")
    assert (fact["event_at"], fact["hour_at"]) == (EVENT_AT, at("2026-06-30 11:00:00"))
