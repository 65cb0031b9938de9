"""The README and docs/ name only things that exist, and describe them correctly."""

from __future__ import annotations

import json
import re
import shlex
from functools import cache
from pathlib import Path

import duckdb
import pytest
import typer
import yaml
from typer.testing import CliRunner

from unwind.cli import app
from unwind.landing.formats import formats, venue_of_format
from unwind.settings import Home

PROJECT = Path(__file__).resolve().parents[1]
DBT = PROJECT / "dbt_project"
README = PROJECT / "README.md"
PAGES = sorted([README, *PROJECT.glob("[CS]*.md"), *(PROJECT / "docs").rglob("*.md")])


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def page_name(path: Path) -> str:
    return str(path.relative_to(PROJECT))


def code_of(page: str) -> list[str]:
    """The page's code, spans and fenced lines."""
    fenced = re.findall(r"^```[^\n]*\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    rest = re.sub(r"^```.*?^```$", "", page, flags=re.MULTILINE | re.DOTALL)
    lines = [line for block in fenced for line in block.splitlines()]
    return lines + re.findall(r"`([^`\n]+)`", rest)


def section(page: str, heading: str) -> str:
    return re.split(r"^## ", page.split(f"\n## {heading}\n")[1], maxsplit=1, flags=re.MULTILINE)[0]


def table_rows(part: str) -> list[list[str]]:
    """The cells of every table row in a part of a page, without headers and rulers."""
    lines = [line for line in part.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))] for line in lines]
    ruled = [place for place, row in enumerate(cells) if set("".join(row)) <= set("-:")]
    heads = {place - 1 for place in ruled} | set(ruled)
    return [row for place, row in enumerate(cells) if place not in heads]


@cache
def commands() -> dict[str, set[str]]:
    """Every command of `unwind`, with its options."""
    group = typer.main.get_command(app)
    return {
        name: {option for parameter in command.params for option in parameter.opts}
        for name, command in group.commands.items()
    }


@cache
def mart_descriptions() -> dict[str, str]:
    ymls = [yaml.safe_load(text_of(path)) for path in (DBT / "models" / "marts").rglob("*.yml")]
    return {
        model["name"]: " ".join(model["description"].split())
        for yml in ymls
        for model in yml["models"]
    }


@pytest.mark.parametrize("path", PAGES, ids=page_name)
def test_links_lead_to_files(path):
    links = re.findall(r"\]\(([^)\s]+)\)", text_of(path))
    missing = [
        link
        for link in links
        if not link.startswith(("http://", "https://", "#"))
        and not (path.parent / link.split("#")[0]).exists()
    ]
    assert missing == []


@pytest.mark.parametrize("path", PAGES, ids=page_name)
def test_no_page_names_a_path_of_one_machine(path):
    assert re.findall(r"(?<![\w.])/(?:work|root|tmp|home|Users)/\S*", text_of(path)) == []


@pytest.mark.parametrize("path", PAGES, ids=page_name)
def test_commands_that_pages_name_exist(path):
    named = {
        word
        for code in code_of(text_of(path))
        for word in re.findall(r"(?:^|[\s/])unwind ([a-z][a-z-]*)\b(?!\.)", code)
    }
    assert named <= set(commands())


def test_the_readme_lists_every_command_and_help_does_too():
    rows = table_rows(section(text_of(README), "Commands"))
    listed = [re.match(r"`unwind ([a-z-]+)", row[0])[1] for row in rows]
    assert sorted(listed) == sorted(commands())
    shown = CliRunner().invoke(app, ["--help"]).output
    assert [name for name in listed if not re.search(rf"^\W*{name} ", shown, re.MULTILINE)] == []


def test_options_that_the_readme_names_are_options_of_that_command():
    for row in table_rows(section(text_of(README), "Commands")):
        name = re.match(r"`unwind ([a-z-]+)", row[0])[1]
        options = set(re.findall(r"--[a-z-]+", " ".join(row)))
        assert options <= commands()[name], name


def test_make_targets_that_pages_name_exist():
    targets = set(re.findall(r"^([a-z-]+):", text_of(PROJECT / "Makefile"), re.MULTILINE))
    named = {
        word
        for path in PAGES
        for code in code_of(text_of(path))
        for word in re.findall(r"^make ([a-z-]+)", code)
    }
    assert {"demo", "test"} <= named <= targets


def test_variables_that_pages_name_are_read_somewhere():
    code = "".join(
        text_of(path)
        for path in [
            *(PROJECT / "dags").rglob("*.py"),
            PROJECT / "docker-compose.yml",
            *(PROJECT / "tests" / "bi").glob("*.py"),
            *(PROJECT / "tests" / "benchmarks").glob("*.py"),
        ]
    )
    named = {name for path in PAGES for name in re.findall(r"\bUNWIND_[A-Z_]+", text_of(path))}
    assert {name for name in named if name not in code} == set()


def test_the_readme_lists_every_mart_once():
    listed = [row[0].strip("`") for row in table_rows(section(text_of(README), "Tables"))]
    assert sorted(name for name in listed if not name.startswith("**")) == sorted(
        mart_descriptions()
    )


@pytest.mark.parametrize("mart", sorted(mart_descriptions()))
def test_a_marts_grain_in_the_readme_is_its_descriptions(mart):
    rows = {row[0]: row[1] for row in table_rows(section(text_of(README), "Tables"))}
    described = mart_descriptions()[mart]
    grain = f"One row per {rows[f'`{mart}`']}"
    assert described.startswith(grain)
    # The cell may be shorter than the description, but must end with a clause.
    assert described[len(grain) :][:1] in {"", ".", ",", ";", ":"}, described


def test_the_readme_lists_every_import_format_and_its_venues():
    rows = {
        row[0].strip("`"): row
        for row in table_rows(section(text_of(README), "Importing recorded files"))
    }
    assert sorted(rows) == sorted(formats())
    for name in formats():
        venue = venue_of_format(name)
        assert venue is None or rows[name][2] == venue


def test_the_readme_lists_the_formats_that_no_model_reads():
    rows = {
        row[0].strip("`"): row
        for row in table_rows(section(text_of(README), "Importing recorded files"))
    }
    sql = "".join(text_of(path) for path in DBT.rglob("*.sql") if "target" not in path.parts)
    unread = {name for name in formats() if f"'{name}'" not in sql}
    assert {name for name, row in rows.items() if "no model reads it yet" in row[1]} == unread


@pytest.mark.parametrize(
    ("page", "heading"), [("semantics.md", "By venue"), ("add-a-venue.md", "Evidence")]
)
def test_every_venue_has_its_row(page: str, heading: str) -> None:
    venues = yaml.safe_load(text_of(DBT / "dbt_project.yml"))["vars"]["venues"]
    rows = table_rows(section(text_of(PROJECT / "docs" / page), heading))
    assert [row[0].lower().replace(" ", "_") for row in rows] == venues


def test_semantics_has_every_event_kind():
    rows = table_rows(section(text_of(PROJECT / "docs" / "semantics.md"), "Event kinds"))
    [contract] = yaml.safe_load(text_of(DBT / "models/marts/core/fct_liquidations.yml"))["models"]
    [kinds] = [
        one["accepted_values"]["arguments"]["values"]
        for column in contract["columns"]
        if column["name"] == "event_kind"
        for one in column["data_tests"]
        if "accepted_values" in one
    ]
    assert sorted(kind for row in rows for kind in re.findall(r"`(\w+)`", row[0])) == sorted(kinds)


def test_semantics_has_every_reason_for_which_a_liquidation_is_rejected():
    files = [
        *(DBT / "models" / "staging").glob("*/stg_*__liquidations.sql"),
        DBT / "macros" / "staged_liquidations.sql",
        DBT / "macros" / "message_rows.sql",
        DBT / "models" / "intermediate" / "int_liquidations_valued.sql",
        DBT / "models" / "intermediate" / "int_liquidation_grains.sql",
    ]
    given = set()
    for path in files:
        for before in re.split(r"as reject_reason", text_of(path))[:-1]:
            start = r"^ *(?:case|coalesce\()(?: when.*)?$|^ *(?:case|coalesce\()(?= ?\w)"
            expression = re.split(start, before, flags=re.MULTILINE)[-1]
            given |= set(re.findall(r"\bthen '(\w+)'", expression))
            given |= set(re.findall(r"'(\w+)', null\b", expression))
    part = section(text_of(PROJECT / "docs" / "semantics.md"), "What is left out, and why")
    documented = {reason for row in table_rows(part) for reason in re.findall(r"`(\w+)`", row[0])}
    # The sides in OKX's contradiction check are not reasons.
    assert documented == given - {"long", "short"}


def test_semantics_has_every_reason_for_which_an_observation_is_quarantined():
    macros = ("staged_observations", "staged_bars", "screened_observations")
    files = [
        *(DBT / "models" / "intermediate").glob("int_*_screened.sql"),
        *(DBT / "macros" / f"{name}.sql" for name in macros),
    ]
    given = set()
    for path in files:
        if path.stem != "int_liquidations_screened":
            given |= set(re.findall(r"\bthen '([a-z_]+)'", text_of(path)))
            # A key followed by a rule for numbers is a column, not a reason.
            key = r"^ {8,12}'([a-z_]+)':(?! '(?:positive|not_negative|rate)')"
            given |= set(re.findall(key, text_of(path), flags=re.MULTILINE))
    heading = "How observations are named and screened"
    part = section(text_of(PROJECT / "docs" / "semantics.md"), heading)
    documented = {reason for row in table_rows(part) for reason in re.findall(r"`(\w+)`", row[0])}
    assert len(given) > 20
    assert given - documented == set()


@pytest.mark.parametrize("path", PAGES, ids=page_name)
def test_models_that_pages_name_exist(path):
    """Pages must not name removed models; CHANGELOG.md may, as it is about the past."""
    known = {one.stem for kind in ("*.sql", "*.py", "*.csv") for one in DBT.rglob(kind)}
    named = {
        word
        for code in re.findall(r"`([^`\n]+)`", text_of(path))
        for word in re.findall(
            r"(?<![\w/<])(?:stg|int|fct|dim)_[a-z0-9_]*[a-z0-9](?!\w|[<*])", code
        )
    }
    assert path.name == "CHANGELOG.md" or named - known == set()
    assert "coverage mart" not in text_of(path).replace("coverage marts", "")


def a_demo_is_published() -> bool:
    home = Home.from_env()
    return home.is_simulated and (home.current / "warehouse.duckdb").is_file()


if a_demo_is_published():

    def test_the_output_shown_is_the_demos():
        home = Home.from_env()
        [(command, shown)] = re.findall(
            r"```sh\n(\.venv/bin/unwind sql \"[^\n]*)\n```\n\n<!--[^\n]*-->\n```text\n(.*?)```",
            text_of(README),
            re.DOTALL,
        )
        words = shlex.split(command)[1:]
        answered = CliRunner().invoke(app, [*words, "--format", "json"])
        cells = [re.split(r"\s*[│]\s*", line.strip()) for line in shown.splitlines()[2:]]
        expected = [[str(cell) for cell in row.values()] for row in json.loads(answered.output)]
        assert cells == expected, (
            f"{home.root} was built by other code than the README's output: run the demo in an"
            " empty home, and paste what it answers now"
        )


def test_the_readmes_queries_fit_the_contracts():
    """Each query binds against empty tables of the contracts' columns."""
    queries = [
        words[-1]
        for code in code_of(text_of(README))
        if code.startswith(".venv/bin/unwind sql ")
        for words in [shlex.split(code)]
    ]
    assert len(queries) == 2
    with duckdb.connect() as connection:
        connection.execute("create schema marts; set schema = 'marts'")
        for path in (DBT / "models" / "marts").rglob("*.yml"):
            for model in yaml.safe_load(text_of(path))["models"]:
                columns = ", ".join(f"{one['name']} {one['data_type']}" for one in model["columns"])
                connection.execute(f"create table {model['name']} ({columns})")
        for query in queries:
            assert connection.execute(query).fetchall() == []
