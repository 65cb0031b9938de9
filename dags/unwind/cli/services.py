"""Commands that run services: Airflow with the recorder, and the simulated market."""

from __future__ import annotations

import logging
import signal
import sys
from contextlib import suppress
from datetime import datetime
from typing import Annotated

import typer
from rich.text import Text

from unwind.cli.landing import HEALTH_PORT
from unwind.cli.reading import sql
from unwind.cli.terminal import HIGHEST_PORT, out, progress, real_home
from unwind.clock import HOUR, utc_now
from unwind.settings import Home, settings

PAGE_PORT = 8081

# Queries that the demo suggests; each result fits a terminal of 80 columns.
TRY_NEXT = (
    "select hour_at, round(score, 1) as score, score_percentile, regime from stress_hourly"
    " where base_asset = 'ALL' and score > 0 order by hour_at desc limit 5",
    "select hour_at, venue, landing_outcome, covered_share from venue_coverage_hourly"
    " where landing_outcome in ('failed', 'partial') order by hour_at",
    "select base_asset, recovery_divergence, range_divergence, recovery from divergence_hourly"
    " where hour_at = '2026-01-29 14:00' and any_divergence",
    "select base_asset, unwind_class, stages_7d, peak_hour_share from unwind_classification"
    " where hour_at = '2026-01-29 14:00' and unwind_class is not null",
)


def demo(
    port: Annotated[
        int,
        typer.Option(min=0, max=HIGHEST_PORT, help="Loopback port of the simulator; 0 picks one."),
    ] = 0,
) -> None:
    """Rebuilds the hour of 29 January 2026 from a simulated market; needs no network."""
    from unwind.demo import run_demo

    # Airflow, once imported, would print every task's log lines into the progress output.
    logging.disable(logging.WARNING)
    with progress() as report:
        hour_at = run_demo(Home.from_env(), port, report)
    _print_breakdown(hour_at)


def replay(
    port: Annotated[
        int, typer.Option(min=0, max=HIGHEST_PORT, help="Loopback port; 0 picks one.")
    ] = 9000,
) -> None:
    """Serves the demo's market in the venues' own formats until stopped; prints the settings."""
    from unwind.simulator.episode import default_tape
    from unwind.simulator.server import Simulator

    with Simulator(default_tape(), port=port) as server:
        for name, value in server.environment().items():
            print(f"export {name}={value}", flush=True)
        notice = (
            "the simulated market is served; set the variables above where you land. Stop: Ctrl-C"
        )
        print(f"{server.url}: {notice}", file=sys.stderr)
        with suppress(KeyboardInterrupt):
            signal.pause()


def up(
    port: Annotated[
        int, typer.Option(min=1, max=HIGHEST_PORT, help="Loopback port of Airflow.")
    ] = 8080,
    health_port: Annotated[
        int, typer.Option(min=0, max=HIGHEST_PORT, help="The recorder's port.")
    ] = HEALTH_PORT,
    page_port: Annotated[
        int,
        typer.Option(
            min=0,
            max=HIGHEST_PORT,
            help="Loopback port of the current release's page; 0 serves none.",
        ),
    ] = PAGE_PORT,
) -> None:
    """Runs Airflow standalone with the DAGs unpaused, the recorder and the page, until stopped."""
    from unwind import standalone
    from unwind.recorder.state import recorder_states

    home = real_home()
    own = [one for one in recorder_states(home) if not one.recorder]
    running = [one.venue for one in own if one.is_running(utc_now())]
    companions, ports = {}, {}
    if running:
        out.print(f"A recorder runs already, of {', '.join(running)}; it keeps running.")
    else:
        command = [sys.executable, "-m", "unwind.cli", "record", "--health-port", str(health_port)]
        companions["recorder"] = command
        if health_port:
            ports["--health-port"] = health_port
    if page_port and settings().has_page:
        serving = [sys.executable, "-m", "unwind.page", "--port", str(page_port)]
        companions["page"] = serving
        ports["--page-port"] = page_port
        out.print(
            f"The newest release's page is at http://{standalone.LOOPBACK}:{page_port} as long as "
            "this runs.",
            soft_wrap=True,
        )
    raise typer.Exit(standalone.up(home, port, companions, ports))


def down() -> None:
    """Stops the processes of `unwind up` for this home, also leftovers of a killed one."""
    from unwind import standalone

    home = Home.from_env()
    if standalone.down(home):
        out.print("Airflow and the recorder beside it have stopped.")
    else:
        out.print(f"Nothing of `unwind up` runs for {home.root}.", soft_wrap=True)


def _print_breakdown(hour_at: datetime) -> None:
    title = f"\nLiquidations {hour_at:%Y-%m-%d %H:%M}-{hour_at + HOUR:%H:%M} UTC"
    out.print(Text(title, style="bold"))
    query = (
        "select venue, round(long_usd / 1e6, 1) as long_musd,"
        " round(short_usd / 1e6, 1) as short_musd, round(share, 3) as share, events,"
        " is_lower_bound from marts.exchange_breakdown"
        f" where hour_at = timestamp '{hour_at:%Y-%m-%d %H:%M:%S}' and window_hours = 1"
        " and base_asset = 'ALL' order by long_usd desc"
    )
    sql(query)
    out.print(f"\n{_missing_on_purpose()}", soft_wrap=True, highlight=False)
    out.print("\nTry next:", highlight=False)
    for query in TRY_NEXT:
        out.print(f'  .venv/bin/unwind sql "{query}"', soft_wrap=True, highlight=False)
    out.print(
        "  .venv/bin/unwind status\n"
        f"  a browser on {Home.from_env().current}/page.html (docs/page.md)\n"
        f"  your own tool on {Home.from_env().current}/warehouse.duckdb, read-only (docs/bi.md)",
        soft_wrap=True,
        highlight=False,
    )


def _missing_on_purpose() -> str:
    """The gaps that the simulated market leaves in the demo's data, in one sentence."""
    from unwind.simulator.episode import ASSETS, CUT_OFF, DOWN

    no_spot = ", ".join(one.symbol for one in ASSETS if one.has_derivatives and not one.has_spot)
    return (
        f"Missing on purpose: {DOWN.venue} was down from {DOWN.from_at:%Y-%m-%d %H:%M} to "
        f"{DOWN.to_at:%H:%M}, the recorder was cut off from {CUT_OFF.venue} from "
        f"{CUT_OFF.from_at:%Y-%m-%d %H:%M} to {CUT_OFF.to_at:%H:%M}, and {no_spot} has no spot "
        "market: sums of these hours are lower bounds or null."
    )
