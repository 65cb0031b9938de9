"""The spine has the hour of every fact, and a much later hour removes no earlier detail.

The same hours are built in three orders, which give the same warehouse.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from tests.narrowing import narrowed
from tests.warehouse.hand_made import binance, copied, marts, query
from unwind.landing.imports import import_files
from unwind.landing.land import hour_batch
from unwind.landing.ledger import Landing, Ledger
from unwind.landing.raw import RawZone
from unwind.settings import Home
from unwind.warehouse.refresh import refresh

EARLY = datetime(2026, 1, 29, 10, tzinfo=UTC)
LATE = datetime(2026, 11, 20, 6, tzinfo=UTC)
BREAKDOWN = (
    "select hour_at, long_usd from marts.exchange_breakdown"
    " where base_asset = 'BTC' and venue = 'binance' and window_hours = 1 order by hour_at"
)


def naive(text: str) -> datetime:
    """An hour as the warehouse stores it: naive UTC."""
    return datetime.fromisoformat(text)


def clock() -> datetime:
    return datetime(2026, 11, 25, tzinfo=UTC)


def land_hour(home: Home, hour_at: datetime, lines: list[str]) -> None:
    """Seals an hour of Binance's frames, landed ten minutes after its end."""
    landed_at = hour_at + timedelta(hours=1, minutes=10)
    segment = RawZone(home).put(
        "".join(f"{line}\n" for line in lines).encode(),
        venue="binance",
        dataset="liquidations",
        format="frames",
        name=f"recorder/binance/{hour_at:%Y-%m-%dT%H}.ndjson",
        received_at=landed_at,
    )
    batch = hour_batch(hour_at)
    landing = Landing("liquidations", "ok", "", 0, (segment,), landed_at)
    Ledger(home).record_landing(batch.batch_id, "binance", [landing])
    Ledger(home).seal(batch, landed_at)


def land_january(home: Home, place: int) -> None:
    """One BTC for 80,000, 81,000 and so on, five minutes into 10:00, 11:00 and so on."""
    hour_at = EARLY + timedelta(hours=place)
    price = str(80_000 + 1_000 * place)
    event = binance("BTCUSDT", "SELL", "1", price, hour_at + timedelta(minutes=5))
    land_hour(home, hour_at, [event])


def land_november(home: Home) -> None:
    """One event of its hour, and one of two hours earlier that came on the same page."""
    land_hour(
        home,
        LATE,
        [
            binance("BTCUSDT", "SELL", "1", "90000", LATE + timedelta(minutes=1)),
            binance("BTCUSDT", "SELL", "1", "91000", LATE - timedelta(minutes=90)),
        ],
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spine")


@pytest.fixture(scope="module")
def january_first(folder: Path) -> Home:
    """An hour of January, one of November, and another of January, each built separately."""
    home = Home(folder / "january_first")
    land_january(home, 0)
    refresh(home, clock=clock)
    land_november(home)
    refresh(home, clock=clock)
    land_january(home, 1)
    refresh(home, clock=clock)
    return home


def test_a_much_later_hour_removes_no_detail(january_first: Home) -> None:
    # January's hours, and later hours whose windows include them, are unchanged.
    assert query(january_first, BREAKDOWN)[:2] == [
        (naive("2026-01-29T10:00"), 80_000),
        (naive("2026-01-29T11:00"), 81_000),
    ]
    assert (naive("2026-11-20T06:00"), 90_000) in query(january_first, BREAKDOWN)
    assert query(
        january_first,
        "select count(distinct hour_at::date) from marts.liquidation_clusters",
    ) == [(2,)]


def test_as_of_tables_have_no_rows_of_days_without_data(january_first: Home) -> None:
    for mart in ("exchange_breakdown", "liquidation_clusters"):
        days = query(january_first, f"select distinct hour_at::date from marts.{mart} order by 1")
        assert days == [(date(2026, 1, 29),), (date(2026, 11, 20),)]


def test_the_spine_holds_every_fact(january_first: Home) -> None:
    assert query(
        january_first,
        "select min(hour_at), max(hour_at), count(*) from marts.dim_hours",
    ) == [(naive("2026-01-29T10:00"), naive("2026-11-20T06:00"), 295 * 24 - 4 + 1)]
    assert (
        query(
            january_first,
            "select hour_at from marts.fct_liquidations anti join marts.dim_hours using (hour_at)",
        )
        == []
    )


@pytest.mark.parametrize(
    "order", [pytest.param("november_first", marks=pytest.mark.long), "at_once"]
)
def test_any_order_of_building_gives_the_same_tables(
    january_first: Home, folder: Path, order: str
) -> None:
    other = Home(folder / order)
    if order == "at_once":
        other = copied(january_first, folder / order)
    else:
        land_november(other)
        refresh(other, clock=clock)
        for place in (1, 0):
            land_january(other, place)
    refresh(other, clock=clock)
    one, two = marts(january_first), marts(other)
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []


def test_facts_before_the_spine_extend_it(folder: Path) -> None:
    """A page reaches back two hours; an import has one row from before Binance's futures."""
    home = Home(folder / "before")
    land_november(home)
    collected = folder / "collected.csv"
    impossible_ms = int(datetime(2019, 9, 7, 23, tzinfo=UTC).timestamp() * 1000)
    first_ms = int((LATE - timedelta(hours=3)).timestamp() * 1000)
    collected.write_text(
        f"BTC,SELL,LIMIT,IOC,0.1,80000,80000,FILLED,0.1,0.1,{impossible_ms},8000\n"
        f"BTC,SELL,LIMIT,IOC,0.1,80000,80000,FILLED,0.1,0.1,{first_ms},8000\n"
    )
    import_files(home, "binance", "force-order-csv", [collected], clock)
    with narrowed(["dim_hours", "quarantined_liquidations"]):
        refresh(home, clock=clock)
    assert query(home, "select min(hour_at), max(hour_at) from marts.dim_hours") == [
        (naive("2026-11-20T03:00"), naive("2026-11-20T06:00"))
    ]
    assert query(home, "select reject_reason from marts.quarantined_liquidations") == [
        ("implausible_event_time",)
    ]
