"""Each change is notified once: through restarts, missed releases and failures of channels."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.watch.releases import Received, at, publish, regime, webhook
from unwind.cli import app
from unwind.errors import SettingError
from unwind.settings import VARIABLES, Home
from unwind.watch.changes import Change
from unwind.watch.channels import web_channels
from unwind.watch.state import StateError
from unwind.watch.watch import UndeliveredError, watch


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    for name in (*VARIABLES, "AIRFLOW_CONN_WATCH_WEBHOOK", "AIRFLOW_CONN_WATCH_SLACK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("UNWIND_HOME", str(tmp_path))
    return Home(tmp_path)


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch):
    with webhook() as received:
        monkeypatch.setenv("AIRFLOW_CONN_WATCH_WEBHOOK", f"{received.url}/in?token=s3cret-token")
        yield received


def texts(received: Received) -> list[str]:
    return [body["text"] for _, body in received]


def watched(home: Home) -> list[tuple[str, str, str, str]]:
    """The changes of a watch without channels: kind, subject, after, severity."""
    return [summary(change) for change in watch(home, {})]


def summary(change: Change) -> tuple[str, str, str, str]:
    return change.kind, change.subject, change.after, change.severity


def test_a_first_watch_notifies_nothing_and_the_next_one_what_changed(home, hook) -> None:
    publish(home, 13, regime("BTC", 13, "calm"))
    assert watch(home, web_channels()) == []
    headline = "In the hour from 14:00 UTC on 29 January 2026, longs dominated BTC liquidations."
    release_id = publish(
        home,
        14,
        regime("BTC", 13, "calm")
        + regime("BTC", 14, "extreme")
        + f"insert into marts.market_brief_hourly values ({at(14)}, 'BTC', '{headline}')",
    )
    watch(home, web_channels())
    [(headers, body)] = hook
    assert body == {
        "change_id": headers["Idempotency-Key"],
        "severity": "critical",
        "kind": "regime",
        "subject": "BTC",
        "base_asset": "BTC",
        "at": "2026-01-29T14:00Z",
        "before": "calm",
        "after": "extreme",
        "text": (
            "BTC: the stress regime went from calm to extreme in the hour from 14:00 UTC on 29"
            f" January 2026 (score 83.2, percentile 97.3). {headline}"
        ),
        "release_id": release_id,
    }
    # A restart is a watch on the same record.
    assert watch(home, web_channels()) == []
    assert len(hook) == 1


def test_a_watch_that_is_hours_behind_notifies_each_change_once(home, hook) -> None:
    hours = [regime("BTC", 10, "calm")]
    publish(home, 10, hours[0])
    watch(home, web_channels())
    hours += [regime("BTC", 11, "elevated"), regime("BTC", 12, None), regime("BTC", 13, "stressed")]
    hours += [regime("BTC", 14, "stressed"), regime("BTC", 15, "elevated")]
    publish(home, 14, "".join(hours[:5]))
    watch(home, web_channels())
    # An unknown hour is no change. The newest hour of a release may be corrected by the next one.
    assert [(body["before"], body["after"], body["at"][11:13]) for _, body in hook] == [
        ("calm", "elevated", "11"),
        ("elevated", "stressed", "13"),
    ]
    publish(home, 14, "".join([*hours[:4], regime("BTC", 14, "extreme")]), place=1)
    watch(home, web_channels())
    assert hook[-1][1]["before"] == "stressed"
    assert hook[-1][1]["after"] == "extreme"
    publish(home, 15, "".join([*hours[:4], regime("BTC", 14, "extreme"), hours[5]]))
    watch(home, web_channels())
    assert len(hook) == 4


def test_readers_moved_back_to_an_older_release_see_no_change(home) -> None:
    first = publish(home, 13, regime("BTC", 13, "calm"))
    watch(home, {})
    publish(home, 14, regime("BTC", 14, "extreme"))
    assert [change.after for change in watch(home, {})] == ["extreme"]
    home.current.unlink()
    home.current.symlink_to(f"releases/{first}")
    assert watch(home, {}) == []


def test_warnings_classes_and_episodes_are_notified_with_figures(home) -> None:
    before = f"""
        insert into marts.divergence_hourly values
            ({at(13)}, 'BTC', false, 2, 0.9, true, 0.01, 0.02);
        insert into marts.unwind_classification values ({at(13)}, 'BTC', 'mixed', -0.01, 2);
    """
    publish(home, 13, before)
    watch(home, {})
    publish(
        home,
        14,
        f"""
        {before}
        insert into marts.divergence_hourly values
            ({at(14)}, 'BTC', true, 7, 0.21, false, 0.2, 0.3);
        insert into marts.unwind_classification values ({at(14)}, 'BTC', 'staged', -0.052, 3);
        insert into marts.liquidation_episodes values
            (timestamp '2026-01-29 14:05', 'BTC', 2310000, true, 3),
            (timestamp '2026-01-29 12:05', 'BTC', 9990000, true, 3);
        """,
    )
    assert [(*summary(change), change.text) for change in watch(home, {})] == [
        (
            *("unwind_class", "BTC", "staged", "warning"),
            "BTC: the classification of unwinding went from mixed to staged with the 24 hours to"
            " 15:00 UTC on 29 January 2026 (open interest -5.2% in 24 hours, 3 episodes in 7"
            " days).",
        ),
        (
            *("recovery_divergence", "BTC", "raised", "warning"),
            "BTC: the warning of rising long liquidations without a recovery of the price (elevated"
            " in 7 of 12 hours, 21% of the fall regained) was raised in the hour from 14:00 UTC on"
            " 29 January 2026.",
        ),
        (
            *("range_divergence", "BTC", "withdrawn", "info"),
            "BTC: the warning of rising liquidations in narrowing ranges (p-values 0.200 and 0.300)"
            " was withdrawn in the hour from 14:00 UTC on 29 January 2026.",
        ),
        (
            *("episode", "BTC 2026-01-29T14:05", "opened", "warning"),
            "BTC: an episode of forced long selling opened at 14:05 UTC on 29 January 2026 (at"
            " least $2.3 million of longs on 3 venues so far).",
        ),
    ]


def test_coverage_counts_once_the_hour_has_settled(home) -> None:
    def covered(hour: int, is_complete: bool) -> str:
        outcome = "complete" if is_complete else "failed"
        return (
            "insert into marts.venue_coverage_hourly values"
            f" ({at(hour)}, 'htx', {is_complete}, '{outcome}');"
        )

    hours = [covered(11, True), covered(12, True)]
    publish(home, 12, "".join(hours))
    watch(home, {})
    # The newest hour may still be landed in full.
    publish(home, 13, "".join([*hours, covered(13, False)]))
    assert watched(home) == []
    publish(home, 13, "".join([*hours, covered(13, True)]), place=1)
    assert watched(home) == []
    hours += [covered(13, True), covered(14, False)]
    publish(home, 15, "".join([*hours, covered(15, False)]))
    [lost] = watch(home, {})
    assert summary(lost) == ("coverage", "htx", "incomplete", "warning")
    assert lost.text == (
        "htx: the hour from 14:00 UTC on 29 January 2026 was not covered in full (failed): its sums"
        " are lower bounds at best."
    )
    publish(home, 16, "".join([*hours, covered(15, True), covered(16, True)]))
    assert watched(home) == [("coverage", "htx", "complete", "info")]


def test_a_gates_warnings_and_refusals_are_notified_when_they_begin_and_end(home) -> None:
    publish(home, 13)
    watch(home, {})
    release_id = publish(
        home,
        14,
        "insert into marts.gate_results select run_id, 'marts', 'leverage_hourly', 'ends_meet',"
        " null, false, '3 rows do not meet' from marts.release",
    )
    [warned] = watch(home, {})
    assert summary(warned) == ("gate", "marts.leverage_hourly.ends_meet", "failed", "warning")
    assert warned.text.endswith("leverage_hourly.ends_meet: 3 rows do not meet")
    # A refused build publishes nothing.
    home.refusal.write_text(
        json.dumps({"refused_at": "2026-01-29T16:03:00Z", "message": "the marts gate refused."})
    )
    [refused] = watch(home, {})
    assert summary(refused) == ("publishing", "release", "refused", "critical")
    assert refused.text == f"the marts gate refused. Readers stay on release {release_id}."
    assert watch(home, {}) == []
    home.refusal.unlink()
    publish(home, 15)
    assert watched(home) == [
        ("publishing", "release", "published", "info"),
        ("gate", "marts.leverage_hourly.ends_meet", "passed", "info"),
    ]


def test_a_failed_delivery_is_repeated_and_the_other_channel_gets_nothing_twice(
    home, hook, monkeypatch, caplog
) -> None:
    caplog.set_level(logging.DEBUG)
    with webhook() as slack:
        monkeypatch.setenv("AIRFLOW_CONN_WATCH_SLACK", f"{slack.url}/services/T0/s3cret-path")
        publish(home, 13, regime("BTC", 13, "calm"))
        watch(home, web_channels())
        hook.answer = 503
        release_id = publish(home, 14, regime("BTC", 14, "stressed"))
        with pytest.raises(UndeliveredError, match=r"not taken .webhook: the answer was HTTP 503"):
            watch(home, web_channels())
        assert hook == []
        text = "BTC: the stress regime went from calm to stressed in the hour from 14:00 UTC"
        [(_, body)] = slack
        assert body == {
            "text": f"[warning] {text} on 29 January 2026 (score 83.2, percentile 97.3)."
            f" (Release {release_id}.)"
        }
        # With the next release both get what is new, and the webhook what it missed, in order.
        hook.answer = 200
        publish(home, 15, regime("BTC", 14, "stressed") + regime("BTC", 15, "calm"))
        watch(home, web_channels())
        assert [body["after"] for _, body in hook] == ["stressed", "calm"]
        assert len(slack) == 2
        watch(home, web_channels())
        assert (len(hook), len(slack)) == (2, 2)
    assert "s3cret" not in caplog.text
    assert "s3cret" not in (home.watch / "state.json").read_text()


def test_a_receiver_that_is_gone_is_named_without_its_address(home, monkeypatch) -> None:
    with webhook() as gone:
        monkeypatch.setenv("AIRFLOW_CONN_WATCH_WEBHOOK", f"{gone.url}/s3cret-path")
    publish(home, 13, regime("BTC", 13, "calm"))
    watch(home, web_channels())
    publish(home, 14, regime("BTC", 14, "stressed"))
    with pytest.raises(UndeliveredError, match=r"webhook: no answer \(ConnectionError\)") as error:
        watch(home, web_channels())
    assert "s3cret" not in str(error.value)


def test_a_stop_before_the_delivery_loses_nothing(home, hook) -> None:
    publish(home, 13, regime("BTC", 13, "calm"))
    watch(home, web_channels())
    publish(home, 14, regime("BTC", 14, "stressed"))

    def killed(change: Change) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        watch(home, {"webhook": killed})
    assert watch(home, web_channels()) == []
    assert [body["after"] for _, body in hook] == ["stressed"]


@pytest.mark.parametrize(
    ("variable", "value", "sent"),
    [
        ("UNWIND_WATCH_SEVERITY", "off", []),
        ("UNWIND_WATCH_SEVERITY", "critical", ["BTC"]),
        ("UNWIND_WATCH_SEVERITY", "warning", ["BTC", "ETH"]),
        ("UNWIND_WATCH_ASSETS", "ETH, XRP", ["ETH", "XRP"]),
        ("UNWIND_WATCH_ASSETS", "*", ["ALL", "BTC", "ETH", "XRP"]),
        (None, None, ["ALL", "BTC", "ETH"]),
    ],
)
def test_the_quiet_mode_sends_less_and_logs_all(
    home, hook, monkeypatch, caplog, variable, value, sent
) -> None:
    caplog.set_level(logging.INFO)
    if variable:
        monkeypatch.setenv(variable, value)
    after = {"BTC": "extreme", "ETH": "stressed", "ALL": "elevated", "XRP": "elevated"}
    publish(home, 13, "".join(regime(asset, 13, "calm") for asset in after))
    watch(home, web_channels())
    publish(home, 14, "".join(regime(asset, 14, word) for asset, word in after.items()))
    assert len(watch(home, web_channels())) == 4
    assert sorted(body["subject"] for _, body in hook) == sent
    for asset, word in after.items():
        assert f"{asset}: the stress regime went from calm to {word}" in caplog.text
    # What was not sent does not come later.
    monkeypatch.delenv(variable or "UNWIND_WATCH_ASSETS", raising=False)
    assert watch(home, web_channels()) == []
    assert len(hook) == len(sent)


def test_settings_that_cannot_be_read_are_refused(home, monkeypatch) -> None:
    publish(home, 13, regime("BTC", 13, "calm"))
    watch(home, {})
    publish(home, 14, regime("BTC", 14, "calm"))
    monkeypatch.setenv("UNWIND_WATCH_SEVERITY", "loud")
    with pytest.raises(SettingError, match="UNWIND_WATCH_SEVERITY is 'loud'; set it to info"):
        watch(home, {})
    home.watch.joinpath("state.json").write_text("{")
    monkeypatch.delenv("UNWIND_WATCH_SEVERITY")
    with pytest.raises(StateError, match="remove it"):
        watch(home, {})


def test_a_damaged_note_of_a_refusal_is_still_a_refusal(home, hook) -> None:
    publish(home, 13, regime("BTC", 13, "calm"))
    watch(home, {})
    home.refusal.write_text("{")
    assert watched(home) == [("publishing", "release", "refused", "critical")]
    assert watched(home) == []
    home.refusal.unlink()
    assert [change[2] for change in watched(home)] == ["published"]


def test_the_command_prints_what_it_sends(home, hook) -> None:
    publish(home, 13, regime("BTC", 13, "calm"))

    def run() -> Any:
        return CliRunner().invoke(app, ["watch"])

    assert "This was the first watch" in run().output
    assert "Nothing has changed since the last watch." in run().output
    publish(home, 14, regime("BTC", 14, "stressed"))
    assert "[warning] BTC: the stress regime went from calm to stressed" in run().output
    assert len(texts(hook)) == 1
