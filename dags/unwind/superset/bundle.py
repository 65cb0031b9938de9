"""Writes a bundle that Superset imports: database, datasets with metrics, charts, dashboard.

Format 1.0.0 of Superset's exports (6.1). Ids follow from names, so that a later import updates what
an earlier one made.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

import yaml

from unwind.database import DISABLED_OPTIMIZERS
from unwind.durable import atomic_write
from unwind.superset.charts import CHARTS, DATASETS, Chart, Dataset
from unwind.warehouse.metrics import Metric, metrics
from unwind.warehouse.promises import marts

TITLE = "Crypto liquidations and leverage stress"
DATABASE = "Unwind"
FOLDER = "unwind_superset"
VERSION = "1.0.0"
# Zip entries carry a time; the same project writes the same bytes.
EPOCH = (2026, 1, 29, 0, 0, 0)
ROW_LIMIT = 10_000
COLUMNS_OF_PAGE = 12
ROW_HEIGHT = 50
# Readers cannot write, nor read the host's files, nor undo either. Superset limits a chart's series
# by a join with a `limit`, which DuckDB's optimizer would spoil.
SETTINGS = (
    "access_mode=read_only&enable_external_access=false&lock_configuration=true"
    f"&disabled_optimizers={DISABLED_OPTIMIZERS}"
)


def write_bundle(path: Path, database: Path) -> None:
    """Writes the bundle for the release file at `database`, as the server that reads it sees it."""
    with atomic_write(path) as beside, zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, content in files(database).items():
            entry = zipfile.ZipInfo(f"{FOLDER}/{name}", EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            bundle.writestr(entry, yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


def files(database: Path) -> dict[str, Mapping[str, Any]]:
    """The content of each file of the bundle, by its name."""
    found: dict[str, Mapping[str, Any]] = {
        "metadata.yaml": {
            "version": VERSION,
            "type": "Dashboard",
            "timestamp": "2026-01-29T00:00:00+00:00",
        },
        f"databases/{DATABASE}.yaml": _database(database),
        "dashboards/liquidations.yaml": _dashboard(),
    }
    for dataset in DATASETS:
        found[f"datasets/{DATABASE}/{dataset.name}.yaml"] = _dataset(dataset)
    for chart in CHARTS:
        found[f"charts/{_file_name(chart)}.yaml"] = _chart(chart)
    return found


def _id(kind: str, name: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"unwind/superset/{kind}/{name}"))


def _file_name(chart: Chart) -> str:
    return "_".join("".join(one if one.isalnum() else " " for one in chart.title.lower()).split())


def _database(database: Path) -> dict[str, Any]:
    return {
        "database_name": DATABASE,
        "sqlalchemy_uri": f"duckdb:///{quote(str(database.absolute()))}?{SETTINGS}",
        "cache_timeout": None,
        "expose_in_sqllab": True,
        "allow_run_async": False,
        "allow_ctas": False,
        "allow_cvas": False,
        "allow_dml": False,
        "allow_csv_upload": False,
        "extra": {"allows_virtual_table_explore": True, "schema_options": {}},
        "uuid": _id("database", DATABASE),
        "version": VERSION,
    }


def _dataset(dataset: Dataset) -> dict[str, Any]:
    mart = marts()[dataset.mart]
    has_hours = any(one.name == "hour_at" for one in mart.columns)
    return {
        "table_name": dataset.name,
        "main_dttm_col": "hour_at" if has_hours else None,
        "description": mart.description.strip(),
        "default_endpoint": None,
        "offset": 0,
        "cache_timeout": None,
        "schema": "marts",
        "sql": dataset.sql,
        "params": None,
        "template_params": None,
        "filter_select_enabled": True,
        "fetch_values_predicate": None,
        "extra": None,
        "normalize_columns": False,
        "always_filter_main_dttm": False,
        "uuid": _id("dataset", dataset.name),
        "metrics": [_metric(one) for one in metrics().values() if one.mart == dataset.mart],
        "columns": [
            _column(one.name, one.data_type.upper(), one.description.strip())
            for one in mart.columns
        ],
        "version": VERSION,
        "database_uuid": _id("database", DATABASE),
    }


def _column(name: str, data_type: str, description: str) -> dict[str, Any]:
    return {
        "column_name": name,
        "verbose_name": None,
        "is_dttm": data_type == "TIMESTAMP",
        "is_active": True,
        "type": data_type,
        "groupby": True,
        "filterable": True,
        "expression": None,
        "description": description,
        "python_date_format": None,
        "extra": None,
    }


def _metric(metric: Metric) -> dict[str, Any]:
    """A metric is one row an hour at its filters: the largest of them is that row."""
    at = " and ".join(f"{name} = {value}" for name, value in metric.at.items())
    return {
        "metric_name": metric.name,
        "verbose_name": metric.label,
        "metric_type": None,
        "expression": f"max({metric.column})",
        "description": f"{metric.description.strip()} Filter on {at or 'the hour alone'}.",
        "d3format": None,
        "extra": None,
        "warning_text": None,
    }


def _chart(chart: Chart) -> dict[str, Any]:
    return {
        "slice_name": chart.title,
        "description": chart.description,
        "certified_by": None,
        "certification_details": None,
        "viz_type": chart.kind,
        "params": _form(chart),
        "query_context": json.dumps(_query_context(chart)),
        "cache_timeout": None,
        "uuid": _id("chart", chart.title),
        "version": VERSION,
        "dataset_uuid": _id("dataset", chart.dataset),
    }


def _measure(metric: str | tuple[str, str]) -> str | dict[str, Any]:
    if isinstance(metric, str):
        return metric
    label, expression = metric
    return {"expressionType": "SQL", "sqlExpression": expression, "label": label}


def _form(chart: Chart) -> dict[str, Any]:
    """The settings of a chart, as its page in Superset has them."""
    measures = [_measure(one) for one in chart.metrics]
    form: dict[str, Any] = {
        "viz_type": chart.kind,
        "adhoc_filters": [
            {
                "clause": "WHERE",
                "expressionType": "SIMPLE",
                "subject": column,
                "operator": "==",
                "operatorId": "EQUALS",
                "comparator": value,
            }
            for column, value in chart.filters.items()
        ],
        "time_range": "No filter",
        "row_limit": ROW_LIMIT,
        "rich_tooltip": True,
        "show_legend": True,
        **chart.more,
    }
    match chart.kind:
        case "table":
            form |= {"query_mode": "raw", "all_columns": list(chart.columns)}
        case "big_number_total":
            form |= {"metric": measures[0]}
        case "treemap_v2":
            form |= {"metric": measures[0], "groupby": list(chart.series)}
        case "big_number":
            form |= {"metric": measures[0], "x_axis": chart.x, "granularity_sqla": chart.x}
        case _:
            form |= {"x_axis": chart.x, "metrics": measures, "groupby": list(chart.series)}
    return form


def _query_context(chart: Chart) -> dict[str, Any]:
    """The query of a chart, so that its data can be asked for without its page."""
    query: dict[str, Any] = {
        "filters": [
            {"col": column, "op": "==", "val": value} for column, value in chart.filters.items()
        ],
        "columns": [*([chart.x] if chart.x else []), *chart.series, *chart.columns],
        "metrics": None if chart.columns else [_measure(one) for one in chart.metrics],
        "orderby": [[chart.x, True]] if chart.x else [],
        "row_limit": ROW_LIMIT,
        "is_timeseries": False,
    }
    return {
        "datasource": {"id": 0, "type": "table"},
        "force": False,
        "queries": [query],
        "form_data": {},
        "result_format": "json",
        "result_type": "full",
    }


def _dashboard() -> dict[str, Any]:
    position: dict[str, Any] = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
        "GRID_ID": {"type": "GRID", "id": "GRID_ID", "children": [], "parents": ["ROOT_ID"]},
        "HEADER_ID": {"type": "HEADER", "id": "HEADER_ID", "meta": {"text": TITLE}},
    }
    for number, row in enumerate(_rows(CHARTS)):
        name = f"ROW-{number}"
        position["GRID_ID"]["children"].append(name)
        children = []
        for chart in row:
            child = f"CHART-{_file_name(chart)}"
            children.append(child)
            position[child] = {
                "type": "CHART",
                "id": child,
                "children": [],
                "parents": ["ROOT_ID", "GRID_ID", name],
                "meta": {
                    "width": chart.width,
                    "height": ROW_HEIGHT,
                    "chartId": 0,
                    "uuid": _id("chart", chart.title),
                    "sliceName": chart.title,
                },
            }
        position[name] = {
            "type": "ROW",
            "id": name,
            "children": children,
            "parents": ["ROOT_ID", "GRID_ID"],
            "meta": {"background": "BACKGROUND_TRANSPARENT"},
        }
    return {
        "dashboard_title": TITLE,
        "description": "Every figure is a column of a mart; docs/metrics.md defines them.",
        "css": "",
        "slug": "unwind",
        "certified_by": None,
        "certification_details": None,
        "published": True,
        "uuid": _id("dashboard", TITLE),
        "position": position,
        "metadata": {"refresh_frequency": 0, "cross_filters_enabled": True},
        "version": VERSION,
    }


def _rows(charts: Sequence[Chart]) -> Iterator[list[Chart]]:
    """The charts in rows of the page's width."""
    row: list[Chart] = []
    for chart in charts:
        if sum(one.width for one in row) + chart.width > COLUMNS_OF_PAGE:
            yield row
            row = []
        row.append(chart)
    if row:
        yield row
