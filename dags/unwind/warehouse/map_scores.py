"""The dbt model int_liquidation_map_scores_daily: trailing grades of the liquidation map.

Each day is graded with a mix that was fitted to earlier days only; a row sums the grades of
`GRADED_DAYS` days. NumPy is imported where a day has ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import duckdb

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from unwind.estimates.map_scores import Buckets

    Floats = npt.NDArray[np.float64]
    Keys = dict[str, Any]

HORIZONS = (1, 4, 24)
VARIANTS = ("fixed", "fitted")
ALL = "ALL"
# The fit and the choice of the default use the longest horizon.
FITTED_HORIZON = 24
# As var map_graded_days and map_fitted_days; a test compares them.
GRADED_DAYS, FITTED_DAYS = 90, 30
# 2026-11-26: under it one order decides where a case's liquidations were.
MIN_LIQUIDATED_USD = 10_000.0
# 2026-11-26: under a month of graded days the intervals are a guess themselves.
MIN_DAYS = 30
# Sums of doubles differ in their last digits between processors; tables must not.
DIGITS = 8
DECIMALS = 12

# What is summed over cases, by place.
CASES, HIT, EVEN_HIT, VOLUME_HIT, CRPS, EVEN_CRPS, VOLUME_CRPS, FIXED_CRPS = range(8)
PRODUCT, SQUARE, LIQUIDATED, ANYWHERE, MAPPED = range(8, 13)
SUMS = 13
# Each grade: what is added, what is subtracted, and what both are divided by.
RATIOS = {
    "hit_rate": (HIT, None, CASES),
    "hit_gain_over_uniform": (HIT, EVEN_HIT, CASES),
    "hit_gain_over_volume": (HIT, VOLUME_HIT, CASES),
    "calibration_slope": (PRODUCT, None, SQUARE),
    "crps_percent": (CRPS, None, CASES),
    "crps_gain_over_uniform_percent": (EVEN_CRPS, CRPS, CASES),
    "crps_gain_over_volume_percent": (VOLUME_CRPS, CRPS, CASES),
    "crps_gain_over_fixed_percent": (FIXED_CRPS, CRPS, CASES),
}
# What these cannot leave, with their intervals.
BOUNDS = {
    "hit_rate": (0.0, 1.0),
    "calibration_slope": (0.0, None),
    "crps_percent": (0.0, None),
}
TYPES = {
    "hour_at": "timestamp",
    "base_asset": "varchar",
    "horizon_hours": "integer",
    "mix_variant": "varchar",
    "is_default": "boolean",
    "graded_cases": "integer",
    "graded_days": "integer",
    "liquidated_usd": "double",
    "liquidated_anywhere_usd": "double",
    "mapped_usd": "double",
    "uniform_hit_rate": "double",
    "volume_hit_rate": "double",
    "uniform_crps_percent": "double",
    "volume_crps_percent": "double",
    **{f"{name}{end}": "double" for name in RATIOS for end in ("", "_low", "_high")},
    "available_at": "timestamp",
}


class Trail(NamedTuple):
    """Outcomes by case and what identifies the cases; `mapped` is what a variant estimates."""

    buckets: Buckets
    day: Any
    asset: Any
    horizon: Any
    anywhere: Floats


class Sums(NamedTuple):
    """Sums over cases by day, asset (the last one ALL), horizon and variant.

    `mixes` are those fitted to the days up to each one, the fixed one where nothing was graded.
    """

    values: Floats
    assets: list[str]
    first_day: Any
    fixed: Floats
    mixes: Floats


def map_scores(
    session: Any, trail: duckdb.DuckDBPyRelation, mix: duckdb.DuckDBPyRelation
) -> duckdb.DuckDBPyRelation:
    """One row per built day, asset or ALL, horizon and mix with a graded case in the trail.

    `trail` is int_liquidation_map_trail, `mix` the seed leverage_mix.
    """
    leverages = [row[0] for row in mix.order("leverage").project("leverage").fetchall()]
    types = {**TYPES, **{f"weight_{leverage}x": "double" for leverage in leverages}}
    built = trail.filter("is_built").project("hour_at").distinct().order("hour_at").fetchall()
    columns = _columns(trail, mix, leverages, [row[0] for row in built]) if built else None
    relation: duckdb.DuckDBPyRelation
    if not columns:
        empty = ", ".join(f"null::{kind} as {name}" for name, kind in types.items())
        relation = session.query(f"select {empty} limit 0")
        return relation
    session.register("map_scores", columns)
    # Not known is null, and NumPy's nan.
    casts = ", ".join(
        f"if(isnan({name}), null, {name}) as {name}"
        if kind == "double"
        else f"{name}::{kind} as {name}"
        for name, kind in types.items()
    )
    relation = session.query(f"select {casts} from map_scores")
    return relation


def _columns(
    trail: duckdb.DuckDBPyRelation,
    mix: duckdb.DuckDBPyRelation,
    leverages: list[int],
    built: list[Any],
) -> Keys | None:
    import numpy as np

    weights = mix.order("leverage").project("weight, concentration").fetchnumpy()
    cases = _trail(trail, leverages)
    if cases is None:
        return None
    sums = _sums(cases, np.asarray(weights["weight"]), float(weights["concentration"][0]))
    last_day = sums.first_day + np.timedelta64(len(sums.values) - 1, "D")
    parts = [
        part
        for hour in built
        if sums.first_day <= np.datetime64(hour, "D") <= last_day
        if (part := _rows_of_day(sums, np.datetime64(hour, "D"), leverages)) is not None
    ]
    if not parts:
        return None
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return {**columns, "available_at": _available_at(trail, columns["hour_at"])}


def _available_at(trail: duckdb.DuckDBPyRelation, hours: Any) -> Any:
    """The latest seal behind the days that are graded and fitted to, for each of these hours.

    All assets' together: the mixes are fitted to all of them.
    """
    import numpy as np

    known = trail.aggregate("hour_at, max(available_at) as available_at").fetchnumpy()
    read_after = hours - np.timedelta64(GRADED_DAYS + FITTED_DAYS, "D")
    is_read = (known["hour_at"] > read_after[:, None]) & (known["hour_at"] <= hours[:, None])
    return np.where(is_read, known["available_at"], np.datetime64(0, "us")).max(axis=1)


def _trail(trail: duckdb.DuckDBPyRelation, leverages: list[int]) -> Trail | None:
    """The cases that can be graded: two buckets or more, and enough liquidated in them."""
    import numpy as np

    from unwind.estimates.map_scores import Buckets

    rows = trail.order(
        "hour_at, base_asset, horizon_hours, liquidated_side, price_bucket"
    ).fetchnumpy()
    names = ("hour_at", "base_asset", "horizon_hours", "liquidated_side")
    keys = [np.asarray(rows[name]) for name in names]
    count = len(keys[0])
    is_new = np.ones(count, dtype=bool)
    is_new[1:] = np.any([key[1:] != key[:-1] for key in keys], axis=0)
    starts = np.flatnonzero(is_new)
    liquidated = np.asarray(rows["liquidated_usd"], dtype=np.float64)
    sizes = np.diff(np.append(starts, count))
    is_graded = (sizes >= 2) & (np.add.reduceat(liquidated, starts) >= MIN_LIQUIDATED_USD)
    if not is_graded.any():
        return None
    kept = np.repeat(is_graded, sizes)
    masses = np.column_stack([rows[f"mass_{leverage}x_usd"] for leverage in leverages])
    first = starts[is_graded]
    kept_sizes = sizes[is_graded]
    buckets = Buckets(
        np.append(0, np.cumsum(kept_sizes)[:-1]).astype(np.int64),
        masses[kept].astype(np.float64),
        liquidated[kept],
        np.asarray(rows["traded_usd"], dtype=np.float64)[kept],
    )
    day = keys[0][first].astype("datetime64[D]")
    anywhere = np.asarray(rows["liquidated_anywhere_usd"], dtype=np.float64)[first]
    return Trail(buckets, day, keys[1][first].astype(str), keys[2][first], anywhere)


def _part(trail: Trail, wanted: Any) -> Trail:
    """The wanted cases alone."""
    import numpy as np

    from unwind.estimates.map_scores import Buckets

    sizes = trail.buckets.sizes()
    kept = np.repeat(wanted, sizes)
    starts = np.append(0, np.cumsum(sizes[wanted])[:-1]).astype(np.int64)
    _, masses, liquidated, traded = trail.buckets
    return Trail(
        Buckets(starts, masses[kept], liquidated[kept], traded[kept]),
        *(column[wanted] for column in trail[1:]),
    )


def _sums(trail: Trail, mix: Floats, concentration: float) -> Sums:
    """The sums of each day, graded with the mix fitted to the days before it."""
    import numpy as np

    assets = sorted(set(trail.asset.tolist()))
    first_day, last_day = trail.day.min(), trail.day.max()
    days = int((last_day - first_day) / np.timedelta64(1, "D")) + 1
    values = np.zeros((days, len(assets) + 1, len(HORIZONS), len(VARIANTS), SUMS))
    mixes = np.tile(mix, (days, 1))
    number = ((trail.day - first_day) / np.timedelta64(1, "D")).astype(int)
    for day in range(days):
        of_day = number == day
        if of_day.any():
            before = mixes[day - 1] if day else mix
            _add_day(values[day], _part(trail, of_day), assets, (mix, before))
        fits = (number > day - FITTED_DAYS) & (number <= day) & (trail.horizon == FITTED_HORIZON)
        if fits.any():
            mixes[day] = _fit(_part(trail, fits), mix, concentration)
    return Sums(values, assets, first_day, mix, mixes)


def _fit(trail: Trail, mix: Floats, concentration: float) -> Floats:
    from unwind.estimates.map_scores import fitted_mix

    return fitted_mix(trail.buckets, mix, concentration)


def _add_day(values: Floats, trail: Trail, assets: list[str], mixes: tuple[Floats, Floats]) -> None:
    """Adds the cases of one day to its sums, by asset, horizon and variant."""
    import numpy as np

    from unwind.estimates.map_scores import estimated, grades

    buckets = trail.buckets
    even = grades(buckets, np.ones(len(buckets.liquidated)))
    volume = grades(buckets, buckets.traded)
    fixed_crps = grades(buckets, estimated(buckets, mixes[0])).crps
    asset = np.searchsorted(assets, trail.asset)
    horizon = np.searchsorted(HORIZONS, trail.horizon)
    for variant, mix in enumerate(mixes):
        mapped = estimated(buckets, mix)
        own = grades(buckets, mapped)
        columns = np.zeros((len(asset), SUMS))
        columns[:, CASES] = 1
        columns[:, HIT], columns[:, CRPS] = own
        columns[:, EVEN_HIT], columns[:, EVEN_CRPS] = even
        columns[:, VOLUME_HIT], columns[:, VOLUME_CRPS] = volume
        columns[:, FIXED_CRPS] = fixed_crps
        columns[:, PRODUCT] = np.add.reduceat(mapped * buckets.liquidated, buckets.starts)
        columns[:, SQUARE] = np.add.reduceat(mapped**2, buckets.starts)
        columns[:, LIQUIDATED] = np.add.reduceat(buckets.liquidated, buckets.starts)
        columns[:, MAPPED] = np.add.reduceat(mapped, buckets.starts)
        columns[:, ANYWHERE] = trail.anywhere
        for place in (asset, np.full(len(asset), len(assets))):
            np.add.at(values[:, :, variant], (place, horizon), columns)


def _rows_of_day(sums: Sums, day: Any, leverages: list[int]) -> Keys | None:
    """The rows of one day: sums over the trailing days, with intervals."""
    import numpy as np

    last = int((day - sums.first_day) / np.timedelta64(1, "D"))
    window = sums.values[max(0, last - GRADED_DAYS + 1) : last + 1]
    # The days before the first graded one are resampled as well: the look-back is bounded.
    missing = np.zeros((GRADED_DAYS - len(window), *window.shape[1:]))
    window = np.concatenate([missing, window])
    total = window.sum(axis=0)
    asset, horizon, variant = np.nonzero(total[..., CASES])
    if not len(asset):
        return None
    by_day = window[:, asset, horizon, variant]
    summed = total[asset, horizon, variant]
    names = np.array([*sums.assets, ALL])
    columns: Keys = {
        "hour_at": np.full(len(asset), day + np.timedelta64(23, "h"), "datetime64[us]"),
        "base_asset": names[asset],
        "horizon_hours": np.array(HORIZONS)[horizon],
        "mix_variant": np.array(VARIANTS)[variant],
        "graded_cases": summed[:, CASES].astype(int),
        "graded_days": (by_day[..., CASES] > 0).sum(axis=0),
        "liquidated_usd": rounded(summed[:, LIQUIDATED]),
        "liquidated_anywhere_usd": rounded(summed[:, ANYWHERE]),
        "mapped_usd": rounded(summed[:, MAPPED]),
        "uniform_hit_rate": rounded(summed[:, EVEN_HIT] / summed[:, CASES]),
        "volume_hit_rate": rounded(summed[:, VOLUME_HIT] / summed[:, CASES]),
        "uniform_crps_percent": rounded(summed[:, EVEN_CRPS] / summed[:, CASES]),
        "volume_crps_percent": rounded(summed[:, VOLUME_CRPS] / summed[:, CASES]),
    }
    for name, places in RATIOS.items():
        columns |= _ratio(name, by_day, *places)
    fitted_is_better = (
        (columns["base_asset"] == ALL)
        & (columns["horizon_hours"] == FITTED_HORIZON)
        & (columns["mix_variant"] == "fitted")
        & (columns["graded_days"] >= MIN_DAYS)
        & (columns["crps_gain_over_fixed_percent_low"] > 0)
    ).any()
    columns["is_default"] = columns["mix_variant"] == ("fitted" if fitted_is_better else "fixed")
    for place, leverage in enumerate(leverages):
        columns[f"weight_{leverage}x"] = rounded(
            np.where(columns["mix_variant"] == "fitted", sums.mixes[last, place], sums.fixed[place])
        )
    return columns


def _ratio(name: str, by_day: Floats, added: int, taken: int | None, divisor: int) -> Keys:
    """A grade and its interval, from its sums by day and row."""
    import numpy as np

    from unwind.estimates.map_scores import ratio_interval

    above = by_day[..., added] - (0 if taken is None else by_day[..., taken])
    below = by_day[..., divisor]
    total = below.sum(axis=0)
    value = np.divide(above.sum(axis=0), total, out=np.full(len(total), np.nan), where=total > 0)
    low, high = ratio_interval(above, below)
    if name in BOUNDS:
        low, high = np.clip(low, *BOUNDS[name]), np.clip(high, *BOUNDS[name])
    return {name: rounded(value), f"{name}_low": rounded(low), f"{name}_high": rounded(high)}


def rounded(values: Floats) -> Floats:
    """To significant digits and to decimals, each value by itself.

    A difference of equal sums is zero then; the sums' order leaves 1e-17 and the like of it.
    """
    import numpy as np

    size = np.floor(np.log10(np.where((values == 0) | np.isnan(values), 1.0, np.abs(values))))
    unit = 10.0 ** (size - DIGITS + 1)
    # Not -0.0.
    significant: Floats = np.round(np.round(values / unit) * unit, DECIMALS) + 0.0
    return significant
