"""The log: lines as `ts=… level=… msg="…"` on stderr."""

from __future__ import annotations

import logging
import sys

from docker_storage_exporter.model import printable

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}


def set_up_log(level: str) -> None:
    """Log to stderr from this level on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Logfmt())
    ours = logging.getLogger("docker_storage_exporter")
    ours.handlers, ours.propagate = [handler], False
    ours.setLevel(_LEVELS[level])


class _Logfmt(logging.Formatter):
    """One line for each record, whatever is in the message; a traceback, which only a defect has, follows as it is."""

    def format(self, record: logging.LogRecord) -> str:
        quoted = printable(record.getMessage()).replace("\\", "\\\\").replace('"', '\\"')
        message = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in quoted)
        level = {"WARNING": "warn"}.get(record.levelname, record.levelname.lower())
        line = f'ts={self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z")} level={level} msg="{message}"'
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line
