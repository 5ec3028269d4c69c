"""The command line: finds the command, maps errors to exit codes. Nothing else in the package prints or exits.

Each command is a module of `commands` with `run(arguments) -> exit code`, imported only when it is called: `du` starts
in the time that the interpreter needs.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn, TextIO

COMMANDS = {
    "serve": "measure in the background and serve /metrics (the default)",
    "df": "show what fills the disk, largest first, and explain one thing",
    "du": "measure any path with the exporter's walker",
    "watch": "show what grows, refreshed, from a running exporter",
    "health": "ask a running exporter whether it answers, for container health checks",
    "doctor": "say what can and cannot be seen from here, why, and what to do",
    "textfile": "measure once and write a file for node_exporter's textfile collector",
    "demo": "serve a generated data root that grows while you watch",
    "completion": "print the completion script of a shell",
}


APART = ("df", "du", "doctor")
"""The commands that read foreign paths while a user waits at a prompt."""


def entry() -> NoReturn:
    """Be the program: run the command that the arguments name, and end with its exit code."""
    from docker_storage_exporter.cli.prompt import exit_code_of, leave, run_apart  # noqa: PLC0415 - not for `main`

    if sys.getfilesystemencoding() != "utf-8":  # as with LANG=de_DE: paths would be other bytes than the engine's
        os.execv(sys.executable, [sys.executable, "-X", "utf8", "-m", "docker_storage_exporter", *sys.argv[1:]])  # noqa: S606
    is_apart = len(sys.argv) > 1 and sys.argv[1] in APART
    leave(run_apart(main) if is_apart else exit_code_of(main))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words and words[0] in ("--version", "-V"):
        from docker_storage_exporter import __version__  # noqa: PLC0415 - commands import what they need

        print(f"docker-storage-exporter {__version__}")
        return 0
    if words and words[0] in ("--help", "-h"):
        print("commands, each with a --help of its own:")
        print("".join(f"  {command:12}{text}\n" for command, text in COMMANDS.items()))
    name = words.pop(0) if words and words[0] in COMMANDS else "serve"
    if words and name == "serve" and not words[0].startswith("-"):
        return _complain(f"unknown command {words[0]!r}: one of {', '.join(COMMANDS)}", 2)
    return _run(name, words)


def _run(name: str, words: list[str]) -> int:
    try:
        _accept_any_name(sys.stdout)
        code: int = import_module(f"{__name__}.commands.{name}").run(words)
        print(end="", flush=True)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output had enough
        _forget_output()
        return 141
    except OSError as error:  # of our own output, or of what no program can do without
        _forget_output()
        return _complain(f"{error.filename or 'output'}: {error.strerror or error}", 1)
    except Exception as error:
        exit_code = getattr(error, "exit_code", None)
        if exit_code is None:
            raise
        return _complain(str(error), exit_code)
    return code


def _accept_any_name(stream: TextIO) -> None:
    """A name that the terminal's encoding lacks is shown escaped."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")


def _forget_output() -> None:
    """Let nothing be written again at exit, where it would fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(message: str, code: int) -> int:
    print(f"docker-storage-exporter: {message}", file=sys.stderr)
    return code
