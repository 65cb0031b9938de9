"""The daily formulas on a made table, the measures on a few rows, and the recorded totals."""

from __future__ import annotations

import math
from pathlib import Path

import duckdb
import numpy as np
import pytest

from tests.evidence import __main__ as evidence
from tests.evidence import daily, measures
from unwind.settings import PROJECT_ROOT

# Days 0 to 99 alike; on day 100 longs are forced out while the price falls. `higher` closes higher,
# `gap` has no day 50.
DAYS = """
create table days as
select
    base_asset,
    date '2024-01-01' + d::integer as day,
    10.0 as high,
    if(d = 100, 8.0, 10.0) as low,
    case when d = 100 and base_asset = 'higher' then 9.0 when d = 100 then 8.5 else 10.0 end
        as close,
    if(d = 100, 6000.0, 1000.0) as volume_usd,
    case d when 100 then 300.0 when 101 then 150.0 when 102 then 299.0 when 103 then 300.0
        else 100.0 end as long_usd,
    100.0 as short_usd,
from range(104) as numbers(d)
cross join (select unnest(['hand', 'higher', 'gap']) as base_asset)
where base_asset != 'gap' or d != 50
"""


@pytest.fixture(scope="module")
def made() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(DAYS)
    daily.compute(connection)
    return connection


def row(made: duckdb.DuckDBPyConnection, table: str, columns: str, d: int, coin: str = "hand"):
    return made.execute(
        f"select {columns} from {table} where base_asset = ? and day = date '2024-01-01' + ?",
        [coin, d],
    ).fetchone()


def test_daily_components_are_their_formulas(made) -> None:
    columns = "long_imbalance_1d, intensity_to_spot_volume_1d, realised_volatility_7d, vwap_7d"
    assert row(made, "features", columns, 100) == pytest.approx(
        (
            (300 - 100) / 400,
            300 / 6000,
            -math.log(0.85) / math.sqrt(7),
            # 6 days of 1,000 at 10, one of 6,000 at (10 + 8 + 8.5) / 3.
            12000 / (600 + 6000 * 3 / 26.5),
        )
    )
    # A week of equal weights would be 128.6; 0.75 a day over 35 days sums to 3.99983.
    assert row(made, "features", "ema_7d", 100)[0] == pytest.approx(100 + 200 / 3.99983, abs=1e-3)


def test_the_daily_score_is_a_weighted_mean_of_percentiles(made) -> None:
    columns = "long_imbalance_1d, intensity_to_spot_volume_1d, realised_volatility"
    # Above all 90 days, below all, above all.
    assert row(made, "forecasts", columns, 100) == (100, 0, 100)
    # 25 / 0.45: (0.10 x 100 + 0.20 x 0 + 0.15 x 100) / 0.45
    assert row(made, "forecasts", "daily_stress_score", 100)[0] == 55.5556
    # As all before: ties count half.
    assert row(made, "forecasts", "daily_stress_score", 99) == (50,)
    # Volatility begins on day 7 and has 90 days before it on day 97.
    assert row(made, "forecasts", "daily_stress_score", 96) == (None,)
    assert row(made, "forecasts", "daily_stress_score", 97) == (50,)
    assert row(made, "forecasts", "daily_stress_score", 100, "gap") == (None,)


def test_the_daily_divergence_needs_all_three(made) -> None:
    columns = "recovery, daily_recovery_divergence"
    assert row(made, "features", columns, 100) == (0.25, True)
    assert row(made, "features", columns, 100, "higher") == (0.5, False)
    assert row(made, "features", columns, 99) == (1, False)


def test_a_daily_event_reaches_the_highest_day_of_90(made) -> None:
    columns = "threshold, lagged_long_liquidations, is_event"
    assert row(made, "features", columns, 100) == (100, 3, True)
    assert row(made, "features", columns, 101) == (300, 0.5, False)  # 299
    assert row(made, "features", columns, 102) == (300, pytest.approx(299 / 300), True)
    assert row(made, "features", columns, 103)[2] is None
    assert row(made, "features", columns, 100, "gap") == (None, None, None)


def test_a_record_counts_pairs_and_spells() -> None:
    sample = measures.Sample(
        ["A", "A", "B", "B"],
        np.array([20.0, 21.0, 20.0, 28.0]),
        np.array([2, 3, 2, 4]),
        np.array([False, False, True, True]),
        np.full(4, True),
        {
            "score": np.array([1.0, 2.0, 2.0, 3.0]),
            measures.LAGGED: np.array([4.0, 3.0, 2.0, 1.0]),
            measures.VOLATILITY: np.array([1.0, 1.0, 1.0, 1.0]),
        },
    )
    found = measures.record(sample, "score")
    assert found is not None
    # Of the pairs (1, 2), (2, 2), (1, 3), (2, 3) one is a tie.
    assert found.auc.value == 3.5 / 4
    assert found.gain_over_lagged.value == 3.5 / 4
    assert found.gain_over_volatility.value == 3.5 / 4 - 0.5
    assert (found.graded, found.events, found.spells) == (4, 2, 2)
    assert found.top_precision.value == 1
    assert found.verdict() == "case study"
    assert measures.record(sample, "score", "A") is None
    assert measures.shifted_by_half(sample, sample.predictors["score"]).tolist() == [2, 1, 3, 2]


def test_missing_recordings_are_named(monkeypatch, tmp_path: Path, capsys) -> None:
    monkeypatch.setattr(evidence, "RECORDINGS", tmp_path / "none")
    assert evidence.main(["daily"]) == 1
    assert "set UNWIND_RECORDINGS" in capsys.readouterr().out


@pytest.mark.recordings
@pytest.mark.skipif(
    not (evidence.RECORDINGS / daily.SOURCE).is_dir(),
    reason=f"no recordings at {evidence.RECORDINGS}; set UNWIND_RECORDINGS to their folder",
)
def test_the_page_shows_what_the_recorded_days_say() -> None:
    found = measures.table(daily.sample(evidence.RECORDINGS), daily.SCORE)
    assert found in (PROJECT_ROOT / "docs" / "evidence.md").read_text(encoding="utf-8")
