"""docker-compose.yml as docker-compose resolves it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
SECRETS = {
    "POSTGRES_PASSWORD": "postgres-secret",
    "UNWIND_FERNET_KEY": "fernet-secret",
    "UNWIND_API_SECRET_KEY": "api-secret",
    "UNWIND_JWT_SECRET": "jwt-secret",
    "UNWIND_ADMIN_PASSWORD": "admin-secret",
    "UNWIND_VIEWER_PASSWORD": "viewer-secret",
}
LONG_RUNNING = ("api-server", "scheduler", "dag-processor", "triggerer")
SPARK = ("spark-master", "spark-worker", "spark-worker-2", "refresh-spark")


def docker_compose(tmp_path: Path, secrets: dict[str, str], *arguments: str):
    program = shutil.which("docker-compose")
    assert program, "docker-compose is not installed; run `apt-get install docker-compose`"
    env_file = tmp_path / "env"
    env_file.write_text("".join(f"{name}={value}\n" for name, value in secrets.items()))
    inherited = {name: value for name, value in os.environ.items() if name not in SECRETS}
    return subprocess.run(
        [program, "--file", PROJECT / "docker-compose.yml", "--env-file", env_file, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=inherited,
    )
