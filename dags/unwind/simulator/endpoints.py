"""The kit for simulated exchanges: REST endpoints over a market at an instant.

An exchange's API is a table from paths to endpoints. `Snapshot` lists contracts as they stand,
`History` a contract's figures by time; any other function of a `Call` is an endpoint too. What it
returns goes into the API's envelope, unless it is a `Response`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from unwind.simulator.decimals import fixed
from unwind.simulator.market.scenario import Instrument
from unwind.simulator.market.steady import HOUR_MS, MINUTE_MS
from unwind.simulator.market.tape import Liquidation, Tape
from unwind.simulator.responses import JSON_TYPE, Request, Response, json_response

NO_SUCH_PATH = Response(404, b'{"error":"not found"}', {"content-type": JSON_TYPE})
Endpoint = Callable[["Call"], Any]


class NotListedError(LookupError):
    """A request names a contract that its exchange does not list."""


class RefusedError(Exception):
    """The exchange refuses a request with its own `response`."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


class Quote:
    """A contract at an instant: figures of the last complete minute, and how they are written."""

    def __init__(self, tape: Tape, contract: Instrument, at_ms: int) -> None:
        self.tape, self.contract, self.at_ms = tape, contract, at_ms
        self.symbol = contract.symbol
        self.minute = tape.minute_of(at_ms)

    @cached_property
    def mark(self) -> float:
        return self.tape.mark_price(self.contract, self.minute)

    @cached_property
    def index(self) -> float:
        return self.tape.index_price(self.contract, self.minute)

    @cached_property
    def oi(self) -> float:
        """One-sided open interest in the venue's unit of quantity."""
        return self.tape.oi_contracts(self.contract, self.minute)

    @property
    def oi_base(self) -> float:
        return self.tape.oi_base(self.contract, self.minute)

    @property
    def oi_usd(self) -> float:
        return self.tape.oi_usd(self.contract, self.minute)

    @cached_property
    def traded_usd(self) -> float:
        """The volume of the last 24 hours in USD."""
        return self.tape.traded_usd_24h(self.contract, self.minute)

    @cached_property
    def rate(self) -> float:
        """Funding rate per interval, as it would be settled at the instant."""
        return self.tape.funding_rate(self.contract, self.at_ms)

    @property
    def premium(self) -> float:
        return float(self.tape.premium[self.tape.asset_index[self.contract.asset], self.minute])

    @property
    def settles_ms(self) -> int:
        """The next settlement of funding."""
        step = self.contract.funding_interval_hours * HOUR_MS
        return (self.at_ms // step + 1) * step

    def price(self, value: float) -> str:
        """A price as the contract's prices are written."""
        return fixed(value, self.contract.price_decimals)

    def rounded(self, value: float) -> float:
        """A price as a number, to the contract's tick."""
        return round(value, self.contract.price_decimals)

    def size(self, value: float) -> str:
        """A quantity in the venue's unit, to the contract's step."""
        return fixed(value, self.contract.quantity_decimals)

    def ratio(self, kind: str) -> float:
        """Long over short of a kind of accounts; see `Tape.long_short_ratio`."""
        return self.tape.long_short_ratio(self.contract, self.at_ms, kind)

    def at(self, at_ms: int) -> Quote:
        """The contract at another instant."""
        return Quote(self.tape, self.contract, at_ms)


@dataclass(frozen=True)
class Moment:
    """A venue's market at an instant; nothing of the time after `now_ms` is published yet."""

    tape: Tape
    now_ms: int
    venue: str

    def contracts(self, market: str | None = None) -> list[Instrument]:
        """The listed contracts, of all markets or one."""
        return self.tape.instruments_of(self.venue, market)

    def contract(self, symbol: str, market: str | None = None) -> Instrument:
        """The contract of this name (of a market); NotListedError if there is none."""
        number = self.tape.instrument_number.get((self.venue, symbol))
        if number is None or market not in (None, self.tape.instruments[number].market):
            raise NotListedError(symbol)
        return self.tape.instruments[number]

    def quote(self, contract: Instrument, at_ms: int | None = None) -> Quote:
        """A contract at an instant, now if none is given."""
        return Quote(self.tape, contract, self.now_ms if at_ms is None else at_ms)

    def liquidations(
        self, from_ms: int, to_ms: int, contracts: Iterable[Instrument] | None = None
    ) -> list[Liquidation]:
        """Liquidations published in [from, to), of some contracts or all, ordered by time."""
        rows = self.tape.rows(self.venue, from_ms, to_ms)
        if contracts is not None:
            numbers = [self.tape.instrument_number[self.venue, one.symbol] for one in contracts]
            rows = rows[np.isin(self.tape.liquidations.instrument[rows], numbers)]
        return self.tape.records(rows)


@dataclass(frozen=True)
class Call(Moment):
    """One request to an exchange at an instant; `params` are the query's and the path's."""

    request: Request
    params: Mapping[str, str]

    def text(self, name: str, default: str = "") -> str:
        """A parameter; the default where it is absent or empty."""
        return self.params.get(name) or default

    def integer(self, name: str, default: int = 0) -> int:
        """A parameter as a whole number; the default where it is absent, empty or 0."""
        return int(self.params.get(name) or 0) or default


@dataclass(frozen=True)
class Api:
    """An exchange's endpoints by path; `{name}` in a path is a parameter.

    `envelope` is put around what an endpoint returns. `not_listed` is the response where a
    contract is not listed, `unknown` where there is no such path. `key` is the header that must
    hold the exchange's key, the key, and the response without it.
    """

    endpoints: Mapping[str, Endpoint]
    envelope: Callable[[Call, Any], Any] | None = None
    not_listed: Response | Callable[[Call], Response] = NO_SUCH_PATH
    unknown: Response = NO_SUCH_PATH
    headers: Mapping[str, str] = field(default_factory=dict)
    key: tuple[str, str, Response] | None = None

    def __post_init__(self) -> None:
        patterns = [
            (re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)), endpoint)
            for path, endpoint in self.endpoints.items()
            if "{" in path
        ]
        object.__setattr__(self, "_patterns", patterns)

    def _found(self, path: str) -> tuple[Endpoint | None, dict[str, str]]:
        if path in self.endpoints:
            return self.endpoints[path], {}
        patterns: list[tuple[re.Pattern[str], Endpoint]] = vars(self)["_patterns"]
        for pattern, endpoint in patterns:
            matched = pattern.fullmatch(path)
            if matched:
                return endpoint, matched.groupdict()
        return None, {}

    def __call__(self, tape: Tape, now_ms: int, venue: str, request: Request) -> Response:
        """The response at an instant; ValueError where a parameter is no number."""
        if self.key and request.headers.get(self.key[0]) != self.key[1]:
            return self.key[2]
        endpoint, named = self._found(request.path)
        if endpoint is None:
            return self.unknown
        call = Call(tape, now_ms, venue, request, {**request.params, **named})
        try:
            value = endpoint(call)
        except NotListedError:
            refused = self.not_listed
            return refused if isinstance(refused, Response) else refused(call)
        except RefusedError as refusal:
            return refusal.response
        if isinstance(value, Response):
            return value
        body = self.envelope(call, value) if self.envelope else value
        return json_response(body, headers=self.headers)


# -- parameters ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Window:
    """The parameters that bound a range of time, and their unit in milliseconds.

    An empty name means that there is no such parameter. With `after` or `before`, that bound is
    exclusive.
    """

    start: str = ""
    end: str = ""
    unit_ms: int = 1
    after: bool = False
    before: bool = False

    def of(self, call: Call) -> tuple[int, int]:
        """First and last millisecond of a call's range, both inclusive, and not after now."""
        start = call.integer(self.start) * self.unit_ms + self.after
        end = call.integer(self.end, (call.now_ms + self.before) // self.unit_ms) * self.unit_ms
        return start, min(end - self.before, call.now_ms)


@dataclass(frozen=True)
class Limit:
    """The parameter that limits the number of rows."""

    default: int
    most: int = 10**9
    name: str = "limit"

    def of(self, call: Call) -> int:
        return min(call.integer(self.name, self.default), self.most)


def grid(step_ms: int, start_ms: int, end_ms: int) -> range:
    """The multiples of a step in [start, end]."""
    return range(-(-start_ms // step_ms) * step_ms, end_ms + 1, step_ms)


# -- endpoints -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Snapshot:
    """Contracts as they stand: all, or those of a market.

    It is `market`, or what the parameter `market_in` names.
    """

    row: Callable[[Quote], Any]
    market: str | None = None
    market_in: str = ""

    def __call__(self, call: Call) -> list[Any]:
        market = call.text(self.market_in) if self.market_in else self.market
        return [self.row(call.quote(one)) for one in call.contracts(market)]


@dataclass(frozen=True)
class Named:
    """One contract as it stands: the one that a parameter names."""

    row: Callable[[Quote], Any]
    symbol: str = "symbol"

    def __call__(self, call: Call) -> Any:
        return self.row(call.quote(call.contract(call.text(self.symbol))))


def settlements(call: Call, contract: Instrument, start_ms: int, end_ms: int) -> range:
    """When funding was settled."""
    return call.tape.funding_times_ms(contract, start_ms, end_ms)


@dataclass(frozen=True)
class History:
    """A contract's figures by time, one row each.

    `times` gives their instants in a range, ascending. `newest_first` turns them before they are
    limited. `contract` finds the contract, if it is not just the one that `symbol` names.
    """

    row: Callable[[Quote], Any]
    times: Callable[[Call, Instrument, int, int], Sequence[int]] = settlements
    window: Window = field(default_factory=Window)
    limit: Limit = field(default_factory=lambda: Limit(10**9, name=""))
    newest_first: bool = False
    symbol: str = "symbol"
    contract: Callable[[Call], Instrument] | None = None

    def instants(self, call: Call, contract: Instrument) -> Sequence[int]:
        """All instants of the range, in the order of the rows."""
        times = self.times(call, contract, *self.window.of(call))
        return times[::-1] if self.newest_first else times

    def named(self, call: Call) -> Instrument:
        return self.contract(call) if self.contract else call.contract(call.text(self.symbol))

    def __call__(self, call: Call) -> list[Any]:
        contract = self.named(call)
        times = self.instants(call, contract)[: self.limit.of(call)]
        return [self.row(call.quote(contract, at_ms)) for at_ms in times]


def mark_bars(
    tape: Tape, contract: Instrument, starts: range, now_ms: int
) -> list[tuple[int, list[str]]]:
    """A contract's mark bars that begin at these instants (ms), a step of the range long.

    Each is its start, and open, high, low and close as the contract's prices are written. The last
    one may be unfinished at `now_ms`, and is left out before its first minute is over.
    """
    if not starts:
        return []
    first = (starts[0] - tape.start_ms) // MINUTE_MS
    last = (min(starts[-1] + starts.step, now_ms, tape.end_ms) - tape.start_ms) // MINUTE_MS
    bars = tape.bars(contract.asset, first, last, starts.step // MINUTE_MS, spot=False)
    scale, decimals = contract.multiplier, contract.price_decimals
    return [
        (at_ms, [fixed(price * scale, decimals) for price in bar[:4]])
        for at_ms, bar in zip(starts, bars, strict=False)
    ]
