# Two commands: `make demo` and `make test`. Each sets up what it needs; all it takes is Python 3.11
# or 3.12 and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# The system's certificates, as pip and the rest of the machine use them.
UV = $(BIN)/uv pip install --quiet --system-certs --python $(BIN)/python

# Where Python is told to write no bytecode, each start of dbt or Airflow compiles it all again.
export PYTHONDONTWRITEBYTECODE =

.PHONY: setup demo test lint bench clean

setup: $(READY)

# uv installs in seconds; the lock pins every package with its hash.
$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
	$(UV) --no-deps --require-hashes -r requirements.lock
	$(UV) --no-deps --editable .
	touch $(READY)

demo: $(READY)
	$(BIN)/unwind demo

test: $(READY)
	sh tests/system_packages.sh
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python tests/lint_sql.py
	$(BIN)/python tests/lint_security.py

bench: $(READY)
	$(BIN)/python -m tests.benchmarks

clean:
	rm -rf $(VENV) data dbt_project/target dbt_project/logs
