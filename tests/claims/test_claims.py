"""Every verdict and comparison, on a release with figures that can be checked by hand.

The hour of 10:00, long positions: Gate, which publishes everything, has 1,000 dollars in two
liquidations of 600 and 400. Binance, which publishes one a second, has 1,000 published and
1,000 +- 1,000 hidden. HTX, whose rule is unknown, has 500. Bybit failed to land at 13:00.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.claims.hand_made import Release

from unwind.claims.check import Answer, check
from unwind.claims.grammar import ClaimError
from unwind.claims.reasons import only_if, why_not
from unwind.claims.verdicts import Estimated, Published, Verdict
from unwind.settings import Home

HOLDS, ONLY_IF = Verdict.HOLDS, Verdict.HOLDS_ONLY_IF
CONTRADICTED, UNDETERMINED = Verdict.CONTRADICTED, Verdict.UNDETERMINED
HIDDEN = {
    **{"hidden_usd": 1_000, "hidden_usd_variance": 1_000_000, "estimated_channel_hours": 1},
    **{"hidden_events": 100, "hidden_events_variance": 100},
}
# exp(ln 1000 - ln(2)/2 -+ 1.6448536 sqrt(ln 2)) = 179.7831 and 2,781.1287.
LOW, MID, HIGH = 1_179.7831, 2_000, 3_781.1287
DAY = "within 1h on 2026-01-29"
HOUR = "within 1h at 2026-01-29T10:00"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    release = Release(tmp_path_factory.mktemp("verdicts") / "home")
    release.hours(10, 13)
    release.covered("gate", range(10, 14))
    release.covered("binance", range(10, 14), "one_per_symbol_second_latest")
    release.covered("htx", range(10, 14), "unknown")
    release.covered("bybit", range(10, 13))
    release.covered("bybit", [13], outcome="failed")
    for venue in ("gate", "binance", "htx"):
        release.listed(venue, "BTC", "ETH")
    release.listed("bybit", "BTC")
    for asset in ("BTC", "ETH", "SOL"):
        release.insert("dim_assets", base_asset=asset)
    release.liquidated("10:20", "gate", 600)
    release.liquidated("10:40", "gate", 400)
    release.liquidated("10:20", "binance", 1_000)
    release.liquidated("10:20", "htx", 500)
    release.hidden(10, "binance", HIDDEN, {20: HIDDEN})
    release.hidden(10, "htx", {"unestimated_channel_hours": 1}, {20: {}})
    return release.finished()


def verdict(home: Home, text: str) -> Verdict:
    return check(home, text).verdict


def reasons(answer: Answer) -> list[str]:
    [window] = answer.windows
    return only_if(answer, window) or why_not(window)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("> 999.9999", HOLDS),
        ("> 1000", CONTRADICTED),
        (">= 1000", HOLDS),
        (">= 1000.0001", CONTRADICTED),
        ("< 1000", CONTRADICTED),
        ("< 1000.0001", HOLDS),
        ("<= 1000", HOLDS),
        ("<= 999.9999", CONTRADICTED),
        ("about 1000 +-0", HOLDS),
        # 5%: 907.25 to 1,002.75, and 902.5 to 997.5.
        ("about 955", HOLDS),
        ("about 950", CONTRADICTED),
        ("about 1k +-1%", HOLDS),
        ("about 1050", HOLDS),
        ("about 1060", CONTRADICTED),
    ],
)
def test_what_was_published_in_full_is_the_truth(home, condition, expected) -> None:
    assert verdict(home, f"long on gate {condition} {HOUR}") == expected


@pytest.mark.parametrize(
    ("condition", "expected", "on_published", "on_estimates"),
    [
        ("> 900", HOLDS, True, Estimated.ALL),
        ("> 1100", ONLY_IF, False, Estimated.ALL),
        ("> 2000", ONLY_IF, False, Estimated.PART),
        ("> 3781", ONLY_IF, False, Estimated.PART),
        ("> 3782", CONTRADICTED, False, Estimated.NONE),
        ("< 4000", HOLDS, True, Estimated.ALL),
        ("< 2000", ONLY_IF, True, Estimated.PART),
        ("< 1100", ONLY_IF, True, Estimated.NONE),
        ("< 1000", CONTRADICTED, False, Estimated.NONE),
        ("about 2000 +-1900", HOLDS, True, Estimated.ALL),
        ("about 1000", ONLY_IF, True, Estimated.NONE),
        ("about 2000", ONLY_IF, False, Estimated.PART),
        ("about 2500 +-1400", ONLY_IF, False, Estimated.ALL),
        ("about 1090 +-50", CONTRADICTED, False, Estimated.NONE),
    ],
)
def test_a_venue_that_hides_has_an_interval(
    home, condition, expected, on_published, on_estimates
) -> None:
    answer = check(home, f"long on binance {condition} {HOUR}")
    [found] = answer.windows[0].conditions
    assert answer.verdict == expected
    assert found.on_published == (Published.TRUE if on_published else Published.FALSE)
    assert found.on_estimates == on_estimates
    figures = [found.published, found.low, found.mid, found.high]
    assert [units / 10_000 for units in figures] == pytest.approx([1_000, LOW, MID, HIGH], abs=2e-4)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("> 400", HOLDS),
        ("> 600", UNDETERMINED),
        ("< 600", ONLY_IF),
        ("< 500", CONTRADICTED),
        ("about 500", ONLY_IF),
        ("about 600", UNDETERMINED),
        ("about 400", CONTRADICTED),
    ],
)
def test_an_unknown_rule_gives_no_upper_end(home, condition, expected) -> None:
    assert verdict(home, f"long on htx {condition} {HOUR}") == expected


@pytest.mark.parametrize(
    ("claim", "reported"),
    [
        ("long on gate > 5", []),
        (
            "long on binance > 1100",
            ["what was hidden is counted: of long on binance, $1,000 was published"],
        ),
        (
            "long on binance > 2k",
            [
                "what was hidden is counted: of long on binance, $1,000 was published",
                "long on binance is over $2,000, in a part of its interval of $1,180 to $3,781",
            ],
        ),
        (
            "long on binance < 1100",
            [
                "only what was published counts: with what was hidden, long on binance is $1,180 "
                "to $3,781"
            ],
        ),
        (
            "long on htx < 600",
            [
                "of long on htx, at most $100 is missing from what has no estimate: htx (rule "
                "unknown)"
            ],
        ),
        (
            "long > 9k",
            [
                "long may be over $9,000: it is $2,680 or more, and has no upper end for htx (rule "
                "unknown)"
            ],
        ),
        (
            "long on gate > 2k",
            [
                "long on gate is not over $2,000: $1,000 was published, and with what was hidden "
                "it is $1,000"
            ],
        ),
    ],
)
def test_what_a_verdict_depends_on_is_reported(home, claim, reported) -> None:
    assert reasons(check(home, f"{claim} {HOUR}")) == reported


def test_all_conditions_must_hold_under_one_reading(home) -> None:
    """Over 1,100 holds only with hidden liquidations, under 1,150 only without them."""
    both = f"long on binance > 1100 and long on binance < 1150 {HOUR}"
    assert verdict(home, both) == CONTRADICTED
    assert verdict(home, f"long on binance > 1100 and long on gate <= 1000 {HOUR}") == ONLY_IF


def test_all_venues_are_added_and_intervals_made_last(home) -> None:
    answer = check(home, f"long > 2400 {HOUR}")
    [found] = answer.windows[0].conditions
    assert answer.verdict == HOLDS
    assert [found.published, found.high] == [25_000_000, None]
    # Gate's 1,000 and HTX's 500 on top of Binance's interval.
    ends = [found.low / 10_000, found.mid / 10_000, found.estimated_high / 10_000]
    assert ends == pytest.approx([LOW + 1_500, MID + 1_500, HIGH + 1_500], abs=2e-4)
    assert [part.venue for part in found.parts] == ["binance", "bybit", "gate", "htx"]


def test_a_claim_that_only_one_venue_meets(home) -> None:
    answer = check(home, f"long about 1000 {HOUR}")
    assert answer.verdict == ONLY_IF
    [window] = answer.windows
    assert (window.only_venue, window.verdict) == ("gate", HOLDS)
    assert reasons(answer) == ["gate alone is counted"]
    # A small venue is below any bound: that is no evidence for the claim.
    assert verdict(home, f"long < 2500 {HOUR}") == CONTRADICTED
    # A claim that names its venue is not tried on others.
    assert verdict(home, f"long on htx about 1000 {HOUR}") == UNDETERMINED


def test_events_are_counted(home) -> None:
    assert verdict(home, f"events on gate about 2 +-0 {HOUR}") == HOLDS
    # 1 published; of 100 +- 10 hidden: exp(ln 100 - ln(1.01)/2 -+ 1.6448536 sqrt(ln 1.01)).
    answer = check(home, f"events on binance > 200 {HOUR}")
    [found] = answer.windows[0].conditions
    assert answer.verdict == CONTRADICTED
    ends = [found.published / 10_000, found.low / 10_000, found.high / 10_000]
    assert ends == pytest.approx([1, 85.4465, 118.2457], abs=1e-3)


def test_an_hour_that_was_not_received_can_be_anything(home) -> None:
    at_13 = "within 1h at 2026-01-29T13:00"
    answer = check(home, f"long on bybit < 5 {at_13}")
    assert answer.verdict == UNDETERMINED
    [found] = answer.windows[0].conditions
    assert (found.on_published, found.high) == (Published.UNKNOWN, None)
    assert verdict(home, f"long on bybit > 5 {at_13}") == UNDETERMINED
    assert verdict(home, f"long on bybit < 5 {HOUR}") == HOLDS
    # The rest of the day was covered and does not meet the claim, but this hour may.
    assert verdict(home, f"long on bybit > 5 {DAY}") == UNDETERMINED
    assert verdict(home, "long on bybit > 5 within 1h between 2026-01-29T10 and 2026-01-29T13") == (
        CONTRADICTED
    )
    # All venues: what was published is known, and Bybit may have added to it.
    answer = check(home, f"long of BTC < 5 {at_13}")
    assert answer.verdict == ONLY_IF
    assert reasons(answer) == [
        "of long of BTC, at most $5 is missing from what has no estimate: bybit (not received "
        "whole), htx (rule unknown)"
    ]


def test_a_side_of_which_nothing_was_received_is_not_zero(tmp_path) -> None:
    """Of an hour that was not covered, a liquidation of a short says nothing about longs."""
    release = Release(tmp_path / "home")
    release.hours(10, 11)
    for venue in ("gate", "okx"):
        release.covered(venue, [10])
        release.covered(venue, [11], outcome="not_landed")
        release.listed(venue, "BTC")
    release.liquidated("11:02", "okx", 3_479, side="short")
    home = release.finished()
    at_11 = "within 1h at 2026-01-29T11:00"
    answer = check(home, f"long < 1m {at_11}")
    assert answer.verdict == UNDETERMINED
    [found] = answer.windows[0].conditions
    assert (found.on_published, found.on_estimates) == (Published.UNKNOWN, Estimated.OPEN)
    assert [found.published, found.low, found.mid, found.high, found.estimated_high] == [None] * 5
    assert reasons(answer) == [
        "long may be under $1.00m: what was published is not known, and it has no upper end for "
        "gate (not received whole), okx (not received whole)"
    ]
    # Shorts were observed, and an hour that was covered has none where none was reported.
    [found] = check(home, f"short > 5k {at_11}").windows[0].conditions
    assert (found.published, found.on_published) == (34_790_000, Published.FALSE)
    assert verdict(home, f"short > 3k {at_11}") == HOLDS
    assert verdict(home, f"events >= 1 {at_11}") == HOLDS
    [found] = check(home, f"long < 1m {HOUR}").windows[0].conditions
    assert (found.published, found.on_published) == (0, Published.TRUE)
    # No hour's dollars are below zero, known or not.
    answer = check(home, f"long on okx < 0 {at_11}")
    assert answer.verdict == CONTRADICTED
    assert reasons(answer) == [
        "long on okx is not under $0: what was published is not known, and no figure is below zero"
    ]


def test_reasons_of_estimates_name_what_is_not_known(tmp_path) -> None:
    """Of two venues, one has hidden liquidations that meet the claim, and one was not received."""
    release = Release(tmp_path / "home")
    release.hours(10, 10)
    release.covered("binance", [10], "one_per_symbol_second_latest")
    release.covered("gate", [10], outcome="not_landed")
    for venue in ("binance", "gate"):
        release.listed(venue, "BTC")
    release.liquidated("10:20", "binance", 1_000)
    release.hidden(10, "binance", HIDDEN, {20: HIDDEN})
    answer = check(release.finished(), f"long on binance > 1100 and long on gate >= 0 {HOUR}")
    assert answer.verdict == ONLY_IF
    assert reasons(answer) == [
        "what was hidden is counted: of long on binance, $1,000 was published",
        "long on gate is at least $0: what was published is not known",
    ]


def test_an_asset_is_expected_of_the_venues_that_list_it(home) -> None:
    """Bybit, whose hour is missing, lists only BTC."""
    answer = check(home, "short of ETH < 5 within 1h at 2026-01-29T13:00")
    [found] = answer.windows[0].conditions
    assert [part.venue for part in found.parts] == ["binance", "gate", "htx"]


@pytest.mark.parametrize(
    ("claim", "reported"),
    [
        ("long on bynance > 5", "the release has no venue bynance; did you mean binance?"),
        ("long of ETHH > 5", "the release has no asset ETHH; did you mean ETH?"),
        ("long on x > 5", "the release has no venue x; it has binance, bybit, gate, htx"),
        # Of two names that share letters, one is not the other.
        ("long of ethanol > 5", "the release has no asset ethanol; it has BTC, ETH, SOL"),
        ("long of QQQQ > 5", "the release has no asset QQQQ; it has BTC, ETH, SOL"),
    ],
)
def test_unknown_names_get_a_suggestion_or_the_list(home, claim, reported) -> None:
    with pytest.raises(ClaimError) as error:
        check(home, f"{claim} {DAY}")
    assert str(error.value) == reported


def test_names_are_read_in_any_case(home) -> None:
    [found] = check(home, f"long of btc on Gate >= 1000 {HOUR}").windows[0].conditions
    assert found.scope == ("gate", "BTC")


def test_a_known_asset_without_liquidations_has_none(home) -> None:
    """No venue lists SOL, so no venue was expected to report it."""
    assert verdict(home, f"long of ETH on gate <= 0 {HOUR}") == HOLDS
    assert verdict(home, f"long of SOL > 0 {HOUR}") == UNDETERMINED


def test_hours_that_the_release_does_not_have(home) -> None:
    answer = check(home, "long > 5 within 1h on 2026-02-07")
    assert (answer.verdict, answer.windows, answer.outside) == (UNDETERMINED, (), 1_381)
    # The release has the hours of 10:00 to 13:00, and no others of the day.
    answer = check(home, f"long on gate > 1000 {DAY}")
    assert answer.verdict == UNDETERMINED
    assert answer.of_clock == {CONTRADICTED: 4}
    # Windows that overlap 10:00 to 14:00 begin at 9:01 to 13:59.
    assert answer.of_any.total() == 299
    assert answer.outside == 1_381 - 299
    assert verdict(home, f"long on gate >= 1000 {DAY}") == HOLDS


def test_facts_of_a_window_are_listed_largest_first(home) -> None:
    [window] = check(home, f"long on gate >= 1000 {HOUR}").windows
    assert window.facts.count == 2
    assert [float(one.notional_usd) for one in window.facts.largest] == [600, 400]
    assert window.facts.largest[0].liquidation_id == "00000000-0000-0000-0000-000000000001"
    [window] = check(home, f"long > 5 and short <= 0 {HOUR}").windows
    assert window.facts.count == 4


def test_a_liquidation_without_a_value_leaves_dollars_open(tmp_path) -> None:
    release = Release(tmp_path / "home")
    release.hours(10, 10)
    release.covered("gate", [10])
    release.liquidated("10:20", "gate", 600)
    release.liquidated("10:30", "gate", None)
    home = release.finished()
    assert verdict(home, f"long on gate > 500 {HOUR}") == HOLDS
    assert verdict(home, f"long on gate > 700 {HOUR}") == UNDETERMINED
    assert verdict(home, f"long on gate < 700 {HOUR}") == ONLY_IF
    assert verdict(home, f"events on gate < 3 {HOUR}") == HOLDS


def test_a_release_without_hours(tmp_path) -> None:
    home = Release(tmp_path / "home").finished()
    assert verdict(home, f"long > 5 {DAY}") == UNDETERMINED
