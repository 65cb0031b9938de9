"""The warehouse's view of a model's dependencies matches dbt's manifest."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from unwind.settings import Home
from unwind.warehouse import models
from unwind.warehouse.dbt import DBT_PROJECT, dbt_environment
from unwind.warehouse.models import fingerprints, named_by

PARSE = """
import json, sys
from pathlib import Path
from dbt.cli.main import dbtRunner
from unwind.warehouse import parsed_project
project, target = sys.argv[1:]
manifest = parsed_project.read(Path(project)) or dbtRunner().invoke([
    "parse", "--project-dir", project, "--profiles-dir", project, "--target-path", target,
    "--no-write-json", "--quiet", "--log-path", target,
]).result
made_of = {}
for node in manifest.nodes.values():
    if node.resource_type == "model":
        macros, waiting = set(), list(node.depends_on.macros)
        while waiting:
            macro = waiting.pop()
            if macro.startswith("macro.unwind.") and macro not in macros:
                macros.add(macro)
                waiting += manifest.macros[macro].depends_on.macros
        upstream = [one for one in node.depends_on.nodes if not one.startswith("source.")]
        made_of[node.name] = [name.rpartition(".")[2] for name in [*macros, *upstream]]
print(json.dumps(made_of))
"""


@pytest.fixture(scope="module")
def by_dbt(tmp_path_factory) -> dict[str, set[str]]:
    """The project's macros, models and seeds that each model depends on, from dbt's manifest."""
    folder = tmp_path_factory.mktemp("parsed")
    done = subprocess.run(
        [sys.executable, "-c", PARSE, str(DBT_PROJECT), str(folder)],
        env={**os.environ, **dbt_environment(Home(folder))},
        capture_output=True,
        text=True,
        check=True,
    )
    return {name: set(of) for name, of in json.loads(done.stdout.splitlines()[-1]).items()}


def test_a_fingerprint_covers_all_that_dbt_knows_of_a_staging_model(by_dbt):
    missed = {name: of - named_by(name) for name, of in by_dbt.items() if name.startswith("stg_")}
    assert len(missed) > 80
    assert {name: of for name, of in missed.items() if of} == {}


def test_every_model_and_seed_has_a_fingerprint(by_dbt):
    seeds = {path.stem for path in (DBT_PROJECT / "seeds").glob("*.csv")}
    assert fingerprints().keys() == by_dbt.keys() | seeds


@pytest.fixture
def project(tmp_path) -> Path:
    shutil.copytree(
        DBT_PROJECT, tmp_path / "project", ignore=shutil.ignore_patterns("target", "logs")
    )
    return tmp_path / "project"


def changed(project: Path) -> set[str]:
    now, before = fingerprints.__wrapped__(project), fingerprints()
    return {name for name in now.keys() | before.keys() if now.get(name) != before.get(name)}


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_an_unchanged_project_has_the_same_fingerprints(project):
    assert changed(project) == set()


def test_a_changed_model_changes_with_what_reads_it(project):
    edit(project / "models" / "intermediate" / "int_known_assets.sql", "select", "select distinct")
    found = changed(project)
    assert {"int_known_assets", "int_prices_screened"} <= found
    assert "stg_gate__liquidations" not in found


def test_a_changed_macro_changes_the_models_that_call_it(project):
    edit(project / "macros" / "venues" / "gate.sql", "macro gate_paths(", "macro gate_paths( ")
    found = changed(project)
    assert "stg_gate__liquidations" in found
    assert "stg_bybit__liquidations" not in found


def test_a_changed_seed_and_a_changed_variable_change_their_models(project):
    with (project / "seeds" / "hyperliquid_vaults.csv").open("a") as seed:
        seed.write("0x0,x\n")
    edit(project / "dbt_project.yml", "lighter_deleveraged: taker", "lighter_deleveraged: maker")
    found = changed(project)
    assert {"hyperliquid_vaults", "stg_hyperliquid__liquidations"} <= found
    assert "stg_lighter__liquidations" in found
    assert "stg_bybit__liquidations" not in found


def test_comments_and_descriptions_change_nothing(project):
    model = project / "models" / "staging" / "gate" / "stg_gate__liquidations.sql"
    model.write_text("-- Somebody has thought about it.\n{# Twice. #}\n" + model.read_text())
    described = project / "models" / "marts" / "quality" / "landing_outcomes.yml"
    edit(described, "description: The exchange.", "description: Whose data it is.")
    assert changed(project) == set()


@pytest.fixture
def rates(project, monkeypatch) -> Path:
    """A module that a Python model imports indirectly, in a copy of the package."""
    # The fingerprints to compare with are those of the package itself.
    fingerprints()
    packages = project.parent / "dags"
    shutil.copytree(models.PACKAGES / "unwind", packages / "unwind")
    monkeypatch.setattr(models, "PACKAGES", packages)
    return packages / "unwind" / "estimates" / "rates.py"


def test_a_changed_estimator_changes_the_models_that_import_it(project, rates):
    before = models.project_fingerprint()
    edit(rates, "SEGMENT_SECONDS = 300", "SEGMENT_SECONDS = 600")
    found = changed(project)
    assert {"int_hidden_liquidations_hourly", "exchange_breakdown"} <= found
    assert "fct_liquidations" not in found
    assert models.project_fingerprint() != before


def test_what_dbt_writes_into_the_project_is_no_part_of_it(project, monkeypatch):
    monkeypatch.setattr(models, "DBT_PROJECT", project)
    before = models.project_fingerprint()
    for name in ("target/run/unwind/seeds/assets.csv", "target/compiled/unwind/models/x.sql"):
        (project / name).parent.mkdir(parents=True)
        (project / name).write_text("written by dbt")
    assert models.project_fingerprint() == before
    (project / "seeds" / "assets.csv").write_text("written by somebody")
    assert models.project_fingerprint() != before


def test_a_comment_in_the_estimator_changes_nothing(project, rates):
    before = models.project_fingerprint()
    rates.write_text("# Somebody has thought about it.\n" + rates.read_text())
    assert changed(project) == set()
    assert models.project_fingerprint() == before


def test_a_changed_model_in_python_changes_with_what_reads_it(project):
    edit(
        project / "models" / "intermediate" / "int_hidden_liquidations_minutely.py",
        "return hidden_minutely(",
        "return  hidden_minutely(session, published, gaps) or (",
    )
    found = changed(project)
    assert {"int_hidden_liquidations_minutely", "liquidations_minutely"} <= found
    assert "int_hidden_liquidations_hourly" not in found
