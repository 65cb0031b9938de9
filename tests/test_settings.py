"""Connections and settings as the environment states them."""

from __future__ import annotations

import pytest

from unwind.connections import endpoint, password
from unwind.settings import reconciled_assets

DEFAULT = "https://api.example.org/"


@pytest.mark.parametrize(
    ("value", "url", "key"),
    [
        ("", "https://api.example.org", ""),
        ("https://mirror.example.net/v1/", "https://mirror.example.net/v1", ""),
        (
            "https://:s3cret@mirror.example.net:8443/v1",
            "https://mirror.example.net:8443/v1",
            "s3cret",
        ),
        ("https://user:a%2Fb%40c@mirror.example.net", "https://mirror.example.net", "a/b@c"),
        (
            "https://:s3cret@https%3A%2F%2Fmirror.example.net",
            "https://mirror.example.net",
            "s3cret",
        ),
        ("http://mirror.example.net/https", "https://mirror.example.net", ""),
        ("https://:s3cret@", "https://api.example.org", "s3cret"),
        ('{"password": "s3cret"}', "https://api.example.org", "s3cret"),
        (
            '{"conn_type": "https", "host": "m.example.net", "port": 8443}',
            "https://m.example.net:8443",
            "",
        ),
        ('{"host": "http://m.example.net", "password": "k"}', "http://m.example.net", "k"),
    ],
)
def test_a_connection_is_a_url_and_perhaps_a_key(
    monkeypatch: pytest.MonkeyPatch, value: str, url: str, key: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SOURCE", value)
    assert (endpoint("source", DEFAULT), password("source")) == (url, key)


@pytest.mark.parametrize("value", ["s3cret", '{"login": "s3cret"}', '{"password": "s3cret"'])
def test_a_connection_that_cannot_be_read_is_named_and_not_quoted(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SOURCE", value)
    with pytest.raises(ValueError, match="AIRFLOW_CONN_SOURCE") as refused:
        endpoint("source", DEFAULT)
    assert "s3cret" not in str(refused.value)


def test_the_assets_to_reconcile_are_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    assert reconciled_assets() == ["BTC", "ETH", "SOL"]
    monkeypatch.setenv("UNWIND_RECONCILED_ASSETS", " eth, doge ,")
    assert reconciled_assets() == ["ETH", "DOGE"]
    monkeypatch.setenv("UNWIND_RECONCILED_ASSETS", " , ")
    with pytest.raises(ValueError, match="UNWIND_RECONCILED_ASSETS names no asset"):
        reconciled_assets()
