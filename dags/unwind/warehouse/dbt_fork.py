"""A dbt worker as a fork of this process, which has dbt imported: used as a subprocess is."""

from __future__ import annotations

import logging
import os
import signal
import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from unwind.warehouse import dbt_worker


class ForkedWorker:
    """The same pipes, `pid`, `poll` and `wait` as those of a `subprocess.Popen`.

    Like that, it ends with its standard input: with this process, even if that is killed.
    """

    def __init__(
        self, options: Sequence[str], environment: Mapping[str, str], errors: Path
    ) -> None:
        orders, given = os.pipe()
        received, reports = os.pipe()
        log = os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o644)
        self.returncode: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            _work(orders, reports, log, options, environment)
        for descriptor in (orders, reports, log):
            os.close(descriptor)
        self.stdin = os.fdopen(given, "w")
        self.stdout = os.fdopen(received)

    def poll(self) -> int | None:
        """Its return code, or None while it runs."""
        return self._ended(os.WNOHANG)

    def wait(self) -> int:
        """Its return code, once it has ended."""
        code = self._ended(0)
        assert code is not None
        return code

    def _ended(self, options: int) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, options)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


def _work(
    orders: int, reports: int, log: int, options: Sequence[str], environment: Mapping[str, str]
) -> NoReturn:
    """What the fork does: it takes orders, and nothing else of the process that it is a copy of."""
    code = 1
    try:
        # Ctrl-C in a terminal is for its parent alone, which ends it.
        os.setpgid(0, 0)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2):
            signal.signal(number, signal.SIG_DFL)
        # An object that owns a descriptor closes it when it is freed: the task's are kept.
        kept = sys.stdin, sys.stdout, sys.stderr
        for target, descriptor in enumerate((orders, reports, log)):
            os.dup2(descriptor, target)
        _let_go_of_files()
        sys.stdin = os.fdopen(0, closefd=False)
        sys.stdout = os.fdopen(1, "w", closefd=False)
        sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
        # They lead to the log of the task, which its own process writes.
        logging.getLogger().handlers.clear()
        os.environ.clear()
        os.environ.update(environment)
        dbt_worker.serve(list(options))
        del kept
        code = 0
    except BaseException:  # noqa: BLE001
        with suppress(OSError):
            traceback.print_exc()
            sys.stderr.flush()
    finally:
        os._exit(code)


def _let_go_of_files() -> None:
    """Leads all further descriptors nowhere: locks, pipes and sockets are the parent's alone.

    Closed, their numbers would be given to files that are opened next, into which whatever still
    has such a number would write.
    """
    nowhere = os.open(os.devnull, os.O_RDWR)
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208
        if int(name) > 2 and int(name) != nowhere:
            os.dup2(nowhere, int(name), inheritable=False)
