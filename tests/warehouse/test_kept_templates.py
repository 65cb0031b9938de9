"""dbt takes compiled templates from beside the parsed project, and compiles what is not there."""

from __future__ import annotations

import marshal
import pickle
from types import SimpleNamespace

import pytest
from dbt.artifacts.resources.types import NodeType
from dbt_common.clients import jinja

from unwind.warehouse import kept_templates


@pytest.fixture(autouse=True)
def restored(monkeypatch):
    monkeypatch.setattr(jinja.MacroFuzzEnvironment, "compile", jinja.MacroFuzzEnvironment.compile)


def rendered(source, native=False):
    return jinja.get_template(source, {}, native=native).render({"hours": 24})


def node(**columns):
    return SimpleNamespace(**columns)


def test_models_in_sql_and_all_macros_are_kept(tmp_path):
    macro = "{% macro duckdb__create_table_as() %}{% endmacro %}"
    nodes = {
        "model": node(resource_type=NodeType.Model, language="sql", raw_code="select {{ hours }}"),
        "in_python": node(
            resource_type=NodeType.Model,
            language="python",
            raw_code="def model(dbt, session): ...",
        ),
        "seed": node(resource_type=NodeType.Seed),
    }
    # Nothing calls it by its name: dbt chooses it for the adapter.
    macros = {"macro.dbt_duckdb.duckdb__create_table_as": node(macro_sql=macro)}
    parsed = tmp_path / "parsed-1.pickle"
    (tmp_path / "templates-0.pickle").touch()
    kept_templates.keep(parsed, SimpleNamespace(nodes=nodes, macros=macros))
    assert [path.name for path in tmp_path.iterdir()] == ["templates-1.pickle"]
    kept = pickle.loads((tmp_path / "templates-1.pickle").read_bytes())
    assert set(kept) == {"select {{ hours }}", macro}
    kept_templates.use(parsed)
    assert rendered("select {{ hours }}") == "select 24"


def test_what_is_kept_is_taken_and_all_else_is_compiled(tmp_path):
    # Of another text, so that it shows where it comes from.
    code = marshal.dumps(jinja.get_environment().compile("kept: {{ hours }}"))
    (tmp_path / "templates-1.pickle").write_bytes(pickle.dumps({"select {{ hours }}": code}))
    kept_templates.use(tmp_path / "parsed-1.pickle")
    assert rendered("select {{ hours }}") == "kept: 24"
    assert rendered("select {{ hours }} + 1") == "select 24 + 1"
    # An environment that keeps Python's types runs other code.
    assert rendered("{{ hours }}", native=True) == 24
    assert rendered("select {{ hours }}", native=True) == "select 24"


@pytest.mark.parametrize("kept", [None, b"", b"not a pickle"])
def test_without_a_usable_file_everything_is_compiled(tmp_path, kept):
    if kept is not None:
        (tmp_path / "templates-1.pickle").write_bytes(kept)
    kept_templates.use(tmp_path / "parsed-1.pickle")
    assert rendered("select {{ hours }}") == "select 24"


def test_a_folder_that_cannot_be_written_to_keeps_nothing(tmp_path):
    parsed = tmp_path / "file" / "parsed-1.pickle"
    parsed.parent.touch()
    kept_templates.keep(parsed, SimpleNamespace(nodes={}, macros={}))
    kept_templates.use(parsed)
    assert rendered("select {{ hours }}") == "select 24"
