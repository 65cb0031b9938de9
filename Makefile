# Two commands: `make demo` and `make test`. Each sets up what it needs; all it takes is Python 3.11
# or 3.12 and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# The system's certificates, as pip and the rest of the machine use them.
UV = $(BIN)/uv pip install --quiet --system-certs --python $(BIN)/python

# With PYTHONDONTWRITEBYTECODE set, each start of dbt or Airflow compiles everything again.
export PYTHONDONTWRITEBYTECODE =

.PHONY: setup demo test coverage pages chaos fuzz lint lint-code lint-sql lint-security bench calibration memory suites dbt docs superset superset-test connections-test spark spark-test spark-demo celery-test clean

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
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

# Every command that README and docs/ print, as printed.
pages: $(READY)
	UNWIND_LONG=all $(BIN)/python -m pytest tests/test_doc_commands.py

# Kills, full disks, damaged files, clocks and upgrades, at each step: an hour or two.
chaos: $(READY)
	UNWIND_CHAOS=all UNWIND_LONG=all $(BIN)/python -m pytest --numprocesses 2 --dist loadfile tests/chaos \
		tests/bi/test_readers.py tests/landing/test_killed_landing.py \
		tests/warehouse/test_doctor.py tests/warehouse/test_releases.py tests/warehouse/test_reproduction.py \
		tests/warehouse/test_spine.py tests/warehouse/test_divided_builds.py tests/warehouse/test_ways_out.py

# RECENT=12: of the SQL, only the models that were committed last; all of it takes five minutes.
# With `--jobs 2 --output-sync` its parts run side by side.
lint: lint-code lint-sql lint-security

lint-code: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lint-sql: $(READY)
	$(BIN)/python tests/lint_sql.py $(if $(RECENT),--recent $(RECENT))

lint-security: $(READY)
	$(BIN)/python tests/lint_security.py

# All tests, with the share of the package's lines that they run; it fails below the floor.
coverage: $(READY)
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder --cov --cov-report=term:skip-covered

# After a change of a mart's yml, of dbt_project/metrics.yml or of expectations/sql.
suites: $(READY)
	$(BIN)/python -m unwind.warehouse.suites
	$(BIN)/python -m unwind.warehouse.dictionary

# ARGS="compile -s leverage_hourly": any command of dbt, on the home's warehouse.
dbt: $(READY)
	@$(BIN)/python -m unwind.warehouse.dbt_by_hand $(ARGS)

# The project's models, columns, tests and lineage as one page: target/docs/static_index.html.
docs: $(READY)
	$(BIN)/python -m unwind.warehouse.dbt_by_hand docs generate --static --target-path "$(CURDIR)/target/docs"

# RECORDS=1000000 SEED=1: mutated records of every format, refreshed; the counts of what was found.
fuzz: $(READY)
	nice $(BIN)/python -m tests.fuzz $(if $(RECORDS),--records $(RECORDS)) $(if $(SEED),--seed $(SEED))

bench: $(READY)
	$(BIN)/python -m tests.benchmarks

# How often the intervals of estimates hold the truth: docs/coverage.md, its picture, and the seed
# behind coverage_calibration; two minutes. Then those of branching ratios (five) and how often the class
# of an unwinding is its mechanism's (two): docs/episodes.md. Then what the liquidation map's grades find
# with skill and without: docs/liquidation-map.md; three. Then how often the stress scorecard finds what
# is not there: docs/scorecard.md; three.
calibration: $(READY)
	$(BIN)/python -m tests.simulations.interval_measures
	$(BIN)/python -m tests.simulations.hawkes_intervals
	$(BIN)/python -m tests.simulations.unwinding
	$(BIN)/python -m tests.simulations.liquidation_map
	$(BIN)/python -m tests.simulations.stress_markets
	$(BIN)/python -m tests.simulations.lead_lag

# A day of eight million frames in 2 GiB: a quarter of an hour, and 25 GB of disk.
memory: $(READY)
	$(BIN)/python -m tests.benchmarks memory

SUPERSET := .superset
SUPERSET_LOCK := dags/unwind/superset/requirements.lock

# Superset, in an environment of its own, with a dashboard of the current release (docs/bi.md).
superset: $(SUPERSET)/.ready
	$(BIN)/python -m unwind.superset.serve

# A running Superset is asked for every chart, before and after a release: five minutes.
superset-test: $(SUPERSET)/.ready
	UNWIND_LONG=all $(BIN)/python -m pytest tests/bi/test_superset.py

# DuckDB 1.4 and Jupyter, in environments of their own, read a release as docs/bi.md has it: a minute.
connections-test: $(READY)
	UNWIND_LONG=all $(BIN)/python -m pytest tests/bi/test_connections.py

SPARK := .spark
SPARK_LOCK := dags/unwind/spark/requirements.lock

# Spark, in an environment of its own, for `unwind refresh --target spark` (docs/spark.md); it needs Java 17.
spark: $(SPARK)/.ready

# Three hours are built on Spark and on DuckDB, corrected, and compared; builds are killed: an hour.
spark-test: $(SPARK)/.ready
	UNWIND_LONG=all $(BIN)/python -m pytest tests/spark

# What `make demo` landed is built on both, corrected twice, and compared: an hour.
# WORKERS=2: on a standalone cluster on loopback, of a master and so many workers.
WORKERS ?= 0
spark-demo: $(SPARK)/.ready
	$(BIN)/python -m tests.spark.demo --workers $(WORKERS) data target/spark-demo

CELERY := .celery

# Workers of Celery are killed in a refresh (docs/scale.md), with Redis and PostgreSQL on loopback: ten minutes.
celery-test: $(CELERY)/.ready
	sh tests/system_packages.sh
	command -v redis-server >/dev/null || { apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends redis-server >/dev/null; }
	UNWIND_LONG=all $(CELERY)/bin/python -m pytest tests/dags/test_celery.py

# As the Dockerfile's stage of that name has it.
$(CELERY)/.ready: requirements.lock requirements-celery.lock pyproject.toml | $(READY)
	$(PYTHON) -m venv $(CELERY)
	$(BIN)/uv pip install --quiet --system-certs --python $(CELERY)/bin/python --no-deps --require-hashes -r requirements.lock
	$(BIN)/uv pip install --quiet --system-certs --python $(CELERY)/bin/python --no-deps --require-hashes -r requirements-celery.lock
	$(BIN)/uv pip install --quiet --system-certs --python $(CELERY)/bin/python --no-deps --editable .
	touch $@

$(SPARK)/.ready: $(SPARK_LOCK) | $(READY)
	$(PYTHON) -m venv $(SPARK)
	$(BIN)/uv pip install --quiet --system-certs --python $(SPARK)/bin/python --no-deps --require-hashes -r $(SPARK_LOCK)
	touch $@

$(SUPERSET)/.ready: $(SUPERSET_LOCK) | $(READY)
	$(PYTHON) -m venv $(SUPERSET)
	$(BIN)/uv pip install --quiet --system-certs --python $(SUPERSET)/bin/python --no-deps --require-hashes -r $(SUPERSET_LOCK)
	touch $@

clean:
	rm -rf $(VENV) $(SUPERSET) $(SPARK) $(CELERY) data target dbt_project/target dbt_project/logs
