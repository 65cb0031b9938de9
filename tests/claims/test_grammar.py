"""How the text of a claim is parsed, and the error for one that cannot be."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from unwind.claims.grammar import NO_END, ClaimError, parse

DAY = "on 2026-01-29"


def only(text: str):
    [condition] = parse(f"{text} within 1h {DAY}").conditions
    return condition


def test_the_claim_of_an_article() -> None:
    claim = parse("long > 230e6 and short < 5e6 within 1h on 2026-01-29")
    first, second = claim.conditions
    assert (first.figure, first.comparison, first.amount) == ("long", ">", Decimal(230_000_000))
    assert (second.figure, second.comparison, second.amount) == ("short", "<", Decimal(5_000_000))
    assert (claim.minutes, claim.is_one_window) == (60, False)
    assert claim.begins_at == datetime(2026, 1, 29, tzinfo=UTC)
    assert claim.ends_at == datetime(2026, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("230e6", 230_000_000),
        ("230m", 230_000_000),
        ("230M", 230_000_000),
        ("230 mn", 230_000_000),
        ("$230 million", 230_000_000),
        ("USD 230 million", 230_000_000),
        ("$230,000,000", 230_000_000),
        ("1.2bn", 1_200_000_000),
        ("1.2 billion", 1_200_000_000),
        ("5b", 5_000_000_000),
        ("36k", 36_000),
        ("0.5", Decimal("0.5")),
        ("0", 0),
    ],
)
def test_amounts(text: str, amount: Decimal) -> None:
    assert only(f"long > {text}").amount == amount


@pytest.mark.parametrize(
    ("comparison", "lowest", "highest"),
    [
        (">", 10_000_001, NO_END),
        (">=", 10_000_000, NO_END),
        ("<", 0, 9_999_999),
        ("<=", 0, 10_000_000),
        # 5% of 1,000 dollars on either side.
        ("about", 9_500_000, 10_500_000),
    ],
)
def test_comparisons_are_exact_to_a_hundredth_of_a_cent(
    comparison: str, lowest: int, highest: int
) -> None:
    one = only(f"long {comparison} 1000")
    assert (one.lowest, one.highest) == (lowest, highest)


@pytest.mark.parametrize(
    ("text", "tolerance"),
    [
        ("about 36e6", 1_800_000),
        ("about 36e6 +-10%", 3_600_000),
        ("about 36e6 +/- 2.5 %", 900_000),
        ("about 36e6 ±0%", 0),
        ("about 36e6 +-100%", 36_000_000),
        ("about $36 million +-$1 million", 1_000_000),
    ],
)
def test_tolerances(text: str, tolerance: int) -> None:
    assert only(f"long {text}").tolerance == tolerance


def test_about_reaches_no_further_down_than_zero() -> None:
    one = only("long about 5 +-10")
    assert (one.lowest, one.highest) == (0, 150_000)


@pytest.mark.parametrize(
    "text",
    [
        "long of BTC on binance about 36e6",
        "long on binance of BTC about 36e6",
        "long about 36e6 on binance of BTC",
        "LONG ON binance about 36e6 OF BTC",
    ],
)
def test_venue_and_asset_stand_before_or_after_the_amount(text: str) -> None:
    one = only(text)
    assert (one.figure, one.venue, one.asset) == ("long", "binance", "BTC")


def test_an_asset_may_begin_with_a_digit() -> None:
    assert only("total of 1INCH > 5m").asset == "1INCH"


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        *(("1h", 60), ("4h", 240), ("30m", 30), ("90 minutes", 90), ("1.5h", 90)),
        *(("24 hours", 1440), ("1d", 1440), ("1 day", 1440), ("1 min", 1)),
    ],
)
def test_lengths(text: str, minutes: int) -> None:
    assert parse(f"events > 5 within {text} {DAY}").minutes == minutes


@pytest.mark.parametrize(
    ("text", "begins_at", "ends_at", "is_one"),
    [
        ("on 2026-01-29", "2026-01-29T00:00", "2026-01-30T00:00", False),
        ("on 2026-01-29 UTC", "2026-01-29T00:00", "2026-01-30T00:00", False),
        # An end that is a day includes that day.
        ("between 2026-01-28 and 2026-01-29", "2026-01-28T00:00", "2026-01-30T00:00", False),
        (
            *("between 2026-01-28T06 and 2026-01-29 00:00", "2026-01-28T06:00"),
            *("2026-01-29T00:00", False),
        ),
        ("at 2026-01-29T14:00", "2026-01-29T14:00", "2026-01-29T15:00", True),
        ("at 2026-01-29T14:07Z", "2026-01-29T14:07", "2026-01-29T15:07", True),
        ("at 2026-01-29T15:00+01:00", "2026-01-29T14:00", "2026-01-29T15:00", True),
    ],
)
def test_spans(text: str, begins_at: str, ends_at: str, is_one: bool) -> None:
    claim = parse(f"long > 5 within 1h {text}")
    assert f"{claim.begins_at:%Y-%m-%dT%H:%M}" == begins_at
    assert f"{claim.ends_at:%Y-%m-%dT%H:%M}" == ends_at
    assert claim.is_one_window is is_one


@pytest.mark.parametrize(
    ("text", "character", "problem"),
    [
        ("", 1, "expected a figure: long, short, total or events"),
        ("lots > 5 within 1h on 2026-01-29", 1, "expected a figure"),
        ("longs > 5 within 1h on 2026-01-29", 1, "expected a figure"),
        ("long = 5 within 1h on 2026-01-29", 6, "expected a comparison: >, >=, <, <= or about"),
        ("long > lots within 1h on 2026-01-29", 8, "expected an amount, as 230e6, 230m or $230"),
        ("long > -5 within 1h on 2026-01-29", 8, "expected an amount"),
        ("long > 1,23 within 1h on 2026-01-29", 8, "expected an amount"),
        ("long > 1e99 within 1h on 2026-01-29", 8, "the amount is above a hundred trillion"),
        ("events > $5 within 1h on 2026-01-29", 10, "events are a number, not dollars"),
        ("long > 5 tn within 1h on 2026-01-29", 10, "expected `and` with another condition, or"),
        ("long > 5 +-1% within 1h on 2026-01-29", 10, "expected `and`"),
        ("long about 5 +-300% within 1h on 2026-01-29", 16, "a tolerance is at most 100%"),
        ("long about 5 +-100.1% within 1h on 2026-01-29", 16, "a tolerance is at most 100%"),
        ("long > 5 or short < 3 within 1h on 2026-01-29", 10, "expected `and`"),
        ("long > 5 on 2026-01-29 within 1h", 13, "expected a venue as dim_venues names it; a date"),
        ("long on okx > 5 on gate within 1h on 2026-01-29", 17, "a condition has one venue; join"),
        ("long of BTC of ETH > 5 within 1h on 2026-01-29", 13, "a condition has one asset"),
        ("long > 5 within on 2026-01-29", 17, "expected the length of the window, as 1h, 30m"),
        ("long > 5 within 30s on 2026-01-29", 17, "expected the length of the window"),
        ("long > 5 within 0.01h on 2026-01-29", 17, "a window is of whole minutes"),
        ("long > 5 within 0h on 2026-01-29", 17, "a window is of whole minutes"),
        ("long > 5 within 367d on 2026-01-29", 17, "a window is at most 366 days"),
        ("long > 5 within 2d on 2026-01-29", 20, "the window of 48 hours is longer than the time"),
        ("long > 5 within 1h", 19, "expected when: `on` a day, `between` two times or `at` a"),
        ("long > 5 within 1h on Thursday", 23, "expected a time in UTC, as 2026-01-29T14:00"),
        ("long > 5 within 1h on 2026-02-30", 23, "'2026-02-30' is no time"),
        ("long > 5 within 1h on 2026-01-29T14:00", 20, "`on` takes a day; write `at`"),
        ("long > 5 within 1h at 2026-01-29T14:00:30", 23, "windows begin and end on whole minutes"),
        ("long > 5 within 1h between 2026-01-29", 38, "expected `and` with the end of the time"),
        ("long > 5 within 1h between 2026-01-29 and 2026-01-28T12", 20, "is longer than the time"),
        ("long > 5 within 1h on 9999-12-31", 22, "the time is beyond what can be reckoned with"),
        ("long > 5 within 1h on 2026-01-29 and short < 3", 34, "expected the end of the claim"),
    ],
)
def test_what_cannot_be_read_is_reported_with_its_place_and_an_example(
    text: str, character: int, problem: str
) -> None:
    with pytest.raises(ClaimError) as error:
        parse(text)
    reported, shown_text, mark, example = str(error.value).split("\n")
    assert reported.startswith(f"the claim cannot be read at character {character}: ")
    assert problem in reported
    assert shown_text == f"  {text}" or len(text) > 50
    assert mark.index("^") == min(character - 1, 50) + 2
    assert example == "an example: long > 230e6 and short < 5e6 within 1h on 2026-01-29"
    assert error.value.exit_code == 2


def test_a_long_claim_is_shown_where_it_fails() -> None:
    text = f"long > 5 and {'short < 3 and ' * 40}lots > 2 within 1h on 2026-01-29"
    with pytest.raises(ClaimError) as error:
        parse(text)
    _, shown_text, mark, _ = str(error.value).split("\n")
    assert len(shown_text) <= 100
    assert shown_text[mark.index("^") :].startswith("lots > 2")


def test_control_characters_reach_no_terminal() -> None:
    with pytest.raises(ClaimError) as error:
        parse("long > \x1b[31m")
    assert "\x1b" not in str(error.value)
