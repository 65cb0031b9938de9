"""The command line itself: how failures and signals end a command."""

from __future__ import annotations

import gc
import signal
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from unwind.cli.terminal import doing, print_error
from unwind.errors import UnwindError, sentence_of
from unwind.settings import settings

COLLECTED_AFTER = 100_000
# The state after each command is stopped, and how to continue.
STATE_AFTER_STOP = {
    "demo": "run it again: it goes on where it stopped",
    "land": "what was sealed is sealed, and venues that had answered are not asked again: run it "
    "again to go on",
    "import": "a batch is sealed whole or not at all: run it again, a file is taken once",
    "refresh": "readers are where they were: `unwind refresh` builds what is not published",
    "copy-to-postgres": "its readers are on the release before: run it again",
    "push": "the pointer names what it named before, or a whole release: run it again to go on",
    "pull": "what was downloaded was verified: run it again to go on",
    "export": "the files that were written are whole: run it again for the others",
}


class _Commands(TyperGroup):
    """The group of commands. Expected failures end in one sentence, not in a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Runs the command."""
        doing.clear()
        try:
            return super().invoke(ctx)
        except UnwindError as error:
            print_error(str(error))
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt as stopped:
            raise typer.Exit(_report_stop(stopped, ctx.invoked_subcommand or "")) from None
        except Exception as error:
            # A reader that closes the pipe early, as `head` does, is no failure.
            if isinstance(error, BrokenPipeError):
                raise
            sentence = sentence_of(error, settings().home_as_stated or Path("the home"))
            if sentence is None:
                raise
            print_error(sentence)
            raise typer.Exit(1) from None


app = typer.Typer(
    cls=_Commands,
    name="unwind",
    help="An open warehouse of crypto liquidations and leverage stress.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class _Stopped(KeyboardInterrupt):
    """The command received a signal to stop; the number is that signal's."""

    def __init__(self, number: int) -> None:
        self.number = number


def main() -> None:
    """Runs the command line. A closed terminal and SIGTERM stop it as Ctrl-C does."""

    def stop(number: int, _: Any) -> None:
        raise _Stopped(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # nohup ignores a closed terminal, and so does this.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, stop)
    # A refresh makes hundreds of thousands of objects that stay: a collection every 700 took half a
    # second of its main thread.
    gc.set_threshold(COLLECTED_AFTER)
    try:
        app()
    except KeyboardInterrupt as stopped:
        raise SystemExit(_report_stop(stopped, "")) from None


def _report_stop(stopped: KeyboardInterrupt, command: str) -> int:
    """Prints what is saved and how to continue; returns the exit code by the shell's convention."""
    while_ = f" while {doing[-1]}" if doing else ""
    saved = STATE_AFTER_STOP.get(command, "what was landed and published stays")
    print_error(f"stopped{while_}; {saved}")
    return 128 + getattr(stopped, "number", signal.SIGINT)
