"""The profiles `celery` and `spark` of docker-compose.yml."""

from __future__ import annotations

import os
import re
import subprocess

import pytest
import yaml
from tests.dags.composing import LONG_RUNNING, PROJECT, SECRETS, SPARK, docker_compose

from unwind.settings import Settings

BROKER = "of-the-broker"


def test_celery_runs_tasks_only_where_its_stage_is_asked_for(tmp_path, compose):
    text = (PROJECT / "Dockerfile").read_text()
    executors = re.findall(r"^ENV AIRFLOW__CORE__EXECUTOR=(\w+)$", text, flags=re.MULTILINE)
    assert executors == ["LocalExecutor", "CeleryExecutor"]
    for name in LONG_RUNNING:
        assert compose["services"][name]["image"] == "unwind-airflow"
        # The image's alone decides.
        assert "AIRFLOW__CORE__EXECUTOR" not in compose["services"][name]["environment"]
    asked = SECRETS | {"UNWIND_STAGE": "celery", "UNWIND_REDIS_PASSWORD": BROKER}
    shown = docker_compose(tmp_path, asked, "--profile", "celery", "config")
    assert shown.returncode == 0, shown.stderr
    services = yaml.safe_load(shown.stdout)["services"]
    for name in (*LONG_RUNNING, "airflow-init", "worker"):
        assert services[name]["image"] == "unwind-celery"
        assert services[name]["build"]["target"] == "celery"
        broker = services[name]["environment"]["AIRFLOW__CELERY__BROKER_URL"]
        assert broker == f"redis://:{BROKER}@redis:6379/0"
    seeing = {name for name, one in services.items() if BROKER in str(one)}
    assert seeing == {*LONG_RUNNING, "airflow-init", "worker", "redis"}


def test_a_worker_takes_every_task_of_the_refresh(compose, divided):
    worker = compose["services"]["worker"]
    queues = worker["command"][worker["command"].index("--queues") + 1].split(",")
    assert {task.queue for task in divided.tasks} == set(queues) == {"default", "units"}
    assert divided.get_task("build_unit").queue == "units"
    assert worker["command"][:3] == ["celery", "worker", "--skip-serve-logs"]
    # It waits for running tasks when it is stopped, and needs its broker.
    assert worker["environment"]["DUMB_INIT_SETSID"] == "0"
    assert worker["depends_on"]["redis"] == {"condition": "service_healthy"}
    logs = compose["services"]["api-server"]["environment"]["AIRFLOW__LOGGING__BASE_LOG_FOLDER"]
    assert worker["environment"]["AIRFLOW__LOGGING__BASE_LOG_FOLDER"] == logs


def as_its_service_starts_it(service, folder, secrets):
    """The shell's part of a service's start; the programs that it begins are replaced by `cat`."""
    server = folder / "redis-server"
    server.write_text("#!/bin/sh\nexec cat\n")
    server.chmod(0o755)
    started = [*service.get("entrypoint", []), *service["command"]]
    if "entrypoint" in service:
        started = [*service["entrypoint"], "cat", str(folder / "spark-defaults.conf")]
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "SPARK_CONF_DIR": str(folder)}
    return subprocess.run(
        [one.replace("$$", "$") for one in started],
        env=environment | secrets,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_broker_has_a_password_and_keeps_nothing(compose, tmp_path):
    redis = compose["services"]["redis"]
    with_password = as_its_service_starts_it(redis, tmp_path, {"REDISCLI_AUTH": BROKER})
    assert with_password.stdout.splitlines() == [
        f"requirepass {BROKER}",
        "maxmemory 128mb",
        "maxmemory-policy noeviction",
        'save ""',
    ]
    without = as_its_service_starts_it(redis, tmp_path, {"REDISCLI_AUTH": ""})
    assert without.returncode != 0
    assert "set UNWIND_REDIS_PASSWORD in .env, see docs/operations.md" in without.stderr
    assert redis["user"] == "redis"
    # Fails where the server answers with an error.
    assert redis["healthcheck"]["test"] == ["CMD", "redis-cli", "-e", "ping"]


@pytest.mark.parametrize("name", SPARK)
def test_spark_takes_orders_only_from_those_who_have_its_secret(compose, tmp_path, name):
    service = compose["services"][name]
    done = as_its_service_starts_it(service, tmp_path, {"UNWIND_SPARK_SECRET": "spark-secret"})
    assert done.stdout.splitlines() == [
        "spark.authenticate true",
        "spark.authenticate.secret spark-secret",
        "spark.network.crypto.enabled true",
        "spark.master.rest.enabled false",
        "spark.ui.killEnabled false",
    ]
    written = tmp_path / "spark-defaults.conf"
    assert written.stat().st_mode & 0o777 == 0o600
    without = as_its_service_starts_it(service, tmp_path, {"UNWIND_SPARK_SECRET": ""})
    assert without.returncode != 0
    assert "set UNWIND_SPARK_SECRET in .env, see docs/operations.md" in without.stderr
    # Written into memory, and not to be seen among arguments.
    assert service["environment"]["SPARK_CONF_DIR"].startswith("/tmp/")
    assert "UNWIND_SPARK_SECRET" not in str(service["command"])


def test_spark_refreshes_the_home_that_its_workers_see(compose):
    services = compose["services"]
    for name in SPARK:
        assert services[name]["environment"]["UNWIND_HOME"] == "/var/lib/unwind"
        mounts = {
            volume.split(":")[1]: volume for volume in services[name]["volumes"] if ":" in volume
        }
        assert mounts.pop("/var/lib/unwind") == "unwind-data:/var/lib/unwind:rw"
        assert all(volume.endswith(":ro") for volume in mounts.values())
        # Java's libraries are unpacked and loaded there.
        assert services[name]["tmpfs"] == ["/tmp:exec"]
    refresh = services["refresh-spark"]
    assert refresh["command"] == ["unwind", "refresh"]
    assert refresh["restart"] == "no"
    asked = Settings(refresh["environment"])
    assert (asked.target, asked.spark_memory) == ("spark", "2g")
    assert asked.spark_master == "spark://spark-master:7077"
    master = services["spark-master"]["command"]
    address = master[master.index("--host") + 1], master[master.index("--port") + 1]
    assert address == ("spark-master", "7077")
    for name in ("spark-worker", "spark-worker-2"):
        worker = services[name]["command"]
        assert worker[-1] == asked.spark_master
        # An executor of 3 GB fits into what a worker gives.
        assert worker[worker.index("--memory") + 1] == "4g"
        # Not the root, and not the memory of /tmp.
        assert services[name]["environment"]["SPARK_LOCAL_DIRS"] == "/var/lib/spark"
        assert "/var/lib/spark" in services[name]["volumes"]
        assert refresh["depends_on"][name] == {"condition": "service_healthy"}
    assert asked.spark_options == {"spark.executor.memory": "3g"}
