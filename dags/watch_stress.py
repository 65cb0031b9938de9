"""Notifies what has changed since the last release that was seen, and once an hour what is left."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import FixedKeyMapper, PartitionedAssetTimetable, dag, task

from unwind_assets import MARTS

SMTP_CONNECTION = "watch_smtp"
TASK = {
    "owner": "unwind",
    "retries": 2,
    "retry_delay": timedelta(minutes=1),
    "execution_timeout": timedelta(minutes=15),
}


def mailed(to: list[str]):
    """Sends a change by e-mail, through the connection `watch_smtp`."""
    import html
    from smtplib import SMTPException

    from airflow.providers.smtp.notifications.smtp import SmtpNotifier
    from airflow.sdk.exceptions import AirflowException

    from unwind.watch.channels import DeliveryError, message, title

    def send(change) -> None:
        notifier = SmtpNotifier(
            to=to,
            subject=f"Unwind: {title(change)}",
            html_content=html.escape(message(change)),
            custom_headers={"X-Unwind-Change": change.change_id},
            smtp_conn_id=SMTP_CONNECTION,
        )
        try:
            notifier.notify({})
        except (SMTPException, AirflowException, OSError, ValueError) as error:
            # A server's answer may repeat a login.
            raise DeliveryError(f"{type(error).__name__}", is_down=True) from None

    return send


@task(max_active_tis_per_dag=1)
def notify() -> None:
    """Compares the current release with the record, and sends what has changed."""
    from unwind.settings import Home, settings
    from unwind.watch.channels import EMAIL, web_channels
    from unwind.watch.watch import watch

    channels = web_channels()
    addresses = settings().watch_email
    if addresses:
        channels[EMAIL] = mailed(addresses)
    watch(Home.from_env(), channels)


@dag(
    description="What has changed with a release, sent to webhook, Slack and e-mail",
    schedule=PartitionedAssetTimetable(
        assets=MARTS, default_partition_mapper=FixedKeyMapper("release")
    ),
    catchup=False,
    max_active_runs=1,
    default_args=TASK,
    tags=["notifications"],
)
def watch_stress():
    """### Changes of regime, class, warnings, episodes, coverage and gates, each notified once

    What was notified is on record in the home (`watch/state.json`), so that restarts, retries and
    missed releases neither lose nor repeat a change. Channels are connections (`watch_webhook`,
    `watch_slack`, `watch_smtp`), what is sent is a setting: docs/watching.md. A red run means that
    a channel did not take something; it is sent again with the next run.
    """
    notify()


@dag(
    description="Once an hour: refused builds, and what a channel has not taken",
    schedule="45 * * * *",
    catchup=False,
    max_active_runs=1,
    default_args=TASK,
    tags=["notifications", "hourly"],
)
def sweep_watch():
    """### The same as `watch_stress`, whether or not a release was announced

    A refused build publishes nothing, so no release announces it; and what a channel did not take
    is sent again. Without changes it does nothing.
    """
    notify()


watch_stress()
sweep_watch()
