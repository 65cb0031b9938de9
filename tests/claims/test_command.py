"""`unwind check` on the command line: text in 100 columns, JSON, exit codes."""

from __future__ import annotations

import json

import pytest
from tests.claims.hand_made import Release
from typer.testing import CliRunner

from unwind.cli import app
from unwind.settings import Home

HOUR = "within 1h at 2026-01-29T10:00"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    release = Release(tmp_path_factory.mktemp("command") / "home")
    release.hours(10, 10)
    for number in range(12):
        release.covered(f"venue_{number:02d}_of_a_long_name", [10], "unknown")
    release.covered("gate", [10])
    release.listed("gate", "BTC")
    release.covered("okx", [10], outcome="failed")
    for place in range(7):
        release.liquidated(f"10:0{place}", "gate", 1_234_567 + place)
        release.liquidated("10:20", f"venue_{place:02d}_of_a_long_name", 10)
    return release.finished()


@pytest.fixture
def run(home, monkeypatch):
    monkeypatch.setenv("UNWIND_HOME", str(home.root))

    def check(*arguments: str):
        return CliRunner().invoke(app, ["check", *arguments])

    return check


@pytest.mark.parametrize(
    ("claim", "code", "verdict"),
    [
        ("long on gate > 8.5m", 0, "holds"),
        ("long < 9m", 3, "holds only if"),
        ("long < 8m", 4, "contradicted"),
        ("long > 9m", 5, "undetermined"),
    ],
)
def test_each_verdict_has_its_exit_code(run, claim, code, verdict) -> None:
    result = run(f"{claim} {HOUR}")
    assert result.exit_code == code, result.output
    assert f"verdict   {verdict}\n" in result.output


def test_a_claim_that_cannot_be_read_is_wrong_usage(run) -> None:
    for claim in ("long is high", f"long on gaet > 5 {HOUR}"):
        result = run(claim)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.startswith("unwind: the ")


def test_a_home_without_a_release(run, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("UNWIND_HOME", str(tmp_path))
    result = run(f"long > 5 {HOUR}")
    assert result.exit_code == 1
    assert "nothing is published in" in result.stderr


@pytest.mark.parametrize(
    "claim", ["long < 9m", "events > 5 and long on gate about 1 and short < 2"]
)
def test_text_fits_100_columns_and_leads_to_the_facts(run, claim) -> None:
    result = run(f"{claim} {HOUR}")
    assert max(map(len, result.stdout.splitlines())) <= 100
    assert "lineage   unwind lineage 00000000-0000-0000-0000-" in result.stdout
    assert "$1,234,573" in result.stdout


def test_the_answer_for_people(run) -> None:
    result = run(f"long on gate > 8.5m {HOUR}").stdout.splitlines()
    assert result == [
        "claim     long on gate > 8.5m within 1h at 2026-01-29T10:00",
        "verdict   holds",
        "",
        "window    2026-01-29 10:00 to 2026-01-29 11:00 UTC",
        "                                                                    true on",
        "          condition              published     low     mid    high  published  estimates",
        "          long on gate > $8.50m     $8.64m  $8.64m  $8.64m  $8.64m  true       true",
        "",
        "venues    1: gate; all were received whole",
        "facts     7 liquidations; the largest:",
        "          00000000-0000-0000-0000-00000000000d  10:06:00  gate BTC long $1,234,573",
        "          00000000-0000-0000-0000-00000000000b  10:05:00  gate BTC long $1,234,572",
        "          00000000-0000-0000-0000-000000000009  10:04:00  gate BTC long $1,234,571",
        "          00000000-0000-0000-0000-000000000007  10:03:00  gate BTC long $1,234,570",
        "          00000000-0000-0000-0000-000000000005  10:02:00  gate BTC long $1,234,569",
        "lineage   unwind lineage 00000000-0000-0000-0000-00000000000d",
        "release   by-hand",
    ]


def test_json_for_programs(run) -> None:
    result = run(f"long on gate > 8.5m {HOUR}", "--format", "json")
    assert result.exit_code == 0
    answer = json.loads(result.stdout)
    assert (answer["verdict"], answer["release_id"]) == ("holds", "by-hand")
    assert (answer["begins_at"], answer["ends_at"]) == ("2026-01-29T10:00Z", "2026-01-29T11:00Z")
    [window] = answer["windows"]
    [condition] = window["conditions"]
    assert condition["venue"] == "gate"
    # 7 x 1,234,567 and 0 + 1 + ... + 6.
    figures = [condition[name] for name in ("published", "low", "mid", "high")]
    assert figures == [8_641_990.0] * 4
    assert (condition["on_published"], condition["on_estimates"]) == ("true", "true")
    assert window["events"] == 7
    assert [one["notional_usd"] for one in window["largest"]] == [
        *(1_234_573.0, 1_234_572.0, 1_234_571.0, 1_234_570.0, 1_234_569.0)
    ]
    result = run(f"long < 9m {HOUR}", "--format", "json")
    [window] = json.loads(result.stdout)["windows"]
    assert window["conditions"][0]["high"] is None
    assert "venue_00_of_a_long_name (rule unknown)" in window["only_if"][0]


def test_what_is_not_known_is_no_figure(run) -> None:
    result = run(f"long on okx < 5 {HOUR}")
    assert result.exit_code == 5
    assert result.stdout.splitlines()[:9] == [
        "claim     long on okx < 5 within 1h at 2026-01-29T10:00",
        "verdict   undetermined",
        "          - long on okx may be under $5: what was published is not known, and it has no "
        "upper end",
        "            for okx (not received whole)",
        "",
        "window    2026-01-29 10:00 to 2026-01-29 11:00 UTC",
        "                                                                   true on",
        "          condition         published        low        mid  high  published  estimates",
        "          long on okx < $5  not known  not known  not known  none  not known  open",
    ]
    [window] = json.loads(run(f"long on okx < 5 {HOUR}", "--format", "json").stdout)["windows"]
    [condition] = window["conditions"]
    names = ("published", "low", "mid", "high", "estimated_high")
    assert [condition[name] for name in names] == [None] * 5
    assert condition["on_published"] == "not_known"
