"""Changes between releases are recorded, and the newest release can restore earlier states.

Binance reports at 09:05 a long of 2 BTC at 90,000 dollars, and in the re-sealed hour one of 5; in
both hours one of 0.5 at 89,000.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import datetime

import duckdb
import pytest

from tests.warehouse.corrected_hours import imported
from tests.warehouse.hand_made import at, query
from unwind.landing.ledger import Ledger
from unwind.settings import Home
from unwind.warehouse import releases
from unwind.warehouse.promises import HOURS, marts
from unwind.warehouse.refresh import refresh

DIMENSIONS = ("dim_assets", "dim_instruments", "dim_venues")
HOURLY = sorted(mart.name for mart in marts().values() if mart.partition == HOURS)
RESEALED, LATE, WITHDRAWN = at(11, 15), at(12, 31), at(12, 41)


@pytest.fixture(scope="module")
def home(corrected_hour: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Two hours; the first one re-sealed; a late file for it; a venue's part of the second one
    withdrawn; finally a full rebuild from the raw zone."""
    home = Home(tmp_path_factory.mktemp("revised") / "home")
    shutil.copytree(corrected_hour.root, home.root, symlinks=True)
    ledger = Ledger(home)
    steps: list[tuple[Callable[[], object], datetime]] = [
        (lambda: imported(home, 9), LATE),
        (lambda: ledger.withdraw("hour-2026-01-29T10", "bybit", "a trial", at(12, 40)), WITHDRAWN),
        (lambda: None, at(13)),
    ]
    for happen, refreshed_at in steps:
        happen()
        is_last = refreshed_at == at(13)
        done = refresh(home, full=is_last, clock=lambda refreshed_at=refreshed_at: refreshed_at)
        assert done.release_id is not None, refreshed_at
    return home


def text(instant: datetime) -> str:
    return f"timestamp '{instant:%Y-%m-%d %H:%M:%S}'"


@pytest.mark.parametrize("place", range(6))
def test_the_newest_release_gives_every_earlier_one(home: Home, place: int) -> None:
    earlier = releases.listed(home)[::-1][place]
    compared = 0
    with duckdb.connect(str(home.current / "warehouse.duckdb"), read_only=True) as newest:
        newest.execute(f"attach '{earlier.path / 'warehouse.duckdb'}' as earlier (read_only)")
        for mart in (*HOURLY, *DIMENSIONS):
            as_of = f"from marts.as_of_{mart}({text(earlier.built_at)})"
            names = ", ".join(row[0] for row in newest.execute(f"describe {as_of}").fetchall())
            was = f"select {names} from earlier.marts.{mart}"
            if mart in HOURLY:
                # Hours after the last landed one have no batch yet.
                was += " where hour_at <= (select last_hour_at from earlier.marts.release)"
            for one, other in ((as_of, was), (was, as_of)):
                differing = newest.execute(
                    f"(select {names} from ({one})) except all (select {names} from ({other}))"
                ).fetchall()
                assert differing == [], mart
            compared += newest.execute(f"select count(*) from ({was})").fetchall()[0][0]
    assert compared > 50


def test_a_cell_that_a_re_sealed_hour_changed_names_it(home: Home) -> None:
    [(key, before, after, cause, batches)] = query(
        home,
        "select row_key, value_before, value_after, cause, batch_ids from marts.mart_revisions"
        f" where revised_at = {text(RESEALED)} and mart = 'liquidations_hourly'"
        " and column_name = 'long_usd' and (row_key->>'venue') = 'binance'",
    )
    assert json.loads(key) == {
        "hour_at": "2026-01-29 09:00:00",
        "venue": "binance",
        "base_asset": "BTC",
    }
    # 2 x 90,000 and 5 x 90,000, each with 0.5 x 89,000.
    assert (float(before), float(after)) == (224_500, 494_500)
    assert (cause, batches) == ("resealed_batch", "hour-2026-01-29T09")


def test_rows_that_come_and_go_are_kept_whole(home: Home) -> None:
    inserted = query(
        home,
        "select value_after->>'notional_usd', cause, batch_ids like 'import-%'"
        f" from marts.mart_revisions where revised_at = {text(LATE)} and change_kind = 'inserted'"
        " and mart = 'fct_liquidations'",
    )
    # The late file: 3 ETH at 3,000.
    assert [(float(usd), *rest) for usd, *rest in inserted] == [(9_000, "late_batch", True)]
    removed = query(
        home,
        "select value_before->>'notional_usd', cause, batch_ids from marts.mart_revisions"
        f" where revised_at = {text(WITHDRAWN)} and change_kind = 'removed'"
        " and mart = 'fct_liquidations'",
    )
    # Bybit's part of the second hour: 10 ETH at 3,000.
    assert [(float(usd), *rest) for usd, *rest in removed] == [
        (30_000, "withdrawn_batch", "hour-2026-01-29T10")
    ]


def test_new_or_unchanged_rows_are_no_revision(home: Home) -> None:
    revised = query(home, "select distinct revised_at from marts.mart_revisions order by 1")
    assert [row[0] for row in revised] == [
        one.replace(tzinfo=None) for one in (RESEALED, LATE, WITHDRAWN)
    ]
    published = query(home, "select published_at from marts.published_releases order by 1")
    assert len(published) == 6


def test_a_fact_is_available_when_its_batch_is_sealed(home: Home) -> None:
    # The first hour was sealed again at 11:10; the late file was sealed as it was imported.
    assert query(
        home,
        "select hour(hour_at), base_asset, venue, strftime(available_at, '%H:%M:%S')"
        " from marts.fct_liquidations"
        " where liquidated_side = 'long' order by all",
    ) == [
        (9, "BTC", "binance", "11:10:00"),
        (9, "BTC", "binance", "11:10:00"),
        (9, "ETH", "binance", "11:10:00"),
        (9, "ETH", "binance", "12:30:00"),
        (9, "ETH", "bybit", "11:10:00"),
        (10, "BTC", "binance", "11:00:30"),
        (10, "BTC", "binance", "11:00:30"),
        (10, "ETH", "binance", "11:00:30"),
    ]


def test_an_instant_before_the_first_release_is_refused(home: Home) -> None:
    with pytest.raises(duckdb.Error, match="no release of 2026-01-29 10:00:00 or before is known"):
        query(home, f"from marts.as_of_liquidations_hourly({text(at(10))})")


def test_a_rebuilt_table_has_a_row_per_day_and_no_former_state(home: Home) -> None:
    copied = duckdb.connect()
    copied.execute(f"attach '{home.current / 'warehouse.duckdb'}' as newest (read_only)")
    copied.execute("attach ':memory:' as mine; copy from database newest to mine")
    copied.execute(
        "insert into mine.marts.mart_revisions by name select timestamp '2026-01-29 14:00:00'"
        " as revised_at, 'liquidations_hourly' as mart, 'rebuilt' as change_kind,"
        " 'changed_rule' as cause, date '2026-01-29' as utc_date"
    )
    with pytest.raises(duckdb.Error, match=r"was rebuilt after .* .changed_rule, published at"):
        copied.execute(f"from mine.marts.as_of_liquidations_hourly({text(at(13))}, db := 'mine')")
    assert copied.execute(
        f"select count(*) from mine.marts.as_of_fct_liquidations({text(at(10, 1))}, db := 'mine')"
    ).fetchall() == [(5,)]
