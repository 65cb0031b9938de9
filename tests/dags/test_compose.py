"""docker-compose.yml: valid, reachable only from this machine, and without built-in secrets."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
import yaml
from tests.dags.composing import LONG_RUNNING, PROJECT, SECRETS, SPARK, docker_compose
from tests.warehouse.corrected_hours import landed
from tests.warehouse.hand_made import seal

from unwind.connections import connection, connection_variable
from unwind.settings import Home
from unwind.spark import build
from unwind.superset import serve
from unwind.venues import venues


@pytest.fixture(scope="module")
def marts_service(tmp_path_factory):
    """The server of the profile `postgres`, as docker-compose resolves it."""
    passwords = {"UNWIND_MARTS_PASSWORD": "owner-secret", "UNWIND_READER_PASSWORD": "reader-secret"}
    folder = tmp_path_factory.mktemp("profile")
    shown = docker_compose(folder, SECRETS | passwords, "--profile", "postgres", "config")
    assert shown.returncode == 0, shown.stderr
    services = yaml.safe_load(shown.stdout)["services"]
    seeing = [name for name, service in services.items() if "reader-secret" in str(service)]
    assert seeing == ["marts"]
    return services["marts"]


def test_docker_compose_takes_the_file(tmp_path):
    checked = docker_compose(tmp_path, SECRETS, "config", "--quiet")
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize("name", SECRETS)
def test_a_missing_secret_is_named_with_where_to_set_it(tmp_path, name):
    others = {other: value for other, value in SECRETS.items() if other != name}
    checked = docker_compose(tmp_path, others, "config", "--quiet")
    assert checked.returncode == 1
    assert f"set {name} in .env, see docs/operations.md" in checked.stderr


def test_the_services(compose):
    started = {name for name, one in compose["services"].items() if not one.get("profiles")}
    assert started == {
        "postgres",
        "airflow-init",
        "api-server",
        "scheduler",
        "dag-processor",
        "triggerer",
        "recorder",
    }


def test_the_profiles_and_what_each_adds(compose):
    found = {}
    for name, service in compose["services"].items():
        for profile in service.get("profiles", []):
            found.setdefault(profile, set()).add(name)
    assert found == {
        "postgres": {"marts"},
        "page": {"page"},
        "superset": {"superset"},
        "object-storage": {"push"},
        "celery": {"redis", "worker"},
        "spark": {"spark-master", "spark-worker", "spark-worker-2"},
        # Asked for by its own name: `up` with the profile `spark` does not start it.
        "refresh-spark": {"refresh-spark"},
    }


def test_only_the_api_server_is_reachable_and_only_from_this_machine(compose):
    ports = {name: service.get("ports", []) for name, service in compose["services"].items()}
    assert ports.pop("api-server") == ["127.0.0.1:8080:8080/tcp"]
    # Of profiles; they are asked for.
    assert ports.pop("marts") == ["127.0.0.1:5433:5432/tcp"]
    assert ports.pop("page") == ["127.0.0.1:8081:8081/tcp"]
    assert ports.pop("superset") == ["127.0.0.1:8088:8088/tcp"]
    assert set(map(tuple, ports.values())) == {()}


@pytest.mark.parametrize("service", [*LONG_RUNNING, "worker"])
def test_every_component_is_watched_and_starts_after_its_preparation(compose, service):
    described = compose["services"][service]
    assert described["healthcheck"]["test"][0] == "CMD"
    prepared = {"condition": "service_completed_successfully"}
    assert described["depends_on"]["airflow-init"] == prepared


def test_readers_have_a_server_of_their_own_on_loopback(marts_service, compose):
    assert marts_service["profiles"] == ["postgres"]
    assert marts_service["ports"] == ["127.0.0.1:5433:5432/tcp"]
    assert marts_service["image"] == compose["services"]["postgres"]["image"]
    assert marts_service["read_only"] is True
    assert marts_service["cap_drop"] == ["ALL"]
    assert marts_service["security_opt"] == ["no-new-privileges:true"]
    assert marts_service["cap_add"] == compose["services"]["postgres"]["cap_add"]
    scripts = [volume for volume in marts_service["volumes"] if "initdb.d" in volume]
    assert [Path(one.split(":")[0]).name for one in scripts] == ["roles.sql", "private_server.sql"]
    for one in scripts:
        assert (PROJECT / "postgres" / Path(one.split(":")[0]).name).is_file()
        assert one.endswith(":ro")


def test_the_page_is_served_as_its_service_starts_it(compose, tmp_path):
    service = compose["services"]["page"]
    assert service["profiles"] == ["page"]
    assert "POSTGRES_PASSWORD" not in service["environment"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [*service["entrypoint"], *service["command"]]
    assert command[0] == "python"
    stated = [sys.executable, *command[1:-1], str(port)]
    stated[stated.index("0.0.0.0")] = "127.0.0.1"
    server = subprocess.Popen(stated, env={**os.environ, "UNWIND_HOME": str(tmp_path)})
    try:
        for _ in range(100):
            try:
                answer = httpx.get(f"http://127.0.0.1:{port}/")
                break
            except httpx.TransportError:
                time.sleep(0.2)
        # Without a release; tests/page has the page itself.
        assert answer.status_code == 404
        assert "There is no page yet" in answer.text
    finally:
        server.terminate()
        assert server.wait(10) == 0


def test_superset_reads_the_home_and_writes_to_a_volume_of_its_own(compose):
    service = compose["services"]["superset"]
    assert service["profiles"] == ["superset"]
    assert service["environment"] == {"UNWIND_HOME": "/var/lib/unwind"}
    mounts = [volume.partition(":")[2] for volume in service["volumes"]]
    assert "/var/lib/unwind:ro" in mounts
    assert [mount for mount in mounts if not mount.endswith(":ro")] == ["/var/lib/superset:rw"]
    state = service["command"].index("--state") + 1
    assert service["command"][state] == "/var/lib/superset"


def test_the_images_are_stages_of_the_projects_file_each_from_its_lock(compose):
    text = (PROJECT / "Dockerfile").read_text()
    built = {name: one["build"] for name, one in compose["services"].items() if "build" in one}
    assert built.pop("superset")["target"] == "superset"
    assert built.pop("worker")["target"] == "celery"
    for name in SPARK:
        assert built.pop(name) == {
            "context": str(PROJECT),
            "target": "spark",
            "args": {"AIRFLOW_UID": "50000"},
        }
    assert {one["target"] for one in built.values()} == {"airflow"}
    _, of_airflow, of_celery, of_spark, of_superset = re.split(
        r"^FROM (?=.* AS \w+$)", text, flags=re.MULTILINE
    )
    assert "-r /opt/unwind/requirements.lock" in of_airflow
    assert of_celery.startswith("airflow AS celery")
    assert "-r /opt/unwind/requirements-celery.lock" in of_celery
    assert "COPY --chown=airflow:0 dags/unwind/spark/requirements.lock" in of_spark
    assert "openjdk-17-jre-headless" in of_spark
    assert "COPY --chown=airflow:0 dags/unwind/superset/requirements.lock" in of_superset
    # Where unwind.spark.build and unwind.superset.serve look for them.
    assert "python -m venv /opt/unwind/.spark" in of_spark
    assert build.OWN_ENVIRONMENT == PROJECT / ".spark"
    assert "python -m venv /opt/unwind/.superset" in of_superset
    assert serve.ENVIRONMENT == PROJECT / ".superset"
    assert text.count("--require-hashes") == 4
    # What is copied is not ignored.
    ignored = (PROJECT / ".dockerignore").read_text().splitlines()
    assert {"!requirements.lock", "!requirements-celery.lock", "!dags/unwind"} <= set(ignored)


def test_superset_without_a_release_is_one_sentence_as_its_service_starts_it(compose, tmp_path):
    service = compose["services"]["superset"]
    command = [sys.executable, *service["entrypoint"][1:], *service["command"]]
    command[command.index("/var/lib/superset")] = str(tmp_path / "state")
    home = tmp_path / "home"
    environment = {**os.environ, "UNWIND_HOME": str(home)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("unwind: ")
    assert "Traceback" not in done.stderr


def test_the_home_is_pushed_as_its_service_starts_it(compose, tmp_path):
    service = compose["services"]["push"]
    assert service["profiles"] == ["object-storage"]
    assert service["environment"].keys() == {"UNWIND_HOME", "UNWIND_STORE"}
    assert not service.get("depends_on")
    command = [sys.executable, *service["entrypoint"][1:], *service["command"]]
    failed = tmp_path / "push-failed"
    command[command.index("/tmp/push-failed")] = str(failed)
    home, store = Home(tmp_path / "home"), tmp_path / "store"
    # An hour of two venues: an object and a file of landings each, and the hour's seal.
    landed(home, 9)
    seal(home, 9)
    home.identity.write_text("as the first build writes it")
    environment = {**os.environ, "UNWIND_HOME": str(home.root), "UNWIND_STORE": f"file://{store}"}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as service_process:
        try:
            printed = service_process.stdout.readline()
        finally:
            service_process.terminate()
        assert service_process.wait(10) == 0
    assert printed == f"file://{store} has the raw zone (5 of 5 files new) and no release yet.\n"
    objects = [path for path in home.raw_objects.rglob("*") if path.is_file()]
    assert len(objects) == 2
    for path in objects:
        assert (store / path.relative_to(home.root)).read_bytes() == path.read_bytes()
    # What its health check asks for: the last push has not failed.
    assert service["healthcheck"]["test"] == ["CMD", "test", "!", "-e", "/tmp/push-failed"]
    assert not failed.exists()


def test_without_a_place_the_push_service_names_the_setting(compose, tmp_path):
    service = compose["services"]["push"]
    command = [sys.executable, *service["entrypoint"][1:], *service["command"]]
    environment = {**os.environ, "UNWIND_HOME": str(tmp_path), "UNWIND_STORE": ""}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert done.stderr.startswith("unwind: UNWIND_STORE is not set; set it to a place such as s3")


def test_the_copy_is_read_by_the_role_that_its_server_has(compose):
    roles = (PROJECT / "postgres" / "roles.sql").read_text()
    for name in LONG_RUNNING:
        reader = compose["services"][name]["environment"]["UNWIND_POSTGRES_READERS"]
        assert f"create role {reader} login" in roles


def test_no_task_starts_before_the_api_server_answers(compose):
    assert compose["services"]["scheduler"]["depends_on"]["api-server"] == {
        "condition": "service_healthy"
    }


@pytest.mark.parametrize("service", [*LONG_RUNNING, "airflow-init", "worker"])
def test_all_components_share_one_home_and_one_source_tree(compose, service):
    described = compose["services"][service]
    assert described["environment"]["UNWIND_HOME"] == "/var/lib/unwind"
    assert described["environment"]["AIRFLOW__CORE__DAGS_FOLDER"] == "/opt/unwind/dags"
    mounts = {volume.split(":")[1]: volume for volume in described["volumes"]}
    assert mounts["/var/lib/unwind"].startswith("unwind-data:")
    assert mounts["/opt/unwind/dags"].endswith(":ro")
    assert mounts["/opt/unwind/dbt_project"].endswith(":ro")
    assert mounts["/opt/unwind/expectations"].endswith(":ro")


def test_the_recorder_runs_independently_of_airflow(compose):
    recorder = compose["services"]["recorder"]
    assert (recorder["entrypoint"], recorder["command"]) == (["unwind"], ["record"])
    assert not recorder.get("depends_on")
    assert recorder["restart"] == "unless-stopped"
    assert recorder["healthcheck"]["test"][-1] == "http://127.0.0.1:8099/health"
    assert recorder["environment"] == {"UNWIND_HOME": "/var/lib/unwind"}
    mounts = {volume.split(":")[1]: volume for volume in recorder["volumes"]}
    assert mounts["/var/lib/unwind"].startswith("unwind-data:")
    assert mounts["/opt/unwind/dags"].endswith(":ro")


@pytest.mark.parametrize(
    "service",
    [
        *(*LONG_RUNNING, "airflow-init", "recorder", "page", "superset", "push", "postgres"),
        *("redis", "worker", *SPARK),
    ],
)
def test_no_service_gains_privileges(compose, service):
    described = compose["services"][service]
    assert described["security_opt"] == ["no-new-privileges:true"]
    assert described["cap_drop"] == ["ALL"]
    assert not described.get("privileged")
    given = described.get("cap_add", [])
    # PostgreSQL's entrypoint needs these to switch to its own user.
    allowed = ["CHOWN", "DAC_READ_SEARCH", "FOWNER", "SETGID", "SETUID"]
    assert given == (allowed if service == "postgres" else [])


@pytest.mark.parametrize(
    "service", ["recorder", "page", "superset", "push", "postgres", "redis", *SPARK]
)
def test_services_that_only_write_to_their_volume_have_a_read_only_root(compose, service):
    assert compose["services"][service]["read_only"] is True
    assert "/tmp" in {place.partition(":")[0] for place in compose["services"][service]["tmpfs"]}


def test_images_have_their_exact_version_or_the_one_in_env(tmp_path, compose):
    assert re.fullmatch(r"postgres:\d+\.\d+", compose["services"]["postgres"]["image"])
    assert re.fullmatch(r"redis:\d+\.\d+\.\d+", compose["services"]["redis"]["image"])
    pinned = f"postgres:17.11@sha256:{'0' * 64}"
    shown = docker_compose(tmp_path, {**SECRETS, "UNWIND_POSTGRES_IMAGE": pinned}, "config")
    assert yaml.safe_load(shown.stdout)["services"]["postgres"]["image"] == pinned


def test_connections_come_from_the_users_own_file(tmp_path, compose):
    mirror = "https://reader:s3cret@mirror.example.net/v1?token=a$b"
    (tmp_path / "connections.env").write_text(f"# mirrors\nAIRFLOW_CONN_BYBIT='{mirror}'\n")
    with_file = {**SECRETS, "UNWIND_CONNECTIONS": str(tmp_path / "connections.env")}
    shown = docker_compose(tmp_path, with_file, "config")
    assert shown.returncode == 0, shown.stderr
    services = yaml.safe_load(shown.stdout)["services"]
    for name in (*LONG_RUNNING, "recorder", "push"):
        # docker-compose prints a dollar sign doubled.
        address = services[name]["environment"]["AIRFLOW_CONN_BYBIT"]
        assert address.replace("$$", "$") == mirror
        assert "AIRFLOW_CONN_BYBIT" not in compose["services"][name]["environment"]
    for name in ("postgres", "superset"):
        assert "AIRFLOW_CONN_BYBIT" not in services[name]["environment"]


def test_the_example_of_connections_sets_none_and_can_be_read(monkeypatch):
    lines = (PROJECT / "docs" / "connections.env.example").read_text().splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == []
    examples = [line.removeprefix("#") for line in lines if line.startswith("#AIRFLOW_CONN_")]
    known = {connection_variable(one) for venue in venues().values() for one in venue.connections}
    copies = {"AIRFLOW_CONN_MARTS_POSTGRES", "AIRFLOW_CONN_OBJECT_STORE"}
    assert {one.partition("=")[0] for one in examples} >= copies
    examples = [one for one in examples if one.partition("=")[0] not in copies]
    assert len(examples) >= 4
    for example in examples:
        variable, _, value = example.partition("=")
        assert variable in known
        monkeypatch.setenv(variable, value)
        connection_id = variable.removeprefix("AIRFLOW_CONN_").lower()
        assert connection(connection_id, "https://venue.example").url


def test_the_triggerer_finds_the_triggers(compose):
    environment = compose["services"]["triggerer"]["environment"]
    assert environment["PYTHONPATH"] == environment["AIRFLOW__CORE__DAGS_FOLDER"]


def test_only_the_preparation_sees_the_passwords(compose):
    seeing = [
        name
        for name, service in compose["services"].items()
        if "UNWIND_ADMIN_PASSWORD" in service.get("environment", {})
    ]
    assert seeing == ["airflow-init"]


def test_no_one_is_admin_without_a_login(compose):
    environment = compose["services"]["api-server"]["environment"]
    assert environment["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS"] == "False"
    assert environment["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"] == "admin:admin,viewer:viewer"


def test_airflow_has_the_drivers_of_its_database(compose, tmp_path):
    address = compose["services"]["scheduler"]["environment"]["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    # It makes its engines, synchronous and asynchronous, before it connects anywhere.
    done = subprocess.run(
        [sys.executable, "-c", "from airflow import settings; settings.initialize()"],
        env={
            **os.environ,
            "AIRFLOW_HOME": str(tmp_path),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": address,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_preparation_makes_the_writers_pool(compose):
    script = compose["services"]["airflow-init"]["command"][-1]
    assert "airflow db migrate" in script
    assert 'airflow pools set warehouse_writer 1 "the warehouse\'s one writer"' in script


def test_the_image_is_the_airflow_of_the_lock():
    lock = (PROJECT / "requirements.lock").read_text()
    image = (PROJECT / "Dockerfile").read_text()
    version = lock.split("\napache-airflow==")[1].split()[0]
    assert f"FROM apache/airflow:slim-{version}-python3.11 AS airflow\n" in image
