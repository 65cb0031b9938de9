"""A standalone cluster of Spark on this machine's loopback, from PySpark's own distribution."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from unwind.spark.build import python_of_spark

STARTS_WITHIN_SECONDS = 120
CLASSES = "org.apache.spark.deploy"


@dataclass(frozen=True)
class Cluster:
    """`master` as Spark writes it; `workers`, each with the executors that it has started."""

    master: str
    workers: list[psutil.Process]

    def kill_a_worker(self) -> None:
        """Kills one with SIGKILL, and its executors."""
        worker = self.workers[0]
        executors = worker.children(recursive=True)
        assert executors, "no executor runs there"
        for process in (worker, *executors):
            process.kill()


@contextmanager
def cluster(folder: Path, workers: int) -> Iterator[Cluster]:
    """A master and workers of one processor each, whose logs are in the folder."""
    packages = Path(python_of_spark()).parents[1] / "lib"
    [spark_home] = packages.glob("python3.*/site-packages/pyspark")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    master = f"spark://127.0.0.1:{port}"
    started: list[psutil.Process] = []

    def start(name: str, *arguments: str) -> None:
        with (folder / f"{name.replace('.', '_')}_{len(started)}.log").open("w") as log:
            process = subprocess.Popen(
                [
                    *(spark_home / "bin" / "spark-class", f"{CLASSES}.{name}"),
                    *("--host", "127.0.0.1", "--webui-port", "0", *arguments),
                ],
                env={
                    **os.environ,
                    "SPARK_HOME": str(spark_home),
                    # All of its servers, pages included, listen there alone.
                    "SPARK_LOCAL_IP": "127.0.0.1",
                    # Its port is the same for every master.
                    "SPARK_MASTER_OPTS": "-Dspark.master.rest.enabled=false",
                },
                stdout=log,
                stderr=log,
            )
        started.append(psutil.Process(process.pid))

    try:
        start("master.Master", "--port", str(port))
        for number in range(workers):
            place = folder / f"worker_{number}"
            start(
                *("worker.Worker", "--cores", "1", "--memory", "2g", "--port", "0"),
                *("--work-dir", str(place), master),
            )
        until = time.monotonic() + STARTS_WITHIN_SECONDS
        log = folder / "master_Master_0.log"
        while log.read_text().count("Registering worker") < workers:
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.2)
        yield Cluster(master, started[1:])
    finally:
        for process in reversed(started):
            if process.is_running():
                for one in (*process.children(recursive=True), process):
                    one.kill()
        psutil.wait_procs(started)
