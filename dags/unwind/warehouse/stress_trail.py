"""The outcomes of stress forecasts as arrays by hour and asset.

They are rows of int_stress_fit_trail or int_stress_score_trail. A row stands under the day four
after its forecast, when all that followed is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import duckdb

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Flags = npt.NDArray[np.bool_]

HORIZONS = (1, 4, 24)
SCORE, LAGGED, COMBINATION = "score", "lagged_long_liquidations", "combination"
# What the score is compared with, by the name of the columns of the comparison.
BASELINES = {
    "lagged": LAGGED,
    "volatility": "realised_volatility_24h",
    "funding": "oi_weighted_funding_8h",
}
ENDING = "_percentile"
# Sums of doubles differ in their last digits between processors; tables must not.
DIGITS = 8


class Trail(NamedTuple):
    """Arrays by hour, from `first_day` on, and asset; nan or False where there is no row.

    `predictors` are the score, the lagged liquidations and the percentiles of the components.
    `events` has 1, 0 or, where unknown, -1 by horizon. `next_episode` is in hours since
    `first_day`. `available` is by day, in microseconds since 1970.
    """

    first_day: Any
    assets: list[str]
    components: list[str]
    predictors: dict[str, Floats]
    events: Any
    has_row: Flags
    is_in_episode: Flags
    next_episode: Floats
    available: Any

    def days(self) -> int:
        """The days that the arrays span."""
        return len(self.has_row) // 24

    def part(self, first: int, last: int) -> Trail:
        """The days from one to another, by number; the last one included."""
        hours = slice(24 * first, 24 * (last + 1))
        return Trail(
            self.first_day + first,
            self.assets,
            self.components,
            {name: values[hours] for name, values in self.predictors.items()},
            self.events[:, hours],
            self.has_row[hours],
            self.is_in_episode[hours],
            self.next_episode[hours] - 24 * first,
            self.available[first : last + 1],
        )

    def available_at(self) -> Any:
        """When the last batch behind a row was sealed."""
        import numpy as np

        return np.datetime64(int(self.available.max()), "us")

    def graded(self, horizon: int) -> Flags:
        """The hours whose outcome is known, without an episode under way, with all baselines."""
        import numpy as np

        graded: Flags = (self.events[HORIZONS.index(horizon)] >= 0) & ~self.is_in_episode
        for name in (SCORE, *BASELINES.values()):
            graded = graded & ~np.isnan(self.predictors[name])
        return graded


def read_trail(trail: duckdb.DuckDBPyRelation) -> Trail | None:
    """The rows of a trail; None if there are none."""
    import numpy as np

    rows = trail.order("base_asset, forecast_hour_at").fetchnumpy()
    stored = np.asarray(rows["hour_at"]).astype("datetime64[D]")
    if not len(stored):
        return None
    first_day = stored.min()
    day = (stored - first_day).astype(int)
    forecast = np.asarray(rows["forecast_hour_at"])
    hour_of_day = (forecast - forecast.astype("datetime64[D]")) // np.timedelta64(1, "h")
    assets, place = np.unique(np.asarray(rows["base_asset"]).astype(str), return_inverse=True)
    where = (24 * day + hour_of_day.astype(int), place)
    shape = (24 * (int(day.max()) + 1), len(assets))

    def dense(values: Any, missing: Any) -> Any:
        filled = np.full(shape, missing)
        filled[where] = np.ma.filled(values, missing)
        return filled

    components = components_of(trail)
    columns = {SCORE: SCORE, LAGGED: "lagged_long_ratio"}
    columns |= {name: name + ENDING for name in components}
    predictors = {
        name: dense(np.ma.asarray(rows[column]).astype(np.float64), np.nan)
        for name, column in columns.items()
    }
    events = [
        dense(np.ma.asarray(rows[f"is_event_{horizon}h"]).astype(np.int8), np.int8(-1))
        for horizon in HORIZONS
    ]
    # The hour at whose index the forecast stands began four days before its stored day.
    begins = first_day - (stored - forecast.astype("datetime64[D]"))
    starts = np.ma.asarray(rows["next_episode_at"])
    hours = (starts - begins).astype("timedelta64[us]").astype(np.float64) / 3.6e9
    available = np.full(shape[0] // 24, np.iinfo(np.int64).min)
    sealed = np.ma.asarray(rows["available_at"]).astype("datetime64[us]")
    np.maximum.at(available, day, np.ma.filled(sealed, np.datetime64("1970-01-01")).astype(int))
    return Trail(
        first_day,
        assets.tolist(),
        components,
        predictors,
        np.stack(events),
        dense(np.ones(len(day), dtype=bool), False),
        dense(np.asarray(rows["is_in_episode"]), False),
        dense(hours, np.nan),
        available,
    )


def components_of(trail: duckdb.DuckDBPyRelation) -> list[str]:
    """The components of the stress score of which it has percentiles."""
    return [name.removesuffix(ENDING) for name in trail.columns if name.endswith(ENDING)]


def features(trail: Trail, predictor: str) -> Any:
    """What a fit of a predictor is on, by hour, asset and column; nan where unknown.

    Percentiles from -1 to 1, an unknown one of a component is in the middle; the lagged
    liquidations as the logarithm of one more than they.
    """
    import numpy as np

    if predictor == SCORE:
        return trail.predictors[SCORE][..., None] / 50 - 1
    lagged = np.log1p(trail.predictors[LAGGED])[..., None]
    if predictor == LAGGED:
        return lagged
    ranks = [np.nan_to_num(trail.predictors[name] / 50 - 1) for name in trail.components]
    return np.concatenate([lagged, np.stack(ranks, axis=-1)], axis=-1)


def built_days(trail: duckdb.DuckDBPyRelation) -> list[Any]:
    """The days that are being built and have a row."""
    import numpy as np

    built = trail.filter("is_built").project("hour_at").distinct().order("hour_at").fetchall()
    return [np.datetime64(row[0], "D") for row in built]


def table(session: Any, name: str, types: dict[str, str], rows: list[dict[str, Any]]) -> Any:
    """Rows as a relation of these columns; nan is null."""
    if not rows:
        empty = ", ".join(f"null::{kind} as {column}" for column, kind in types.items())
        return session.query(f"select {empty} limit 0")
    import numpy as np

    session.register(name, {column: np.array([row[column] for row in rows]) for column in types})
    casts = ", ".join(
        f"if(isnan({column}), null, {column}) as {column}"
        if kind == "double"
        else f"{column}::{kind} as {column}"
        for column, kind in types.items()
    )
    return session.query(f"select {casts} from {name}")


def rounded(value: float) -> float:
    """To significant digits."""
    import math

    if math.isnan(value) or math.isinf(value):
        return math.nan
    return float(f"{value:.{DIGITS}g}") + 0.0
