"""Fixtures and hooks shared by all tests."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from tests.narrowing import OF_KILLS
from tests.shared import Fill, filled
from unwind.settings import Home

# `make test` as a whole, on two cores; .ci/run ends after 20 minutes.
BUDGET_MINUTES = 15


# In these modules the marts gate runs only a few suites, which saves seconds per refresh; tests of
# the gates, of all venues and of full disks run all suites.
JUDGED_BY_FEW = (
    "tests/chaos/test_kills",
    "tests/liquidations/",
    "tests/warehouse/test_available",
    "tests/warehouse/test_early_hour",
    "tests/warehouse/test_hidden_liquidations",
    "tests/warehouse/test_left_out",
    "tests/warehouse/test_listings",
    "tests/warehouse/test_refresh",
    "tests/warehouse/test_reproduction",
    "tests/warehouse/test_revisions",
    *("tests/warehouse/test_slices", "tests/warehouse/test_spine", "tests/warehouse/test_units"),
    "tests/warehouse/test_divided_builds",
    "tests/warehouse/test_ways_out",
)

# Of these, the ones that build the analyses too (tests.narrowing).
BUILT_WHOLLY = ("tests/chaos/test_kills", "tests/warehouse/test_available")

# In these modules a refresh builds only the marts that the tests read, and their upstream models.
BUILT_FEW = {
    "tests/chaos/test_kills": OF_KILLS,
    "tests/landing/test_two_recorders": ("fct_liquidations", "venue_coverage_hourly"),
    "tests/liquidations/test_quarantine": (
        *("liquidations_hourly", "quarantined_liquidations", "unrecognised_symbols"),
    ),
    "tests/liquidations/test_received_twice": ("fct_liquidations",),
    "tests/liquidations/test_recordings": ("liquidations_hourly", "quarantined_liquidations"),
    "tests/warehouse/test_early_hour": (
        *("liquidations_hourly", "liquidations_minutely", "exchange_breakdown"),
        "liquidation_imbalance_hourly",
    ),
    "tests/warehouse/test_hidden_liquidations": (
        *("liquidations_hourly", "liquidations_minutely", "exchange_breakdown"),
        "venue_coverage_hourly",
    ),
    "tests/warehouse/test_left_out": (
        *("exchange_breakdown", "liquidation_imbalance_hourly", "liquidation_intensity_hourly"),
        *("leverage_hourly", "liquidations_hourly", "liquidations_minutely"),
        "venue_coverage_hourly",
    ),
    "tests/warehouse/test_units": ("fct_liquidations", "liquidations_hourly", "grain_audit"),
    "tests/warehouse/test_slices": (
        *("leverage_hourly", "liquidation_imbalance_hourly", "divergence_hourly", "grain_audit"),
    ),
    # What units build, of what stands above it some of each reach back, and what a release writes.
    "tests/warehouse/test_divided_builds": (
        *("fct_funding", "fct_liquidations", "fct_long_short_ratio", "fct_market_caps"),
        *("fct_open_interest", "fct_prices", "fct_volumes", "reported_liquidations"),
        *("hidden_liquidations_minutely", "liquidation_accounting", "observation_accounting"),
        *("unrecognised_symbols", "leverage_hourly", "funding_hourly", "grain_audit"),
        *("exchange_breakdown", "liquidation_intensity_hourly", "market_heatmap"),
        *("gate_results", "mart_revisions", "published_releases", "release"),
    ),
    "tests/warehouse/test_listings": (
        *("fct_liquidations", "fct_funding", "dim_assets", "dim_instruments"),
        *("quarantined_observations", "liquidations_hourly", "funding_hourly"),
    ),
}


# Files whose single tests take long begin first (with xdist's --no-loadscope-reorder): of two
# processes the one takes the first and the third, which build what others then copy.
SLOW_FIRST = (
    *("/chaos/test_kills", "/landing/test_killed_landing"),
    *("/warehouse/test_revisions", "/warehouse/test_left_out"),
    *("/warehouse/", "/liquidations/", "/dbt/", ""),
)


@pytest.fixture(scope="module", autouse=True)
def narrowed_refreshes(request: pytest.FixtureRequest) -> Iterator[None]:
    """Limits what a refresh builds and checks in the modules of BUILT_FEW and JUDGED_BY_FEW."""
    here = path_of(request)
    built = next((marts for path, marts in BUILT_FEW.items() if here.startswith(path)), ())
    is_judged_by_few = here.startswith(JUDGED_BY_FEW)
    if not (built or is_judged_by_few):
        yield
        return
    from tests.narrowing import FEW_SUITES, WITHOUT_ANALYSES, narrowed

    if not built and not here.startswith(BUILT_WHOLLY):
        built = WITHOUT_ANALYSES
    with narrowed(built, FEW_SUITES if is_judged_by_few else ()):
        yield


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Fill], Path]:
    """`tests.shared.filled`: what is built once for all processes of the run."""
    return functools.partial(filled, tmp_path_factory)


@pytest.fixture(scope="session")
def empty_tables(shared_folder: Callable[[str, Fill], Path]) -> Callable[[], Home]:
    """The home of `tests.prebuilt`, built on first use."""

    @functools.cache
    def built() -> Home:
        from tests import prebuilt

        return Home(shared_folder("empty_tables", lambda folder: prebuilt.build(Home(folder))))

    return built


@pytest.fixture(scope="session")
def two_hours(shared_folder: Callable[[str, Fill], Path], empty_tables: Callable[[], Home]) -> Home:
    """Two hours, released one by one. Tests only read it, or copy it."""
    from tests.warehouse.corrected_hours import publish_two_hours

    fill = functools.partial(publish_two_hours, empty_tables=empty_tables)
    return Home(shared_folder("two_hours", fill))


@pytest.fixture(scope="session")
def corrected_hour(shared_folder: Callable[[str, Fill], Path], two_hours: Home) -> Home:
    """The two hours, and a third release in which the first was sealed again. Tests copy it."""
    from tests.warehouse.corrected_hours import publish_corrected_hour

    fill = functools.partial(publish_corrected_hour, two_hours=two_hours)
    return Home(shared_folder("corrected_hour", fill))


@pytest.fixture(scope="module", autouse=True)
def prebuilt_tables(
    request: pytest.FixtureRequest, empty_tables: Callable[[], Home]
) -> Iterator[None]:
    """In the modules of PREBUILT, homes start with all tables, empty."""
    from tests import prebuilt
    from unwind.warehouse import files

    if not path_of(request).startswith(prebuilt.PREBUILT):
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "prepare", functools.partial(prebuilt.prepare, empty_tables))
        yield


def path_of(request: pytest.FixtureRequest) -> str:
    return request.path.relative_to(Path(__file__).parents[1]).as_posix()


@pytest.fixture(scope="session", autouse=True)
def shared_dbt_workers() -> Iterator[None]:
    """dbt runs of one test process share a worker with dbt imported, which saves seconds per run.

    Each version of a project has its own worker.
    """
    from unwind.warehouse import dbt, parsed_project

    start, end = dbt.start_worker, dbt.end_worker
    workers: dict[tuple[str, str], subprocess.Popen[str]] = {}

    def shared(options: Sequence[str], *others: Any) -> subprocess.Popen[str]:
        project = Path(options[options.index("--project-dir") + 1])
        key = (parsed_project.file_of(project).name, sys.executable)
        if key not in workers or workers[key].poll() is not None:
            workers[key] = start(options, *others)
        return workers[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dbt, "start_worker", shared)
        patch.setattr(dbt, "end_worker", lambda worker: None)
        yield
    for worker in workers.values():
        end(worker)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Slow files start first, so that no worker is still busy with one when the other is done.

    Tests marked `long` run only in targets that set UNWIND_LONG.
    """
    if not os.environ.get("UNWIND_LONG"):
        long = [item for item in items if item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]
    items.sort(
        key=lambda item: next(
            place for place, part in enumerate(SLOW_FIRST) if part in str(item.path)
        )
    )


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Seconds of test time by folder (two workers share them)."""
    seconds: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                file = PurePosixPath(report.nodeid.partition("::")[0])
                seconds[str(file.parent)] += report.duration
    terminalreporter.section(f"seconds of work per folder (budget: {BUDGET_MINUTES} minutes)")
    for folder, spent in seconds.most_common():
        terminalreporter.line(f"{spent:8.1f}  {folder}")
