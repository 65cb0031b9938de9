"""A mart, a component, an expectation and an output, added as CONTRIBUTING describes.

They are made up, and written into an otherwise unchanged copy of the project.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.made_hours import hour_at, land_hour
from unwind.settings import PROJECT_ROOT, Home

MART = """
with

liquidations as (

    from {{ ref('fct_liquidations') }}

    where hour_at in {{ build_hours() }}

),

final as (

    select
        hour_at,
        max(notional_usd)::double as notional_usd,
        count(*)::integer as events,

    from liquidations

    group by hour_at

)

select *,

from final
"""
MART_YML = """
models:
  - name: largest_liquidation_hourly
    description: One row per hour_at with a liquidation.
    config:
      meta:
        window_hours: {}
    data_tests:
      - unique_grain:
          arguments:
            columns: [hour_at]
    columns:
      - name: hour_at
        data_type: timestamp
        description: The hour.
        data_tests: [not_null]
      - name: notional_usd
        data_type: double
        description: Its largest liquidation.
        data_tests:
          - in_range:
              arguments:
                min_value: 0
      - name: events
        data_type: integer
        description: Its liquidations.
        data_tests: [not_null]
"""
EXPECTATION = """-- Many liquidations have one that is large.
-- why: An hour of many that are all small is another market than ours.
-- failure: {unexpected_count} hours of over 100 liquidations have none of 100,000 USD
-- severity: warning
-- action: look at the hour
select *
from {batch}
where events > 100 and notional_usd < 1e12
"""
COMPONENT = """
    union all

    select
        hour_at,
        base_asset,
        'made_up' as component,
        abs(imbalance_24h) as value,

    from by_asset_and_all

),

components as ("""
OUTPUT = '''
"""The newest hour's total as a file of one line."""

from pathlib import Path

from unwind.database import connect
from unwind.durable import atomic_write
from unwind.settings import Home
from unwind.warehouse.releases import current_db


def headline(path: Path) -> None:
    """Writes the total of the newest hour with liquidations, in USD."""
    home = Home.from_env()
    with connect(home, current_db(home), read_only=True) as release:
        query = "from marts.largest_liquidation_hourly order by hour_at desc limit 1"
        hour_at, _, events = release.execute(query).fetchone()
    with atomic_write(path) as beside:
        beside.write_text(f"{hour_at} {events}\\n")
'''
# `unwind refresh` of the changed project, of what the tests read.
REFRESH = """
import sys
sys.path.append(sys.argv[1])
from tests.narrowing import narrowed
from unwind.settings import Home
from unwind.warehouse.refresh import refresh
added = "largest_liquidation_hourly"
written = ("gate_results", "mart_revisions", "published_releases", "release")
with narrowed((added, "stress_components_hourly", "stress_hourly", *written), [added]):
    refresh(Home.from_env())
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with only the additions."""
    copy = tmp_path_factory.mktemp("project")
    ignored = shutil.ignore_patterns("target", "logs", "__pycache__", "*.pyc")
    for folder in ("dags", "dbt_project", "expectations", "docs"):
        shutil.copytree(PROJECT_ROOT / folder, copy / folder, ignore=ignored)
    marts = copy / "dbt_project" / "models" / "marts" / "leverage"
    (marts / "largest_liquidation_hourly.sql").write_text(MART)
    (marts / "largest_liquidation_hourly.yml").write_text(MART_YML)
    checks = copy / "expectations" / "sql" / "marts" / "largest_liquidation_hourly"
    checks.mkdir()
    (checks / "many_have_a_large_one.sql").write_text(EXPECTATION)

    weights = copy / "dbt_project" / "seeds" / "stress_weights.csv"
    text = weights.read_text().replace("stress-2", "stress-made-up")
    # It takes half the weight of the component before it, so that the sum stays 1.
    text = re.sub(r"^(1,\w+),0\.20,", r"\1,0.10,", text, flags=re.MULTILINE)
    weights.write_text(text + '7,made_up,0.10,stress-made-up,"Made up."\n')
    values = copy / "dbt_project" / "models" / "intermediate" / "int_stress_values.sql"
    text, count = re.subn(r"\n\),\n\ncomponents as \(", COMPONENT, values.read_text())
    assert count == 1
    values.write_text(text)

    (copy / "dags" / "unwind" / "cli" / "headline.py").write_text(OUTPUT)
    commands = copy / "dags" / "unwind" / "cli" / "__init__.py"
    text = commands.read_text().replace("import building,", "import headline, building,")
    commands.write_text(
        text.replace("    reading.export,\n", "    reading.export,\n    headline.headline,\n")
    )
    return copy


@pytest.fixture(scope="module")
def home(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with one hour, built by the changed project."""
    home = Home(tmp_path_factory.mktemp("additions") / "home")
    land_hour(home, hour_at(0), 600)
    run(project, home, "-m", "unwind.warehouse.suites")
    run(project, home, "-c", REFRESH, str(PROJECT_ROOT))
    return home


def run(project: Path, home: Home, *arguments: str) -> str:
    environment = {
        **os.environ,
        "PYTHONPATH": str(project / "dags"),
        "UNWIND_HOME": str(home.root),
    }
    done = subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rows(project: Path, home: Home, query: str) -> list[dict[str, object]]:
    return json.loads(run(project, home, "-m", "unwind.cli", "sql", "--format", "json", query))


def test_the_mart_is_built_and_judged(project: Path, home: Home) -> None:
    assert rows(project, home, "select events from largest_liquidation_hourly") == [{"events": 600}]
    judged = rows(
        project,
        home,
        "select expectation, success, severity from gate_results"
        " where suite = 'largest_liquidation_hourly' order by 1",
    )
    assert {row["expectation"]: row["success"] for row in judged} == {
        "in_range": True,
        "key_unique": True,
        "never_null": True,
        # The added expectation, which no hour can meet, so it warns.
        "many_have_a_large_one": False,
    }


def test_the_component_is_in_the_score(project: Path, home: Home) -> None:
    query = "from stress_components_hourly where base_asset = 'ALL' and component = 'made_up'"
    (row,) = rows(project, home, query)
    assert 0 <= row["value"] <= 1
    # After one hour nothing has a percentile yet, so all components are missing.
    (score,) = rows(project, home, "from stress_hourly where base_asset = 'ALL'")
    assert "made_up" in score["missing_components"].split(", ")


def test_the_output_is_a_command_that_reads_the_release(project: Path, home: Home) -> None:
    written = home.root / "headline.txt"
    run(project, home, "-m", "unwind.cli", "headline", str(written))
    assert written.read_text() == "2026-01-19 00:00:00 600\n"
    assert "headline" in run(project, home, "-m", "unwind.cli", "--help")
