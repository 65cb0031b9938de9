"""Faults injected into dYdX's liquidations, one per day: each is named, and bad rows do not count.

The tape is synthetic (ten hours of three venues) or recorded: Binance's orders of 2025-06-23,
copied to dYdX as trades with new ids.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from liquidation_imports import (
    IMPORTED_AT,
    LIQUIDATION_MODELS,
    Built,
    clock_at,
    rest_line,
    take_in,
    take_in_text,
)

from unwind.landing.csv_reading import ReadOptions
from unwind.landing.imports import import_files
from unwind.settings import Home
from unwind.warehouse import refresh
from unwind.warehouse.dbt import run_dbt

AUDIT_MODELS = (
    *LIQUIDATION_MODELS,
    *("fct_prices", "int_price_series_hourly", "int_asset_prices_hourly"),
    *("int_liquidation_grains_hourly", "int_liquidation_side_votes"),
    *("int_liquidation_clock_shifts", "int_liquidation_clock_prices", "grain_audit"),
)


@dataclass(frozen=True)
class Trade:
    """A liquidation; `side` is the order's, so SELL closed a long."""

    coin: str
    side: str
    size: str
    price: str
    at: datetime
    kind: str = "LIQUIDATED"


Tape = Sequence[Trade]


def is_priced(trade: Trade) -> bool:
    """Every other trade of a coin that has other prices, so that some rows stay correct."""
    return trade.coin in ("BTC", "ETH", "SOL") and trade.at.second % 2 == 0


def other_side(trade: Trade) -> Trade:
    return replace(trade, side="BUY" if trade.side == "SELL" else "SELL")


# Each fault as a function of the tape.
FAULTS: dict[str, Callable[[Tape], Tape]] = {
    "none": lambda tape: tape,
    "both legs": lambda tape: [leg for one in tape for leg in (one, other_side(one))],
    "some legs": lambda tape: [*tape, *map(other_side, tape[::4])],
    "doubled": lambda tape: [*tape, *tape],
    "mirrored": lambda tape: [
        *tape,
        *(replace(other_side(one), kind="DELEVERAGED") for one in tape[::3]),
    ],
    "price in thousands": lambda tape: [
        replace(one, price=str(Decimal(one.price) * 1000)) if is_priced(one) else one
        for one in tape
    ],
    "sides inverted": lambda tape: [other_side(one) for one in tape],
    "seven minutes late": lambda tape: [
        replace(one, at=one.at + timedelta(minutes=7)) for one in tape
    ],
    "five hours early": lambda tape: [replace(one, at=one.at - timedelta(hours=5)) for one in tape],
}


def made_tape() -> dict[str, Tape]:
    """Ten hours of three venues, busy in the same minutes; longs mostly when prices fall."""
    drawn = random.Random(20260129)
    started = datetime(2025, 6, 1, 6, tzinfo=UTC)
    tapes: dict[str, list[Trade]] = {venue: [] for venue in ("binance", "bybit", "dydx")}
    price, last = 60_000.0, dict.fromkeys(tapes, 60_000.0)
    for minute in range(600):
        price *= 1 + drawn.gauss(0, 0.002)
        is_busy = drawn.random() < 0.25
        for venue, tape in tapes.items():
            if drawn.random() > (0.9 if is_busy else 0.03):
                continue
            goes_with_price = drawn.random() < 0.9
            tape.append(
                Trade(
                    "BTC",
                    "SELL" if (price < last[venue]) == goes_with_price else "BUY",
                    f"{drawn.uniform(0.01, 2):.4f}",
                    f"{price:.1f}",
                    started + timedelta(minutes=minute, seconds=drawn.uniform(0, 59)),
                )
            )
            last[venue] = price
    return dict(tapes)


def recorded_tape(recordings: Path) -> Tape:
    """A collector's orders of one hour, of coins that dYdX could list."""
    file = recordings / "binance_force_order_csv" / "2025-06-23_neoparth" / "binance_bigliqs.csv"
    started = datetime(2025, 6, 23, 21, tzinfo=UTC)
    tape = []
    for row in csv.reader(file.open()):
        if row[0].isalpha() and row[10].isdigit():
            at = datetime.fromtimestamp(int(row[10]) / 1000, UTC)
            if at >= started:
                # Some have no average price.
                price = row[5] if row[6] == "None" else row[6]
                tape.append(Trade(row[0], row[1], row[9], price, at))
    return tape


def days_later(tape: Tape, days: int) -> Tape:
    return [replace(one, at=one.at + timedelta(days=days)) for one in tape]


def dydx_answers(tape: Tape) -> str:
    """Trades as dYdX's indexer reports them, one response per coin, each trade with its own id."""
    coins: dict[str, list[dict[str, Any]]] = {}
    for number, one in enumerate(tape):
        coins.setdefault(one.coin, []).append(
            {
                **{"id": f"{one.at:%Y%m%d}{number:06d}", "side": one.side, "size": one.size},
                **{"price": one.price, "type": one.kind},
                "createdAt": one.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            }
        )
    url = "https://indexer.dydx.trade/v4/trades/perpetualMarket"
    return "".join(
        rest_line({"trades": trades}, url=f"{url}/{coin}-USD") for coin, trades in coins.items()
    )


def collector_rows(tape: Tape) -> str:
    return "".join(
        f"{one.coin},{one.side},LIMIT,IOC,{one.size},{one.price},{one.price},FILLED,{one.size},"
        f"{one.size},{int(one.at.timestamp() * 1000)},0\n"
        for one in tape
    )


def vendor_rows(tape: Tape) -> str:
    return "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n" + "".join(
        f"bybit,{one.coin}USDT,{(us := int(one.at.timestamp() * 1e6))},{us},,{one.side.lower()},"
        f"{one.price},{one.size}\n"
        for one in tape
    )


@dataclass(frozen=True)
class Audited:
    """A built home, and the first day of its faults, which occupy consecutive days."""

    built: Built
    first_day: datetime
    tape: Tape

    def rows(self, fault: str, venue: str = "dydx") -> dict[str, dict[str, Any]]:
        """The audit's rows on the day of a fault, by check."""
        found = self.built.rows(
            "select * from marts.grain_audit where venue = ? and event_date = ?",
            venue,
            self.day(fault),
        )
        return {row["check_name"]: row for row in found}

    def day(self, fault: str) -> datetime:
        return self.first_day + timedelta(days=list(FAULTS).index(fault))

    def named(self, fault: str, venue: str = "dydx") -> set[str]:
        """The checks that a day fails."""
        return {
            name
            for name, row in self.rows(fault, venue).items()
            if row["severity"] in ("warning", "critical")
        }

    def total_usd(self, fault: str, side: str = "total") -> Decimal:
        (found,) = self.built.rows(
            f"select coalesce(sum({side}_usd), 0) as usd from marts.liquidations_minutely"
            " where venue = 'dydx' and hour_at::date = ?",
            self.day(fault),
        )
        return found["usd"]

    def true_usd(self) -> float:
        return sum(float(one.size) * float(one.price) for one in self.tape)


def audited(home: Home, tape: Tape, batches: dict[str, str]) -> Audited:
    refresh.stage(home, clock_at(IMPORTED_AT))
    refresh.gate_landed(home, clock_at(IMPORTED_AT))
    run_dbt(home, ["run", "--select", *AUDIT_MODELS])
    first = min(one.at for one in tape).replace(hour=0, minute=0, second=0, microsecond=0)
    return Audited(Built(home, home.warehouse_db, batches), first.replace(tzinfo=None), tape)


def disturbed(tape: Tape) -> Iterator[tuple[int, Tape]]:
    """The tape with each fault, on consecutive days."""
    for days, fault in enumerate(FAULTS.values()):
        yield days, days_later(fault(tape), days)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    folder = tmp_path_factory.mktemp("audit")
    home = Home(folder / "home")
    tapes = made_tape()
    dydx = "".join(dydx_answers(tape) for _, tape in disturbed(tapes["dydx"]))
    others = {
        venue: [one for days in range(len(FAULTS)) for one in days_later(tapes[venue], days)]
        for venue in ("binance", "bybit")
    }
    batches = {
        "dydx": take_in_text(home, folder, "dydx", "rest", "dydx.ndjson", dydx),
        "binance": take_in_text(
            *(home, folder, "binance", "force-order-csv", "binance.csv"),
            collector_rows(others["binance"]),
        ),
        "bybit": take_in_text(
            *(home, folder, "bybit", "tardis-csv", "bybit.csv"), vendor_rows(others["bybit"])
        ),
    }
    return audited(home, tapes["dydx"], batches)


@pytest.fixture(scope="module")
def recorded(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Audited:
    folder = tmp_path_factory.mktemp("recorded")
    home = Home(folder / "home")
    tape = recorded_tape(recordings)
    dydx = "".join(dydx_answers(tape) for _, tape in disturbed(tape))
    # The original orders, on their own day only, and all other recordings.
    batches = {
        "dydx": take_in_text(home, folder, "dydx", "rest", "dydx.ndjson", dydx),
        **{
            file.parent.name: take_in(home, "binance", "force-order-csv", [file])
            for file in sorted((recordings / "binance_force_order_csv").glob("*/*.csv"))
        },
    }
    day = datetime(2025, 6, 23, tzinfo=UTC)
    for coin in ("BTC", "ETH", "SOL"):
        file = recordings / "context" / "binance_spot_1h" / f"{coin}_USDT_1h.csv"
        header, *rows = file.read_text().splitlines()
        # Every day has the prices of the recorded day.
        moved = [
            row.replace(f"{day:%Y-%m-%d}", f"{day + timedelta(days=later):%Y-%m-%d}")
            for later in range(len(FAULTS))
            for row in rows
            if row.startswith(f"{day:%Y-%m-%d}")
        ]
        bars = folder / f"{coin}.csv"
        bars.write_text("\n".join([header, *moved]) + "\n")
        settings = {"instrument": f"{coin}USDT", "bar": "1h", "price_kind": "spot"}
        options = ReadOptions({**settings, "volume_unit": "base"})
        import_files(home, "binance", "bars-csv", [bars], clock_at(IMPORTED_AT), options)
    return audited(home, tape, batches)


@pytest.fixture(params=["made", "recorded"])
def audit(request: pytest.FixtureRequest) -> Audited:
    """The synthetic tape, and the recorded one if the recordings are available."""
    found: Audited = request.getfixturevalue(request.param)
    return found


def test_an_undisturbed_day_fails_no_check(audit: Audited) -> None:
    assert audit.named("none") == set()
    assert len(audit.rows("none")) == 10
    assert float(audit.total_usd("none")) == pytest.approx(audit.true_usd(), rel=1e-6)


def test_no_undisturbed_recording_fails_a_check(recorded: Audited) -> None:
    rows = recorded.built.rows(
        "select event_date, check_name, severity from marts.grain_audit"
        " where venue = 'binance' and severity in ('warning', 'critical')"
    )
    assert rows == []


@pytest.mark.parametrize(("fault", "legs"), [("both legs", 1), ("some legs", 4)])
def test_of_equal_rows_of_both_sides_the_first_counts(made: Audited, fault: str, legs: int) -> None:
    row = made.rows(fault)["leg_parity"]
    second_legs = len(made.tape[::legs])
    assert (row["severity"], row["quarantined_rows"]) == ("critical", second_legs)
    assert row["rows_table"] == "quarantined_liquidations"
    for side in ("long", "short"):
        assert made.total_usd(fault, side) == made.total_usd("none", side)
    selected = made.built.rows(
        f"select count(*) as rows from marts.{row['rows_table']} where {row['rows_where']}"
    )
    assert selected == [{"rows": second_legs}]


def test_of_recorded_orders_and_their_other_legs_the_orders_count(recorded: Audited) -> None:
    row = recorded.rows("both legs")["leg_parity"]
    assert (row["severity"], row["quarantined_rows"]) == ("critical", len(recorded.tape))
    assert recorded.total_usd("both legs") == recorded.total_usd("none")


def test_a_row_under_two_ids_counts_once(audit: Audited) -> None:
    row = audit.rows("doubled")["doubled_rows"]
    assert (row["severity"], row["quarantined_rows"]) == ("critical", len(audit.tape))
    assert audit.total_usd("doubled") == audit.total_usd("none")


def test_a_deleveraging_does_not_count_beside_its_liquidation(audit: Audited) -> None:
    row = audit.rows("mirrored")["mirrored_adl"]
    assert (row["severity"], row["quarantined_rows"]) == ("critical", len(audit.tape[::3]))
    assert audit.total_usd("mirrored") == audit.total_usd("none")


def test_a_price_in_another_unit_counts_nowhere(audit: Audited) -> None:
    row = audit.rows("price in thousands")["price_units"]
    assert row["severity"] == "critical"
    off = [one for one in audit.tape if is_priced(one)]
    assert row["quarantined_rows"] == len(off) > 0
    off_usd = sum(float(one.size) * float(one.price) for one in off)
    total_usd = float(audit.total_usd("price in thousands"))
    assert total_usd == pytest.approx(audit.true_usd() - off_usd, rel=1e-6)


def test_inverted_sides_are_flagged_by_the_prices_and_not_removed(audit: Audited) -> None:
    rows = audit.rows("sides inverted")
    assert rows["side_by_own_prices"]["severity"] in ("warning", "critical")
    assert rows["side_by_own_prices"]["statistic"] > 0.7
    assert rows["side_by_own_prices"]["affected_rows"] == len(audit.tape)
    assert audit.total_usd("sides inverted") == audit.total_usd("none")


def test_inverted_sides_are_against_those_of_other_venues(made: Audited) -> None:
    row = made.rows("sides inverted")["side_by_other_venues"]
    assert row["severity"] in ("warning", "critical")
    assert row["statistic"] > 0.7
    assert made.named("sides inverted", "bybit") == set()


def test_a_clock_some_minutes_off_is_flagged_with_the_minutes(made: Audited) -> None:
    row = made.rows("seven minutes late")["clock_by_other_venues"]
    assert (row["severity"], row["shift_minutes"]) == ("critical", 7)
    assert made.named("seven minutes late", "bybit") == set()


def test_a_clock_in_another_zone_is_flagged_with_its_hours(made: Audited) -> None:
    row = made.rows("five hours early")["clock_by_other_venues"]
    assert (row["severity"], row["shift_minutes"]) == ("critical", -300)


def test_recorded_prices_show_a_clock_in_another_zone(recorded: Audited) -> None:
    row = recorded.rows("five hours early")["clock_by_asset_prices"]
    assert row["severity"] == "critical"
    assert row["trials"] >= 10
    assert row["hits"] == row["trials"]
    assert row["shift_minutes"] == -300
