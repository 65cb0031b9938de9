"""A sentence or two above each figure, of the mart's own values.

A takeaway is a list of texts and values; it is empty where the rows say nothing. Nothing is worked
out here: each value stands in the figure's table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from unwind.page.reading import Row
from unwind.page.wording import Kind, Value, is_known

Part = str | Value
Takeaway = Callable[[Sequence[Row]], list[Part]]


def takeaway(figure_id: str, rows: Sequence[Row]) -> list[Part]:
    """What the rows of a figure, of one asset, say first."""
    write = _TAKEAWAYS.get(figure_id)
    return write(rows) if write and rows else []


def _usd(row: Row, column: str) -> Value:
    return Value(row[column], Kind.USD, column)


def _at_least(row: Row, column: str, bound: str) -> list[Part]:
    return ["≥ " if row[bound] else "", _usd(row, column)]


def _between(row: Row, stem: str, of: str) -> list[Part]:
    """The interval of a sum, where it has one."""
    low, high = row[f"{stem}_low"], row[f"{stem}_high"]
    if is_known(low) and is_known(high):
        return [
            f"; 90% interval of {of} ",
            _usd(row, f"{stem}_low"),
            " to ",
            _usd(row, f"{stem}_high"),
        ]
    if is_known(low):
        return [f"; {of} at least ", _usd(row, f"{stem}_low"), ", without an upper end"]
    return []


def _largest(rows: Sequence[Row], column: str) -> Row | None:
    known = [row for row in rows if is_known(row[column])]
    return max(known, key=lambda row: row[column], default=None)


def _long_short(rows: Sequence[Row]) -> list[Part]:
    newest, largest = rows[-1], _largest(rows, "long_1h_usd")
    parts: list[Part] = []
    if is_known(newest["long_1h_usd"]) and is_known(newest["short_1h_usd"]):
        parts += [
            "Newest hour: ",
            *_at_least(newest, "long_1h_usd", "is_lower_bound_1h"),
            " longs, ",
        ]
        parts += [*_at_least(newest, "short_1h_usd", "is_lower_bound_1h"), " shorts"]
        parts += [*_between(newest, "long_1h_usd", "longs"), ". "]
    else:
        parts += ["The newest hour is not known. "]
    if largest is not None and largest["long_1h_usd"] > (newest["long_1h_usd"] or 0):
        parts += [
            "Most longs in the hour of ",
            Value(largest["hour_at"], Kind.TIME, "hour_at"),
            ": ",
        ]
        parts += [*_at_least(largest, "long_1h_usd", "is_lower_bound_1h"), "."]
    return parts


def _waves(rows: Sequence[Row]) -> list[Part]:
    largest = _largest(rows, "long_usd")
    if largest is None:
        return []
    parts: list[Part] = [
        "The largest wave began at ",
        Value(largest["started_at"], Kind.TIME, "started_at"),
    ]
    parts += [": ", *_at_least(largest, "long_usd", "is_lower_bound"), " of longs"]
    parts += _between(largest, "long_usd", "longs")
    if is_known(largest["oi_change_share"]):
        share = Value(largest["oi_change_share"], Kind.SHARE, "oi_change_share")
        parts += ["; open interest changed by ", share]
    parts += [". "]
    if rows[-1]["is_open"]:
        parts += ["One is open since ", Value(rows[-1]["started_at"], Kind.TIME, "started_at"), "."]
    return parts


def _breakdown(rows: Sequence[Row]) -> list[Part]:
    ranked = [row for row in rows if row["window_hours"] == 1 and row["venue"] != "ALL"]
    largest = _largest(ranked, "total_usd")
    if largest is None or not largest["total_usd"]:
        return []
    parts: list[Part] = [
        "Largest in the newest hour: ",
        Value(largest["venue"], Kind.WORD, "venue"),
    ]
    parts += [" with ", *_at_least(largest, "total_usd", "is_lower_bound")]
    if is_known(largest["share"]):
        parts += [", ", Value(largest["share"], Kind.SHARE, "share"), " of what was published"]
    parts += ["; another may be larger." if largest["is_ranking_open"] else "."]
    return parts


def _market(rows: Sequence[Row]) -> list[Part]:
    parts: list[Part] = []
    for row in rows[:3]:
        parts += [", " if parts else "", Value(row["asset"], Kind.TEXT, "asset"), " "]
        parts += [_usd(row, "market_cap_usd"), " ("]
        parts += [Value(row["return_24h"], Kind.SHARE, "return_24h"), ")"]
    return [*parts, "."]


def _breadth(rows: Sequence[Row]) -> list[Part]:
    newest = rows[-1]
    if not is_known(newest["red_by_count_share"]):
        return []
    return [
        Value(newest["red_by_count_share"], Kind.SHARE, "red_by_count_share"),
        " of ",
        Value(newest["assets"], Kind.COUNT, "assets"),
        " assets fell over 24 hours, ",
        Value(newest["red_by_cap_share"], Kind.SHARE, "red_by_cap_share"),
        " by capitalisation.",
    ]


def _price(rows: Sequence[Row]) -> list[Part]:
    newest = rows[-1]
    if not is_known(newest["close_usd"]):
        return ["The price at the end of the newest hour is not known."]
    parts: list[Part] = ["Price ", Value(newest["close_usd"], Kind.PRICE, "close_usd")]
    if is_known(newest["low_24h_usd"]):
        parts += ["; low of 24 hours ", Value(newest["low_24h_usd"], Kind.PRICE, "low_24h_usd")]
    return [*parts, "."]


def _bucket(row: Row, usd: str, what: str) -> list[Part]:
    return [
        what,
        _usd(row, usd),
        " at ",
        Value(row["bucket_low_usd"], Kind.PRICE, "bucket_low_usd"),
        " to ",
        Value(row["bucket_high_usd"], Kind.PRICE, "bucket_high_usd"),
        ", ",
        Value(row["distance_percent"], Kind.PERCENT, "distance_percent"),
        " from the price",
    ]


def _clusters(rows: Sequence[Row]) -> list[Part]:
    largest = _largest(rows, "long_30d_usd")
    return [*_bucket(largest, "long_30d_usd", "Most longs in 30 days: "), "."] if largest else []


def _levels(rows: Sequence[Row]) -> list[Part]:
    parts: list[Part] = []
    for side in ("long", "short"):
        largest = _largest([row for row in rows if row["liquidated_side"] == side], "mass_usd")
        if largest:
            parts += [
                " " if parts else "",
                *_bucket(largest, "mass_usd", f"Largest level of {side}s: "),
            ]
            parts += [
                " (",
                _usd(largest, "mass_low_usd"),
                " to ",
                _usd(largest, "mass_high_usd"),
                ").",
            ]
    return parts


def _falls(rows: Sequence[Row]) -> list[Part]:
    row = next((row for row in rows if row["drop_percent"] == 5), None)
    if row is None or not is_known(row["forced_usd"]):
        return []
    parts: list[Part] = ["A fall of 5% would liquidate an estimated ", _usd(row, "forced_usd")]
    parts += [" (", _usd(row, "forced_usd_low"), " to ", _usd(row, "forced_usd_high"), ") of longs"]
    if is_known(row["final_drop_percent_mid"]):
        parts += ["; with the impact of these sales it would end at "]
        parts += [Value(row["final_drop_percent_mid"], Kind.PERCENT, "final_drop_percent_mid")]
    return [*parts, "."]


def _stress(rows: Sequence[Row]) -> list[Part]:
    newest = rows[-1]
    if not is_known(newest["score"]):
        return ["The newest hour has no score."]
    parts: list[Part] = ["Score ", Value(newest["score"], Kind.NUMBER, "score")]
    if is_known(newest["score_percentile"]):
        parts += [
            ", percentile ",
            Value(newest["score_percentile"], Kind.NUMBER, "score_percentile"),
        ]
    if is_known(newest["regime"]):
        parts += [": ", Value(newest["regime"], Kind.WORD, "regime")]
    parts += ["."]
    if newest["missing_components"]:
        missing = Value(newest["missing_components"], Kind.WORD, "missing_components")
        parts += [" Without ", missing, "."]
    return parts


def _components(rows: Sequence[Row]) -> list[Part]:
    largest = _largest(rows, "contribution")
    if largest is None:
        return ["No component is known."]
    return [
        "Most from ",
        Value(largest["component"], Kind.WORD, "component"),
        ": ",
        Value(largest["contribution"], Kind.NUMBER, "contribution"),
        " points, at percentile ",
        Value(largest["percentile"], Kind.NUMBER, "percentile"),
        ".",
    ]


def _signals(rows: Sequence[Row]) -> list[Part]:
    newest = rows[-1]
    parts: list[Part] = ["Newest hour: "]
    if is_known(newest["unwind_class"]):
        parts += ["class ", Value(newest["unwind_class"], Kind.WORD, "unwind_class")]
    else:
        parts += [
            "class not known (",
            Value(newest["deciding_rule"], Kind.WORD, "deciding_rule"),
            ")",
        ]
    if newest["base_asset"] == "ALL":
        return [*parts, "; warnings are of single assets."]
    return [*parts, "; ", _warning_words(newest), "."]


def _warning_words(row: Row) -> str:
    names = {"recovery_divergence": "no recovery", "range_divergence": "narrowing ranges"}
    active = [name for column, name in names.items() if row[column]]
    if active:
        return f"warning: {' and '.join(active)}"
    return "no warning" if all(row[column] is False for column in names) else "warnings not known"


def _open_interest(rows: Sequence[Row]) -> list[Part]:
    newest = rows[-1]
    if not is_known(newest["oi_usd"]):
        return ["The newest hour has no open interest."]
    parts: list[Part] = [*_at_least(newest, "oi_usd", "is_lower_bound"), " at the hour's end"]
    if is_known(newest["oi_change_24h_share"]):
        change = Value(newest["oi_change_24h_share"], Kind.SHARE, "oi_change_24h_share")
        parts += ["; ", change, " in coins over 24 hours"]
    return [*parts, "."]


def _funding(rows: Sequence[Row]) -> list[Part]:
    newest = rows[-1]
    if not is_known(newest["oi_weighted_funding_8h"]):
        return ["The newest hour has no funding rate."]

    def rate(column: str) -> Value:
        return Value(newest[column], Kind.RATE, column)

    return [
        *("Mean ", rate("oi_weighted_funding_8h"), " for eight hours (", rate("oi_weighted_apr")),
        *(" a year); from ", rate("lowest_funding_rate_8h"), " to "),
        *(rate("highest_funding_rate_8h"), "."),
    ]


def _coverage(rows: Sequence[Row]) -> list[Part]:
    newest = [row for row in rows if row["hour_at"] == rows[-1]["hour_at"]]
    wanting = [row for row in newest if row["landing_outcome"] != "complete"]
    if not wanting:
        return ["In the newest hour every venue was covered in full."]
    parts: list[Part] = ["Not covered in full in the newest hour: "]
    for place, row in enumerate(wanting):
        parts += [", " if place else "", Value(row["venue"], Kind.WORD, "venue"), " ("]
        parts += [Value(row["landing_outcome"], Kind.WORD, "landing_outcome"), ")"]
    return [*parts, "."]


def _missing(rows: Sequence[Row]) -> list[Part]:
    newest = rows[0]
    return [
        "The newest: ",
        Value(newest["venue"], Kind.WORD, "venue"),
        ", last at ",
        Value(newest["last_hour_at"], Kind.TIME, "last_hour_at"),
        " (",
        Value(newest["landing_outcome"], Kind.WORD, "landing_outcome"),
        ").",
    ]


def _release(rows: Sequence[Row]) -> list[Part]:
    def of(column: str, kind: Kind) -> Value:
        value: Any = rows[0][column]
        return Value(value, kind, column)

    return [
        *("Published ", of("built_at", Kind.TIME), ", up to the hour of "),
        *(of("last_hour_at", Kind.TIME), ", from ", of("batches", Kind.COUNT), " batches. Gates: "),
        *(of("gate_outcome", Kind.WORD), "."),
    ]


_TAKEAWAYS: dict[str, Takeaway] = {
    "long_short": _long_short,
    "waves": _waves,
    "breakdown": _breakdown,
    "market": _market,
    "breadth": _breadth,
    "price": _price,
    "clusters": _clusters,
    "levels": _levels,
    "falls": _falls,
    "stress": _stress,
    "components": _components,
    "signals": _signals,
    "open_interest": _open_interest,
    "funding": _funding,
    "coverage": _coverage,
    "missing": _missing,
    "release": _release,
}
