"""What parts of the project may rely on in each other: phases, contracts, access."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest
import yaml

from unwind.settings import Home
from unwind.warehouse.dbt import DBT_PROJECT, dbt_environment
from unwind.warehouse.models import variables
from unwind.warehouse.promises import COUNTED, MODELS, marts

DATASETS = ("funding", "liquidations", "long_short_ratio", "open_interest", "prices", "volumes")
LIST = """
import json, sys
from pathlib import Path
from dbt.cli.main import dbtRunner
from unwind.warehouse import parsed_project
project, target = sys.argv[1:]
options = [
    "--project-dir", project, "--profiles-dir", project, "--target-path", target,
    "--log-path", target, "--quiet",
]
manifest = parsed_project.read(Path(project)) or dbtRunner().invoke(
    ["parse", "--no-write-json", *options]
).result
runner = dbtRunner(manifest=manifest)
listed = {
    name: runner.invoke([
        "ls", "--select", f"selector:{name}", "--resource-type", "model", "--resource-type", "seed",
        "--output", "name", *options,
    ]).result
    for name in ("staging", "facts_and_marts", "unchanging")
}
nodes = {
    node.name: {
        "reads": [
            name.split(".")[-1]
            for name in (node.depends_on.nodes if node.resource_type == "model" else [])
            if not name.startswith("source.")
        ],
        "reads_sources": any(
            name.startswith("source.")
            for name in (node.depends_on.nodes if node.resource_type == "model" else [])
        ),
        "tags": node.tags,
        "kind": node.resource_type,
        "access": getattr(node, "access", None),
        "contract": node.config.contract.enforced if node.resource_type == "model" else None,
    }
    for node in manifest.nodes.values() if node.resource_type in ("model", "seed")
}
disabled = [name for name, node in manifest.nodes.items() if not node.config.enabled]
print(json.dumps([listed, nodes, disabled]))
"""


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """What dbt makes of the project: of each selector, of each model and seed, and left out."""
    folder = tmp_path_factory.mktemp("parsed")
    done = subprocess.run(
        [sys.executable, "-c", LIST, str(DBT_PROJECT), str(folder)],
        env={**os.environ, **dbt_environment(Home(folder))},
        capture_output=True,
        text=True,
        check=True,
    )
    of_project: list[Any] = json.loads(done.stdout.splitlines()[-1])
    return of_project


@pytest.fixture(scope="module")
def project(parsed: list[Any]) -> tuple[dict[str, set[str]], dict[str, Any]]:
    """The nodes of each selector, and dbt's properties of each model and seed."""
    listed, nodes, _ = parsed
    return {name: set(of) for name, of in listed.items()}, nodes


def test_dbt_leaves_nothing_out(parsed: list[Any]) -> None:
    """A test of a source that is not declared is disabled, with a warning only."""
    *_, disabled = parsed
    assert disabled == []


def test_a_refresh_builds_each_model_in_one_of_two_phases(project) -> None:
    listed, nodes = project
    assert listed["staging"] & listed["facts_and_marts"] == set()
    assert listed["staging"] | listed["facts_and_marts"] == nodes.keys()
    assert {"stg_gate__prices", "int_instrument_versions", "assets"} <= listed["staging"]
    assert {"fct_prices", "int_prices_screened"} <= listed["facts_and_marts"]


def test_no_staging_model_reads_a_model_that_is_built_later(project) -> None:
    listed, nodes = project
    later = {
        name: set(nodes[name]["reads"]) - listed["staging"]
        for name in listed["staging"]
        if nodes[name]["kind"] == "model"
    }
    assert {name: of for name, of in later.items() if of} == {}


def test_unchanging_models_have_no_rows_of_a_batch(project) -> None:
    listed, _ = project
    assert {"int_prices_unioned", "plausibility_limits"} <= listed["unchanging"]
    assert {name for name in listed["unchanging"] if name.startswith(("stg_", "fct_"))} == set()


def test_unchanging_tables_read_nothing_that_changes(project) -> None:
    listed, nodes = project
    tagged = {name for name in listed["unchanging"] if "unchanging" in nodes[name]["tags"]}
    assert {"gate_results", "coverage_calibration"} <= tagged
    read, waiting = set(), tagged
    while waiting:
        read |= waiting
        waiting = {parent for name in waiting for parent in nodes[name]["reads"]} - read
    assert {name for name in read if nodes[name]["reads_sources"]} == set()


@pytest.mark.parametrize("dataset", [*DATASETS, "instruments", "market_caps"])
def test_every_dataset_has_one_contract_with_types_and_descriptions(project, dataset: str) -> None:
    _, nodes = project
    stated = yaml.safe_load((MODELS / "intermediate" / f"int_{dataset}.yml").read_text())["models"]
    held = [one for one in stated if one["name"].endswith(("_staged", "_unioned"))]
    assert held
    for one in held:
        assert nodes[one["name"]]["contract"], one["name"]
        for column in one["columns"]:
            assert column["data_type"], column
            assert column["description"].endswith("."), column


def test_readers_may_read_marts_and_marts_never_read_a_venues_staging(project) -> None:
    _, nodes = project
    access = {name: node["access"] for name, node in nodes.items() if node["kind"] == "model"}
    assert {name for name, kind in access.items() if kind == "public"} == marts().keys()
    assert {kind for name, kind in access.items() if name.startswith("stg_")} == {"private"}


def test_the_release_is_an_exposure_of_every_mart() -> None:
    exposures = yaml.safe_load((MODELS / "_exposures.yml").read_text())["exposures"]
    release = next(one for one in exposures if one["name"] == "release")
    assert release["depends_on"] == [f"ref('{name}')" for name in sorted(marts())]


def test_no_shared_sql_names_a_venue() -> None:
    """A venue is a line in dbt_project.yml, a folder in staging and a file of macros."""
    venues = set(variables()["venues"])
    # `gate` is also a gate of the warehouse, so only the quoted name counts as the exchange.
    pattern = "|".join([rf"(?<![a-z]){name}(?![a-z])" for name in venues - {"gate"}] + ["'gate'"])
    shared = [
        path
        for path in sorted(DBT_PROJECT.glob("m*/**/*.sql"))
        if not {"staging", "venues"} & set(path.relative_to(DBT_PROJECT).parts)
    ]
    assert len(shared) > 100
    naming = {}
    for path in shared:
        code = re.sub(r"{#.*?#}|--[^\n]*", "", path.read_text(), flags=re.DOTALL)
        if found := re.findall(pattern, code):
            naming[path.name] = found
    assert naming == {}


def test_python_counts_the_liquidations_that_the_macro_counts() -> None:
    macro = (DBT_PROJECT / "macros" / "counted_liquidations.sql").read_text()
    body = re.search(r"-%}(.*){%- endmacro", macro, re.DOTALL)
    assert body
    assert " ".join(body[1].split()) == COUNTED


# What dbt and dbt-duckdb call by these names; others are those of an adapter or a venue.
CALLED_BY_NAME = {"generate_schema_name", "py_write_table"}


def test_every_macro_is_called() -> None:
    texts = "\n".join(path.read_text() for path in DBT_PROJECT.glob("m*/**/*.sql"))
    names = set(re.findall(r"\{%-? *macro +(\w+)", texts)) - CALLED_BY_NAME
    uncalled = {name for name in names if len(re.findall(rf"\b{name}\b", texts)) == 1}
    assert {name for name in uncalled if "__" not in name} == set()
