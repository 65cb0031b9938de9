"""The endpoint kit: bounds, units, limits, order, paths, and not found."""

from __future__ import annotations

import json
from typing import Any

import pytest

from unwind.clock import iso
from unwind.simulator import kit
from unwind.simulator.endpoints import grid
from unwind.simulator.exchanges import exchanges
from unwind.simulator.market.steady import HOUR_MS, MINUTE_MS, instant
from unwind.simulator.market.tape import Tape
from unwind.simulator.responses import json_response

# The last hour of the tape, and half a minute after it.
NOW_MS = 1769699400000 + 30_000
UNLISTED = json_response({"problem": "unlisted"}, 400)


def called(tape: Tape, endpoint: kit.Endpoint, path: str = "/x", **params: str) -> Any:
    api = kit.Api({"/x": endpoint, "/x/{symbol}/rows": endpoint}, not_listed=UNLISTED)
    response = api(tape, NOW_MS, "okx", kit.Request("okx", "GET", path, params))
    return response.status, json.loads(response.body)


@pytest.mark.parametrize(
    ("window", "params", "bounds"),
    [
        (kit.Window("from", "to"), {"from": "10", "to": "20"}, [10, 20]),
        (kit.Window("from", "to", 1000), {"from": "10", "to": "20"}, [10_000, 20_000]),
        (kit.Window("from", "to", after=True, before=True), {"from": "10", "to": "20"}, [11, 19]),
        (kit.Window("from", "to", before=True), {"from": "10", "to": "20"}, [10, 19]),
        (kit.Window("from", "to"), {}, [0, NOW_MS]),
        (kit.Window("from", "to"), {"from": "", "to": ""}, [0, NOW_MS]),
        # The default end stays inclusive, and no time after now is served.
        (kit.Window("from", "to", before=True), {}, [0, NOW_MS]),
        (kit.Window("from", "to"), {"to": str(NOW_MS + 1)}, [0, NOW_MS]),
        (kit.Window("from", "to", 1000), {}, [0, 1769699430000]),
        (kit.Window(), {"": "7"}, [7, 7]),
    ],
)
def test_a_window_is_both_bounds_in_milliseconds(
    tape: Tape, window: kit.Window, params: dict[str, str], bounds: list[int]
) -> None:
    assert called(tape, lambda call: window.of(call), **params) == (200, bounds)


@pytest.mark.parametrize(
    ("given", "rows"), [(None, 100), ("", 100), ("0", 100), ("7", 7), ("5000", 400)]
)
def test_a_limit_has_a_default_and_a_maximum(tape: Tape, given: str | None, rows: int) -> None:
    params = {} if given is None else {"limit": given}
    assert called(tape, kit.Limit(100, 400).of, **params) == (200, rows)


def test_a_grid_has_both_bounds_and_only_multiples() -> None:
    assert list(grid(5, 10, 20)) == [10, 15, 20]
    assert list(grid(5, 11, 19)) == [15]
    assert list(grid(5, 20, 10)) == []


def history(**more: Any) -> kit.History:
    return kit.History(
        lambda q: q.at_ms,
        lambda call, contract, start, end: grid(HOUR_MS, start, end),
        kit.Window("from", "to"),
        kit.Limit(2),
        **more,
    )


def test_a_history_is_limited_after_it_is_ordered(tape: Tape) -> None:
    params = {"symbol": "BTC-USDT-SWAP", "from": str(3 * HOUR_MS), "to": str(6 * HOUR_MS)}
    assert called(tape, history(), **params) == (200, [3 * HOUR_MS, 4 * HOUR_MS])
    newest_first = history(newest_first=True)
    assert called(tape, newest_first, **params) == (200, [6 * HOUR_MS, 5 * HOUR_MS])


def test_a_contract_is_named_by_a_parameter_or_by_the_path(tape: Tape) -> None:
    named = kit.Named(lambda q: q.symbol)
    assert called(tape, named, symbol="BTC-USDT-SWAP") == (200, "BTC-USDT-SWAP")
    assert called(tape, named, "/x/BTC-USDT-SWAP/rows") == (200, "BTC-USDT-SWAP")
    assert called(tape, history(), symbol="NONE") == (400, {"problem": "unlisted"})
    assert called(tape, named, "/x/NONE/rows") == (400, {"problem": "unlisted"})
    assert called(tape, named) == (400, {"problem": "unlisted"})
    assert called(tape, named, "/x/BTC-USDT-SWAP") == (404, {"error": "not found"})


def test_a_contract_of_another_market_is_not_listed(tape: Tape) -> None:
    moment = kit.Moment(tape, NOW_MS, "bybit")
    assert moment.contract("BTCUSD", "inverse").symbol == "BTCUSD"
    with pytest.raises(kit.NotListedError):
        moment.contract("BTCUSD", "linear")


def test_a_refusal_is_the_exchanges_own_response(tape: Tape) -> None:
    def refusing(call: kit.Call) -> Any:
        raise kit.RefusedError(json_response({"code": 7}, 451))

    assert called(tape, refusing) == (451, {"code": 7})


def test_a_key_is_checked_before_anything_else(tape: Tape) -> None:
    refused = json_response({"problem": "no key"}, 401)
    api = kit.Api({"/x": lambda call: "open"}, key=("x-pass", "k1", refused))
    statuses = [
        api(tape, NOW_MS, "okx", kit.Request("okx", "GET", path, {}, headers=headers)).status
        for path, headers in (
            ("/x", {}),
            ("/nowhere", {"x-pass": "k2"}),
            ("/x", {"x-pass": "k1"}),
            ("/nowhere", {"x-pass": "k1"}),
        )
    ]
    assert statuses == [401, 401, 200, 404]


def test_a_quote_is_of_the_last_complete_minute(tape: Tape) -> None:
    contract = kit.Moment(tape, NOW_MS, "binance").contract("BTCUSDT")
    at_ms = tape.start_ms + 10 * MINUTE_MS
    for given in (at_ms, at_ms + 59_999):
        assert kit.Quote(tape, contract, given).mark == tape.mark_close[0, 9]
    assert kit.Quote(tape, contract, at_ms + 60_000).mark == tape.mark_close[0, 10]
    assert kit.Quote(tape, contract, at_ms).settles_ms == tape.start_ms + 8 * HOUR_MS


@pytest.mark.parametrize(
    ("venue", "symbol", "path", "asked", "listed", "rows"),
    [
        (
            *("dydx", "BTC-USD", "/v4/trades/perpetualMarket/BTC-USD", "createdBeforeOrAt"),
            *("trades", 100),
        ),
        (
            *("kraken_futures", "PF_XBTUSD", "/derivatives/api/v3/history", "lastTime"),
            *("history", 100),
        ),
    ],
)
def test_a_page_of_trades_goes_back_until_it_is_full(
    tape: Tape, venue: str, symbol: str, path: str, asked: str, listed: str, rows: int
) -> None:
    """A connector takes a page that is not full for the last one."""
    # Quiet hours, where one page spans days.
    before_ms = tape.end_ms - 40 * HOUR_MS
    days = tape.records(tape.rows(venue, before_ms - 96 * HOUR_MS, before_ms))
    earlier = [one for one in days if one.contract.symbol == symbol]
    assert len(earlier) > 5
    params = {asked: iso(instant(before_ms)), "symbol": symbol}
    api = exchanges()[venue].apis[venue]
    answer = api(tape, NOW_MS, venue, kit.Request(venue, "GET", path, params))
    page = json.loads(answer.body)[listed]
    # Plus one trade that is no liquidation.
    assert len(page) >= min(rows, len(earlier) + 1)
