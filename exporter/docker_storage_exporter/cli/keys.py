"""The keyboard of a terminal, key by key and without an echo, together with the signals that concern the screen."""

from __future__ import annotations

import os
import re
import select
import signal
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, final

_SIGNALS = {signal.SIGWINCH: "size", signal.SIGTSTP: "stop"}
_NAMES = {
    b"\x1b[A": "up",
    b"\x1b[B": "down",
    b"\x1b[C": "right",
    b"\x1b[D": "left",
    b"\x1b[5~": "page up",
    b"\x1b[6~": "page down",
    b"\x1b[H": "home",
    b"\x1b[F": "end",
    b"q": "q",
    b"Q": "q",
    b"k": "up",
    b"j": "down",
    b" ": "page down",
}
_KEY = re.compile(rb"\x1b\[[0-9;]*[~A-Za-z]|.", re.DOTALL)


@final
class Keys:
    """Reads keys from stdin, if it is a terminal. As a context it holds the terminal and restores it at the end.

    SIGWINCH and SIGTSTP are events like keys: answering them in a handler would write to the screen in the middle of
    another write.
    """

    def __init__(self) -> None:
        self._keyboard = sys.stdin.fileno() if sys.stdin is not None and sys.stdin.isatty() else None
        self._before: list[Any] = []
        self._typed: list[str] = []
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._writing, False)
        os.set_blocking(self._reading, False)

    def __enter__(self) -> Keys:
        signal.set_wakeup_fd(self._writing)
        for number in _SIGNALS:
            signal.signal(number, lambda *_: None)  # the number arrives at the pipe
        self._take()
        return self

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(-1)
        self._give_back()
        os.close(self._reading)
        os.close(self._writing)

    @contextmanager
    def given_back(self) -> Iterator[None]:
        """The terminal as it was before, for the length of a block."""
        self._give_back()
        try:
            yield
        finally:
            self._take()

    def wait(self, seconds: float) -> str:
        """The next event within so many seconds: `q`, `up`, `page down`, `size`, `stop` and so on; else empty."""
        if self._typed:
            return self._typed.pop(0)
        sources = [self._reading, *([self._keyboard] if self._keyboard is not None else [])]
        ready, _, _ = select.select(sources, [], [], seconds)
        if self._reading in ready:
            return self._signal()
        if self._keyboard in ready and self._keyboard is not None:
            text = self._read(self._keyboard)
            self._typed += [name for key in _KEY.findall(text) if (name := _NAMES.get(key))]
            return self._typed.pop(0) if self._typed else ""
        return ""

    def _read(self, keyboard: int) -> bytes:
        """What was typed; empty once the terminal has gone, and then only signals are left."""
        text = b""
        with suppress(OSError):
            text = os.read(keyboard, 64)
        if not text:
            self._keyboard = None
        return text

    def _signal(self) -> str:
        """The most urgent of the signals that came."""
        came = set(os.read(self._reading, 4096))
        return next((name for number, name in reversed(_SIGNALS.items()) if number in came), "")

    def _take(self) -> None:
        if self._keyboard is not None:
            self._before = termios.tcgetattr(self._keyboard)
            tty.setcbreak(self._keyboard, termios.TCSADRAIN)

    def _give_back(self) -> None:
        if self._keyboard is not None and self._before:
            with suppress(termios.error):
                termios.tcsetattr(self._keyboard, termios.TCSADRAIN, self._before)
