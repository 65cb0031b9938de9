"""Windows on and off the clock hour, at the edges of a day, and intervals where they cut hours.

Gate, which publishes everything, has 600 dollars at 10:45 and 600 at 11:15. Binance's hour of 10:00
hides 1,000 +- 1,000 (400 +- 400 at 10:10, 600 +- 800 at 10:50); its hour of 11:00 hides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.claims.hand_made import Release, at

from unwind.claims.check import check
from unwind.claims.reasons import only_if
from unwind.claims.verdicts import Verdict
from unwind.settings import Home

WHOLE = {
    **{"hidden_usd": 1_000, "hidden_usd_variance": 1_000_000, "estimated_channel_hours": 1},
    **{"hidden_events": 100, "hidden_events_variance": 100},
}
FIRST = {
    **{"hidden_usd": 400, "hidden_usd_variance": 160_000},
    **{"hidden_events": 40, "hidden_events_variance": 40},
}
OTHER = {
    **{"hidden_usd": 600, "hidden_usd_variance": 640_000},
    **{"hidden_events": 60, "hidden_events_variance": 60},
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    release = Release(tmp_path_factory.mktemp("windows") / "home")
    release.hours(0, 25)
    for venue, rule in (("gate", "full"), ("binance", "one_per_symbol_second_latest")):
        release.covered(venue, range(26), rule)
        release.listed(venue, "BTC")
    release.liquidated("10:45", "gate", 600)
    release.liquidated("11:15", "gate", 600)
    release.liquidated("0:00", "gate", 70)
    release.liquidated("23:59", "gate", 80)
    release.liquidated("24:00", "gate", 5_000)
    for time in ("10:10", "10:50"):
        release.liquidated(time, "binance", 500)
    release.hidden(10, "binance", WHOLE, {10: FIRST, 50: OTHER})
    return release.finished()


def window_of(home: Home, text: str) -> tuple[Verdict, str, str]:
    """The verdict, and the start and end of the only window."""
    answer = check(home, text)
    [window] = answer.windows
    return answer.verdict, f"{window.begins_at:%H:%M}", f"{window.ends_at:%H:%M}"


def test_an_hour_off_the_clock(home) -> None:
    """The hours of 10:00 and 11:00 have 600 each; a window starting at 10:16 to 10:45 has both."""
    answer = check(home, "long on gate > 1000 within 1h on 2026-01-29")
    assert answer.verdict == Verdict.HOLDS_ONLY_IF
    [window] = answer.windows
    assert (window.begins_at.hour, window.begins_at.minute) == (10, 16)
    assert (window.verdict, window.is_of_clock) == (Verdict.HOLDS, False)
    assert only_if(answer, window) == ["the hour need not be a clock hour"]
    assert answer.of_clock == {Verdict.CONTRADICTED: 24}
    assert answer.of_any == {Verdict.HOLDS: 30, Verdict.CONTRADICTED: 1_351}


def test_a_clock_hour_is_preferred_and_a_better_window_is_named_too(home) -> None:
    """Binance: 1,000 published and 1,000 hidden in 10:00; 500 and 600 from 10:11 on."""
    found = window_of(home, "long on binance >= 1000 within 1h on 2026-01-29")
    assert found == (Verdict.HOLDS, "10:00", "11:00")
    # Binance's 500 meet it as published but not with the hidden ones; from 10:51 it has nothing.
    answer = check(home, "long on gate >= 600 and long on binance < 1100 within 1h on 2026-01-29")
    of_clock = answer.windows[0]
    assert (answer.verdict, of_clock.verdict) == (Verdict.HOLDS, Verdict.HOLDS)
    assert of_clock.begins_at.hour == 11
    answer = check(
        home,
        "long on gate >= 600 and long on binance < 1100 within 1h"
        " between 2026-01-29T10 and 2026-01-29T11:55",
    )
    assert answer.verdict == Verdict.HOLDS_ONLY_IF
    begins = [(one.begins_at.minute, one.verdict) for one in answer.windows]
    assert begins == [(0, Verdict.HOLDS_ONLY_IF), (51, Verdict.HOLDS)]


@pytest.mark.parametrize(
    ("text", "begin", "end"),
    [
        ("long on gate about 80 +-0 within 1h on 2026-01-29", "23:00", "00:00"),
        ("long on gate about 70 +-0 within 1h on 2026-01-29", "00:00", "01:00"),
        ("long on gate about 80 +-0 within 30m on 2026-01-29", "23:30", "00:00"),
        ("long on gate about 1200 +-0 within 2h on 2026-01-29", "10:00", "12:00"),
        # 31 minutes do not divide an hour, so no window starts on the clock.
        ("long on gate about 1200 +-0 within 31m on 2026-01-29", "10:45", "11:16"),
        ("long on gate about 600 +-0 within 1m at 2026-01-29T10:45", "10:45", "10:46"),
    ],
)
def test_windows_by_their_begin_and_end(home, text, begin, end) -> None:
    assert window_of(home, text) == (Verdict.HOLDS, begin, end)


def test_a_window_ends_with_its_day(home) -> None:
    """The 5,000 at midnight belong to the next day."""
    none = "long on gate >= 5000 within 1h"
    assert check(home, f"{none} on 2026-01-29").verdict == Verdict.CONTRADICTED
    assert check(home, f"{none} between 2026-01-29 and 2026-01-30T00:00").verdict == (
        Verdict.CONTRADICTED
    )
    assert window_of(home, f"{none} between 2026-01-29T23:59 and 2026-01-30T01:00") == (
        *(Verdict.HOLDS, "00:00"),
        "01:00",
    )
    whole = "long on gate about 1350 +-0 within 24h on 2026-01-29"
    assert window_of(home, whole) == (Verdict.HOLDS, "00:00", "00:00")


@pytest.mark.parametrize(
    ("window", "published", "low", "mid", "high"),
    [
        # The whole hour: exp(ln 1000 - ln(2)/2 -+ 1.6448536 sqrt(ln 2)).
        ("1h at 2026-01-29T10:00", 1_000, 1_179.7831, 2_000, 3_781.1287),
        ("4h at 2026-01-29T08:00", 1_000, 1_179.7831, 2_000, 3_781.1287),
        # 10:50 alone, 600 +- 800: ln(1 + 16/9) = 1.021651; exp(ln 600 - 0.510826 -+ 1.662563).
        ("1h at 2026-01-29T10:30", 500, 568.2747, 1_100, 2_398.2142),
        ("20m at 2026-01-29T10:35", 500, 568.2747, 1_100, 2_398.2142),
        ("1m at 2026-01-29T10:50", 500, 568.2747, 1_100, 2_398.2142),
        # Both minutes of a cut hour: (400 + 800)^2 is capped at the hour's variance.
        ("1h at 2026-01-29T10:05", 1_000, 1_179.7831, 2_000, 3_781.1287),
        ("50m at 2026-01-29T10:05", 1_000, 1_179.7831, 2_000, 3_781.1287),
        # Neither minute.
        ("30m at 2026-01-29T10:20", 0, 0, 0, 0),
        ("1h at 2026-01-29T10:51", 0, 0, 0, 0),
    ],
)
def test_intervals_of_whole_and_cut_hours(home, window, published, low, mid, high) -> None:
    [found] = check(home, f"long on binance > 5 within {window}").windows[0].conditions
    units = [found.published, found.low, found.mid, found.high]
    assert [one / 10_000 for one in units] == pytest.approx([published, low, mid, high], abs=2e-4)


def test_moments_are_added_over_assets_and_hours_before_an_interval_is_made(tmp_path) -> None:
    """2,000 hidden in two channel-hours; the variance is 2,000,000 + (5% of 2,000)^2 = 2,010,000.
    ln(1.5025) = 0.407130: exp(ln 2000 - 0.203565 -+ 1.049527)."""
    release = Release(tmp_path / "home")
    release.hours(10, 11)
    release.covered("binance", [10, 11], "one_per_symbol_second_latest")
    release.listed("binance", "BTC", "ETH")
    for time, asset in (("10:10", "BTC"), ("10:10", "ETH"), ("11:10", "ETH")):
        release.liquidated(time, "binance", 500, asset)
        release.hidden(at(time).hour, "binance", WHOLE, {10: WHOLE}, asset)
    home = release.finished()
    for claim in (
        "long > 5 within 1h at 2026-01-29T10:00",
        "long of ETH > 5 within 2h at 2026-01-29T10:00",
        # Off the clock: here one minute holds everything that its hour hides.
        "long of ETH > 5 within 61m at 2026-01-29T10:10",
        "long > 5 within 1h at 2026-01-29T09:30",
    ):
        [found] = check(home, claim).windows[0].conditions
        units = [found.published, found.low, found.mid, found.estimated_high]
        assert [one / 10_000 for one in units] == pytest.approx(
            [1_000, 1_571.2399, 3_000, 5_660.4403], abs=2e-3
        ), claim
