"""The dashboard's charts and the tables behind them, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from unwind.warehouse.metrics import LAST_HOUR, shown_hours

SERIES = f"select * from marts.{{mart}} where {shown_hours()}"
NEWEST = f"select * from marts.{{mart}} where hour_at = {LAST_HOUR}"


@dataclass(frozen=True)
class Dataset:
    """A query over a mart of the release."""

    name: str
    mart: str
    sql: str


@dataclass(frozen=True)
class Chart:
    """One chart: what it shows of which dataset.

    `metrics` are names of metrics.yml or expressions by label; `filters` are columns by value;
    `more` are settings of this kind of chart. `width` is in twelfths of the page.
    """

    title: str
    dataset: str
    kind: str
    description: str
    x: str | None = None
    metrics: tuple[str | tuple[str, str], ...] = ()
    series: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    filters: Mapping[str, str | int] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)
    width: int = 6


WHOLE_MARKET: Mapping[str, str | int] = {"window_hours": 1, "base_asset": "ALL", "venue": "ALL"}

DATASETS = (
    *(
        Dataset(mart, mart, SERIES.format(mart=mart))
        for mart in (
            *("exchange_breakdown", "stress_hourly", "stress_components_hourly"),
            *("leverage_hourly", "funding_hourly", "venue_coverage_hourly"),
            *("liquidation_imbalance_hourly", "liquidation_intensity_hourly"),
        )
    ),
    *(
        Dataset(f"newest_{mart}", mart, NEWEST.format(mart=mart))
        for mart in (
            *("market_brief_hourly", "market_heatmap", "market_heatmap_summary"),
            *("liquidation_wave", "liquidation_map"),
            *("unwind_classification", "divergence_hourly"),
        )
    ),
    Dataset(
        "newest_by_venue",
        "exchange_breakdown",
        f"{NEWEST.format(mart='exchange_breakdown')} and venue != 'ALL'",
    ),
    Dataset(
        "gate_verdicts",
        "gate_results",
        "select * from marts.gate_results where run_id = (select run_id from marts.release)",
    ),
)

CHARTS = (
    Chart(
        "The newest hour in words",
        "newest_market_brief_hourly",
        "table",
        "market_brief_hourly: one sentence an asset, with its figures and bounds.",
        columns=("base_asset", "headline", "hour_at"),
        width=12,
    ),
    Chart(
        "Long liquidations, newest hour",
        "exchange_breakdown",
        "big_number",
        "All venues and assets, US dollars, with the hours before.",
        x="hour_at",
        metrics=("long_liquidations_usd",),
        filters=WHOLE_MARKET,
        more={"y_axis_format": "$,.3s", "show_trend_line": True, "aggregation": "LAST_VALUE"},
        width=4,
    ),
    Chart(
        "Short liquidations, newest hour",
        "exchange_breakdown",
        "big_number",
        "All venues and assets, US dollars, with the hours before.",
        x="hour_at",
        metrics=("short_liquidations_usd",),
        filters=WHOLE_MARKET,
        more={"y_axis_format": "$,.3s", "show_trend_line": True, "aggregation": "LAST_VALUE"},
        width=4,
    ),
    Chart(
        "Market cap that fell over 24 hours",
        "newest_market_heatmap_summary",
        "big_number_total",
        "Share of market capitalisation in assets with a negative 24-hour return.",
        metrics=("red_by_cap_share",),
        more={"y_axis_format": ".1%"},
        width=4,
    ),
    Chart(
        "Long against short liquidations by hour",
        "exchange_breakdown",
        "echarts_timeseries_bar",
        "As published, US dollars.",
        x="hour_at",
        metrics=("long_liquidations_usd", "short_liquidations_usd"),
        filters=WHOLE_MARKET,
        more={"y_axis_format": "$,.3s"},
    ),
    Chart(
        "Long liquidations with hidden ones: interval",
        "exchange_breakdown",
        "echarts_timeseries_line",
        "Low, middle and high estimate, what was not published included (docs/coverage.md).",
        x="hour_at",
        metrics=(
            ("low", "max(long_usd_low)"),
            ("middle", "max(long_usd_mid)"),
            ("high", "max(long_usd_high)"),
        ),
        filters=WHOLE_MARKET,
        more={"y_axis_format": "$,.3s"},
    ),
    Chart(
        "Liquidations by venue, newest hour",
        "newest_by_venue",
        "echarts_timeseries_bar",
        "Published, US dollars.",
        x="venue",
        metrics=(("long", "sum(long_usd)"), ("short", "sum(short_usd)")),
        filters={"window_hours": 1, "base_asset": "ALL"},
        more={"y_axis_format": "$,.3s", "stack": "Stack", "xAxisForceCategorical": True},
    ),
    Chart(
        "Market cap by tier and asset",
        "newest_market_heatmap",
        "treemap_v2",
        "Area is market capitalisation.",
        metrics=("market_cap_usd",),
        series=("tier", "base_asset"),
        more={"number_format": "$,.3s", "show_upper_labels": True, "show_labels": True},
    ),
    Chart(
        "Stress score",
        "stress_hourly",
        "echarts_timeseries_line",
        "0 to 100 (docs/semantics.md).",
        x="hour_at",
        metrics=("stress_score",),
        series=("base_asset",),
    ),
    Chart(
        "Components of stress, whole market",
        "stress_components_hourly",
        "echarts_timeseries_bar",
        "Contributions to the score.",
        x="hour_at",
        metrics=(("contribution", "max(contribution)"),),
        series=("component",),
        filters={"base_asset": "ALL"},
        more={"stack": "Stack"},
    ),
    Chart(
        "Forced selling after a drop, newest hour",
        "newest_liquidation_wave",
        "echarts_timeseries_line",
        "BTC: estimated dollars of longs liquidated, feedback included (docs/waves.md).",
        x="drop_percent",
        metrics=(
            ("low", "max(wave_usd_low)"),
            ("middle", "max(wave_usd_mid)"),
            ("high", "max(wave_usd_high)"),
        ),
        filters={"base_asset": "BTC"},
        more={"y_axis_format": "$,.3s"},
    ),
    Chart(
        "Estimated liquidation levels, newest hour",
        "newest_liquidation_map",
        "echarts_timeseries_bar",
        "BTC: US dollars of open positions by the price that would liquidate them, estimated.",
        x="bucket_low_usd",
        metrics=(("level", "max(mass_usd)"),),
        series=("liquidated_side",),
        filters={"base_asset": "BTC"},
        more={"y_axis_format": "$,.3s"},
    ),
    Chart(
        "Open interest",
        "leverage_hourly",
        "echarts_timeseries_line",
        "At the hour's end, US dollars.",
        x="hour_at",
        metrics=("open_interest_usd",),
        series=("base_asset",),
        more={"y_axis_format": "$,.3s"},
    ),
    Chart(
        "Funding rate for eight hours",
        "funding_hourly",
        "echarts_timeseries_line",
        "Weighted by open interest.",
        x="hour_at",
        metrics=("funding_rate_8h",),
        series=("base_asset",),
        more={"y_axis_format": ".4%"},
    ),
    Chart(
        "Is leverage leaving in stages?",
        "newest_unwind_classification",
        "table",
        "unwind_classification: the class of the trailing day and the rule that decided.",
        columns=("base_asset", "unwind_class", "deciding_rule", "episodes_7d", "stages_7d"),
    ),
    Chart(
        "Warnings",
        "newest_divergence_hourly",
        "table",
        "divergence_hourly: long liquidations without a recovery of the price.",
        columns=("base_asset", "recovery_divergence", "range_divergence", "is_incomplete"),
    ),
    Chart(
        "Coverage of venues",
        "venue_coverage_hourly",
        "table",
        "What each venue's data of an hour covers; a lower bound has its reason.",
        columns=(
            *("hour_at", "venue", "landing_outcome", "covered_share", "is_lower_bound"),
            "lower_bound_reason",
        ),
        more={"order_by_cols": ['["hour_at", false]']},
    ),
    Chart(
        "Gates of this release",
        "gate_verdicts",
        "table",
        "Every expectation that judged this release.",
        columns=("gate", "suite", "expectation", "severity", "success", "message"),
        more={"order_by_cols": ['["success", true]']},
    ),
)
