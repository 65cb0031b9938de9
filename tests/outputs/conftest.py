"""An S3 server on loopback, and places in it."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from loopback_s3 import KEY, SECRET

from unwind.outputs.object_store import ObjectStore, store

_places = itertools.count(1)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The server's address, without a scheme."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"{host}:{port}"
    server.stop()


@pytest.fixture
def s3(s3_server, monkeypatch) -> ObjectStore:
    """An empty place in a bucket, which the settings name."""
    monkeypatch.setenv("AIRFLOW_CONN_OBJECT_STORE", f"http://{KEY}:{quote(SECRET, '')}@{s3_server}")
    monkeypatch.setenv("UNWIND_STORE", f"s3://unwind-{next(_places)}/desk")
    place = store()
    place.files.mkdir(place.root.partition("/")[0])
    return place
