"""The bundle for Superset: what its charts ask for exists, and means what the marts mean."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest
import yaml
from tests.page.made_up import FACTS
from tests.page.made_up import publish as publish_made_up
from tests.warehouse.hand_made import at, binance, land, seal

from unwind.page import reading
from unwind.settings import Home
from unwind.superset import serve
from unwind.superset.bundle import files, write_bundle
from unwind.superset.charts import CHARTS, DATASETS
from unwind.warehouse.metrics import Metric, metrics
from unwind.warehouse.refresh import refresh

BUNDLE = files(Path("/srv/unwind/current/warehouse.duckdb"))
CHARTED = {name: content for name, content in BUNDLE.items() if name.startswith("charts/")}


def dataset_of(chart: Mapping[str, Any]) -> Mapping[str, Any]:
    (dataset,) = (
        content for content in BUNDLE.values() if content.get("uuid") == chart["dataset_uuid"]
    )
    return dataset


def expression(measure: str | Mapping[str, str], dataset: Mapping[str, Any]) -> str:
    if isinstance(measure, str):
        return next(
            one["expression"] for one in dataset["metrics"] if one["metric_name"] == measure
        )
    return measure["sqlExpression"]


def query_of(chart: Mapping[str, Any]) -> str:
    """The SQL of a chart's query, as Superset writes it."""
    (query,) = json.loads(chart["query_context"])["queries"]
    dataset = dataset_of(chart)
    columns = query["columns"]
    measures = [expression(one, dataset) for one in query["metrics"] or ()]
    where = [
        f"{one['col']} = " + (str(one["val"]) if isinstance(one["val"], int) else f"'{one['val']}'")
        for one in query["filters"]
    ]
    grouped = f" group by {', '.join(columns)}" if measures and columns else ""
    return (
        f"select {', '.join([*columns, *measures])} from ({dataset['sql']})"
        f" where {' and '.join(where) or 'true'}{grouped}"
    )


def test_every_chart_can_be_read_from_a_release(empty_tables: Callable[[], Home]) -> None:
    with duckdb.connect(str(empty_tables().warehouse_db), read_only=True) as warehouse:
        for name, chart in CHARTED.items():
            assert warehouse.execute(query_of(chart)).description, name


def test_a_metric_of_a_chart_is_that_of_metrics_yml() -> None:
    shown = {metric for chart in CHARTS for metric in chart.metrics if isinstance(metric, str)}
    assert shown >= {"long_liquidations_usd", "stress_score", "funding_rate_8h"}
    for chart in CHARTS:
        (dataset,) = (one for one in DATASETS if one.name == chart.dataset)
        for metric in chart.metrics:
            if isinstance(metric, str):
                stated = metrics()[metric]
                assert stated.mart == dataset.mart
                # One row an hour: each further column of the grain is filtered or is a series.
                assert set(stated.at) <= {*chart.filters, *chart.series, chart.x}, chart.title


def test_the_newest_hour_is_the_last_one_that_landed() -> None:
    release = duckdb.connect()
    release.execute("create schema marts")
    release.execute(
        "create table marts.release as select timestamp '2026-01-29 14:00' as last_hour_at"
    )
    release.execute(
        "create table marts.exchange_breakdown as select * from (values"
        " (timestamp '2026-01-29 13:00', 1, 'ALL', 'ALL', 40, 2),"
        " (timestamp '2026-01-29 14:00', 1, 'ALL', 'ALL', 232, 3),"
        " (timestamp '2026-01-29 14:00', 1, 'ALL', 'binance', 36, 1),"
        " (timestamp '2026-01-29 14:00', 24, 'ALL', 'binance', 99, 9),"
        " (timestamp '2026-01-29 15:00', 1, 'ALL', 'ALL', null, null),"
        " (timestamp '2026-01-29 15:00', 1, 'ALL', 'binance', null, null)"
        ") as listed(hour_at, window_hours, base_asset, venue, long_usd, short_usd)"
    )
    by_venue = CHARTED["charts/liquidations_by_venue_newest_hour.yaml"]
    assert release.execute(query_of(by_venue)).fetchall() == [("binance", 36, 1)]
    by_hour = CHARTED["charts/long_against_short_liquidations_by_hour.yaml"]
    hours = release.execute(f"select * exclude hour_at from ({query_of(by_hour)}) order by hour_at")
    assert hours.fetchall() == [(40, 2), (232, 3)]


# The page's figure of each metric that it shows by the hour.
ON_THE_PAGE = {
    **{"open_interest_usd": "open_interest", "funding_rate_8h": "funding"},
    **{"stress_score": "stress", "red_by_cap_share": "breadth", "venue_coverage": "coverage"},
}
# 14:00 is the last hour that landed (FACTS); 15:00 runs, and the spine has it.
HOURS = {13: 0.25, 14: 0.5, 15: 0.75}


@pytest.fixture(scope="module")
def with_a_running_hour(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A release in which every metric is 0.25 at 13:00, 0.5 at 14:00 and 0.75 at 15:00."""

    def rows(mart: str) -> Iterator[str]:
        of_mart = [one for one in metrics().values() if one.mart == mart]
        for named in {tuple(one.at.items()) for one in of_mart}:
            key = {column: repr(value) for column, value in named}
            columns = {one.column for one in of_mart if tuple(one.at.items()) == named}
            for hour, value in HOURS.items():
                row = {"hour_at": f"timestamp '2026-01-29 {hour}:00'", **key}
                row |= dict.fromkeys(columns, str(value))
                stated = ", ".join(f"{one} as {name}" for name, one in row.items())
                yield f"insert into {mart} by name select {stated};"

    home = Home(tmp_path_factory.mktemp("running"))
    briefs = (
        "insert into market_brief_hourly by name select timestamp '2026-01-29 14:00' as hour_at,"
        " unnest(['ALL', 'BTC']) as base_asset;"
    )
    inserted = [one for mart in {one.mart for one in metrics().values()} for one in rows(mart)]
    publish_made_up(home, "".join([FACTS, briefs, *inserted]))
    return home


@pytest.mark.parametrize("metric", metrics().values(), ids=lambda one: one.name)
def test_command_page_and_dashboard_end_with_the_last_hour_that_landed(
    with_a_running_hour: Home, metric: Metric
) -> None:
    database = with_a_running_hour.current / "warehouse.duckdb"
    landed = [(13, 0.25), (14, 0.5)]
    at = " and ".join(f"{name} = {value!r}" for name, value in metric.at.items()) or "true"
    with duckdb.connect(str(database), read_only=True) as release:
        for hours, expected in ((None, landed), (24, landed), (1, landed[1:])):
            rows = release.sql(metric.sql(hours)).fetchall()
            assert [(row[0].hour, float(row[1])) for row in rows] == expected
        for dataset in (one for one in DATASETS if one.mart == metric.mart):
            rows = release.sql(
                f"select hour(hour_at), {metric.column} from ({dataset.sql}) where {at} order by 1"
            ).fetchall()
            is_newest = dataset.name.startswith("newest_")
            expected = landed[1:] if is_newest else landed
            if dataset.name == "newest_by_venue" and metric.at["venue"] == "ALL":
                expected = []
            assert [(hour, float(value)) for hour, value in rows] == expected, dataset.name
    if figure := ON_THE_PAGE.get(metric.name):
        snapshot = reading.read(with_a_running_hour, database)
        rows = [
            (row["hour_at"].hour, float(row[metric.column]))
            for row in snapshot.readings[figure].rows
            if all(row[name] == value for name, value in metric.at.items())
        ]
        assert rows == landed


def test_the_bundle_is_the_same_bytes_each_time_and_its_database_is_read_only(
    tmp_path: Path,
) -> None:
    database = Path("/srv/a folder/current/warehouse.duckdb")
    for name in ("one.zip", "two.zip"):
        write_bundle(tmp_path / name, database)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as bundle:
        stated = yaml.safe_load(bundle.read("unwind_superset/databases/Unwind.yaml"))
        assert len(bundle.namelist()) == 3 + len(CHARTS) + len(DATASETS)
    assert stated["sqlalchemy_uri"] == (
        "duckdb:////srv/a%20folder/current/warehouse.duckdb?access_mode=read_only"
        "&enable_external_access=false&lock_configuration=true"
        "&disabled_optimizers=join_filter_pushdown"
    )
    assert not any(stated[may] for may in ("allow_dml", "allow_ctas", "allow_cvas"))


def test_without_superset_one_sentence_states_the_command_that_installs_it(tmp_path: Path) -> None:
    with pytest.raises(serve.SupersetError, match="`make superset` installs it"):
        serve.prepare(Home(tmp_path), tmp_path / "none")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """An hour of one long of 80,000 dollars, released."""
    home = Home(tmp_path_factory.mktemp("superset") / "home")
    publish(home, 10, "80000")
    return home


def publish(home: Home, hour: int, price: str) -> None:
    land(home, hour, "binance", [binance("BTCUSDT", "SELL", "1", price, at(hour, 5))])
    seal(home, hour)
    refresh(home, clock=lambda: at(hour + 1, 6))


@pytest.fixture(scope="module")
def superset(home: Home) -> Iterator[httpx.Client]:
    """A server with the bundle imported, and a client that is logged in."""
    with socket.socket() as free:
        free.bind((serve.LOOPBACK, 0))
        port = free.getsockname()[1]
    variables = serve.prepare(home)
    server = subprocess.Popen(
        serve.server(port), env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        with httpx.Client(base_url=f"http://{serve.LOOPBACK}:{port}", timeout=60) as client:
            for _ in range(120):
                try:
                    if client.get("/health").is_success:
                        break
                except httpx.TransportError:
                    time.sleep(1)
            password = (home.root / "superset" / "password").read_text()
            user = {"username": serve.USER, "password": password, "provider": "db"}
            token = client.post("/api/v1/security/login", json=user).json()["access_token"]
            client.headers["Authorization"] = f"Bearer {token}"
            yield client
    finally:
        server.terminate()
        server.wait()


def charts_of(client: httpx.Client) -> dict[str, list[dict[str, Any]]]:
    """The rows of every chart by its title."""
    listed = client.get("/api/v1/chart/", params={"q": "(page_size:100)"}).json()["result"]
    found = {}
    for chart in listed:
        answer = client.get(f"/api/v1/chart/{chart['id']}/data/")
        assert answer.is_success, (chart["slice_name"], answer.text)
        found[chart["slice_name"]] = answer.json()["result"][0]["data"]
    return found


@pytest.mark.long
def test_superset_draws_every_chart_and_sees_a_new_release_without_a_restart(
    superset: httpx.Client, home: Home
) -> None:
    before = charts_of(superset)
    assert before.keys() == {chart.title for chart in CHARTS}
    longs = "Long against short liquidations by hour"
    assert before[longs][-1]["long_liquidations_usd"] == 80_000
    publish(home, 11, "81000")
    assert charts_of(superset)[longs][-1]["long_liquidations_usd"] == 81_000


@pytest.mark.long
def test_nobody_writes_or_reads_the_hosts_files_through_superset(
    superset: httpx.Client, home: Home
) -> None:
    (database,) = superset.get("/api/v1/database/").json()["result"]
    token = superset.get("/api/v1/security/csrf_token/").json()["result"]

    def asked(query: str) -> httpx.Response:
        return superset.post(
            "/api/v1/sqllab/execute/",
            json={"database_id": database["id"], "sql": query, "runAsync": False},
            headers={"X-CSRFToken": token, "Referer": str(superset.base_url)},
        )

    counted = "select count(*) > 0 as there, count(*) as n from marts.fct_liquidations"
    before = asked(counted).json()["data"]
    assert before[0]["there"]
    for query in (
        f"select * from read_text('{home.root}/superset/secret_key')",
        "set enable_external_access = true",
        "copy (select 1) to '/tmp/unwind-superset-test'",
        "delete from marts.fct_liquidations",
    ):
        answer = asked(query)
        assert not answer.is_success, query
    assert asked(counted).json()["data"] == before


def test_the_server_needs_a_release(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "unwind.superset.serve"],
        env={**os.environ, "UNWIND_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("unwind: ")
    assert "Traceback" not in done.stderr
