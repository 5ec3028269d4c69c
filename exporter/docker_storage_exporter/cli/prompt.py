"""Commands that look at foreign paths: in a process of their own, so that the prompt comes back whatever hangs.

A process whose thread waits in the kernel for a dead filesystem cannot be ended, not even by SIGKILL. Whoever typed the
command need not wait for it: the parent knows how it ended, or that it does not.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

from docker_storage_exporter.libc import prctl

_LAST_SECONDS = 1.0  # for a command that was told to end
_SET_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG
_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


class _Told(Exception):  # noqa: N818 - not an error: a signal asks the command to end
    """A signal came."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def run_apart(run: Callable[[], int]) -> int:
    """Run a command in a forked child; its exit code, 128 + N after a signal."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _be_child(run, writing)
    os.close(writing)
    try:
        return _wait(child, reading)
    finally:
        os.close(reading)


def exit_code_of(run: Callable[[], int]) -> int:
    """The exit code of a command, also when it ends by SystemExit."""
    try:
        return run()
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1


def leave(code: int) -> NoReturn:
    """End this process now, without waiting for its threads."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _be_child(run: Callable[[], int], writing: int) -> NoReturn:
    """Run the command, tell the parent how it ended, and end."""
    prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)
    signal.signal(signal.SIGINT, _interrupt_once)
    code = 1
    try:
        code = exit_code_of(run)
    except BaseException:  # noqa: BLE001 - a defect: shown as any program shows one
        sys.excepthook(*sys.exc_info())
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    # Whoever reads the output must not wait for a thread that the kernel holds: it would keep these open.
    for descriptor in (0, 1, 2):
        with suppress(OSError):
            os.close(descriptor)
    with suppress(OSError):
        os.write(writing, bytes([code]))
    os._exit(code)


def _interrupt_once(_number: int, _frame: Any) -> NoReturn:
    """Ctrl-C reaches parent and child, and the parent passes it on: one of both has to do."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def _wait(child: int, reading: int) -> int:
    for number in _SIGNALS:
        signal.signal(number, _tell)
    try:
        return _code(child, reading)
    except KeyboardInterrupt:
        return _end(child, reading, signal.SIGINT)
    except _Told as told:
        return _end(child, reading, told.number)


def _tell(number: int, _frame: Any) -> NoReturn:
    raise _Told(number)


def _end(child: int, reading: int, number: int) -> int:
    """Tell the child to end, and do not wait for it for long."""
    with suppress(ProcessLookupError):
        os.kill(child, number)
    with suppress(KeyboardInterrupt, _Told):
        if select.select([reading], [], [], _LAST_SECONDS)[0]:
            return _code(child, reading)
    with suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    return 128 + number


def _code(child: int, reading: int) -> int:
    """How the child ended: by its own word, else by the kernel's."""
    reported = os.read(reading, 1)
    if reported:
        return reported[0]
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code if code >= 0 else 128 - code
