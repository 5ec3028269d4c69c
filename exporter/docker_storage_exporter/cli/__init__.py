"""The command line: finds the command, maps errors to exit codes. Nothing else in the package prints or exits.

Each command is a module with `run(arguments) -> exit code`, imported only when it is called: `du` starts in the time
that the interpreter needs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

COMMANDS = {
    "serve": "measure in the background and serve /metrics (the default)",
    "df": "measure everything once and show it, largest first",
    "du": "measure any path with the exporter's walker",
    "demo": "serve a generated data root that grows while you watch",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given and given[0] in ("--version", "-V"):
        from docker_storage_exporter import __version__  # noqa: PLC0415 - commands import what they need

        print(f"docker-storage-exporter {__version__}")
        return 0
    name = given.pop(0) if given and given[0] in COMMANDS else "serve"
    if given and name == "serve" and not given[0].startswith("-"):
        return _complain(f"unknown command {given[0]!r}: one of {', '.join(COMMANDS)}", 2)
    try:
        code: int = import_module(f"{__name__}.{name}").run(given)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as error:
        exit_code = getattr(error, "exit_code", None)
        if exit_code is None:
            raise
        return _complain(str(error), exit_code)
    return code


def _complain(message: str, code: int) -> int:
    print(f"docker-storage-exporter: {message}", file=sys.stderr)
    return code
