"""The log on stderr: lines as `ts=… level=… msg="…"`, or each an object of JSON."""

from __future__ import annotations

import json
import logging
import sys

from docker_storage_exporter.model.text import one_line, printable

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}


def set_up_log(level: str, style: str = "logfmt") -> None:
    """Log to stderr from this level on, as logfmt or json."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if style == "json" else _Logfmt())
    ours = logging.getLogger("docker_storage_exporter")
    ours.handlers, ours.propagate = [handler], False
    ours.setLevel(_LEVELS[level])


def announce(message: str, style: str) -> None:
    """Write a line at any log level: bare, or as an object where the log is JSON."""
    record = logging.LogRecord(__name__, logging.INFO, "", 0, message, None, None)
    print(_Json().format(record) if style == "json" else message, file=sys.stderr, flush=True)


class _Formatter(logging.Formatter):
    """What both kinds of line say."""

    def facts(self, record: logging.LogRecord) -> dict[str, str]:
        """Time, level and message."""
        return {
            "ts": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": {"WARNING": "warn"}.get(record.levelname, record.levelname.lower()),
            "msg": printable(record.getMessage()),
        }


class _Logfmt(_Formatter):
    """One line for each record, whatever is in the message; a traceback, which only a defect has, follows as it is."""

    def format(self, record: logging.LogRecord) -> str:
        facts = self.facts(record)
        quoted = facts["msg"].replace("\\", "\\\\").replace('"', '\\"')
        line = f'ts={facts["ts"]} level={facts["level"]} msg="{one_line(quoted)}"'
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class _Json(_Formatter):
    """One object on one line for each record, a traceback included."""

    def format(self, record: logging.LogRecord) -> str:
        facts = self.facts(record)
        if record.exc_info:
            facts["traceback"] = self.formatException(record.exc_info)
        return json.dumps(facts)
