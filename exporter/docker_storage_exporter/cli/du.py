"""`du PATH…`: any path with the exporter's walker. Imports the sizer and argparse only, so that it starts at once."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from docker_storage_exporter.sizer import Control, Root, Usage, measure


def run(arguments: Sequence[str]) -> int:
    """Print one line or object per path; exit code 1 when anything could not be read."""
    options = _parser().parse_args(arguments)
    complete, found = True, []
    for path in options.paths:
        try:
            usage = _measure(path)
        except OSError as error:
            shown = os.fsencode(path).decode("utf-8", "backslashreplace")
            print(f"docker-storage-exporter: {shown}: {error.strerror}", file=sys.stderr)
            complete = False
            continue
        complete = complete and usage.complete and not usage.unreadable
        found.append((path, usage))
        if options.format == "table":
            _print_row(path, usage)
    if options.format == "json":
        print(json.dumps([_object(path, usage) for path, usage in found], indent=2))
    return 0 if complete else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="docker-storage-exporter du",
        description="Measure paths: allocated bytes as du -sx -B1, apparent bytes as Docker counts them, inodes.",
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a directory or file; links are not followed")
    parser.add_argument("--format", choices=("table", "json"), default="table", help="default: table")
    return parser


def _measure(path: str) -> Usage:
    descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        return measure([Root(descriptor, _mountpoints(path))], Control())[0]
    finally:
        os.close(descriptor)


def _mountpoints(path: str) -> list[str]:
    """What is mounted below a path, relative to it. Without /proc only mounts of other devices can be left out."""
    prefix = os.fsencode(os.path.realpath(path)).rstrip(b"/") + b"/"
    try:
        with open("/proc/self/mountinfo", "rb") as lines:
            found = [line.split(b" ")[4].decode("unicode_escape").encode("latin-1") for line in lines]
    except OSError:
        return []
    return [os.fsdecode(point[len(prefix) :]) for point in found if point.startswith(prefix) and point != prefix]


def _print_row(path: str, usage: Usage) -> None:
    line = f"{usage.allocated_bytes}\t{usage.apparent_bytes}\t{usage.inodes}\t".encode() + os.fsencode(path)
    note = b"" if not usage.unreadable else f"\t({usage.unreadable_entries} unreadable)".encode()
    sys.stdout.buffer.write(line + note + b"\n")
    sys.stdout.buffer.flush()


def _object(path: str, usage: Usage) -> dict[str, Any]:
    return {
        "path": path,
        "allocated_bytes": usage.allocated_bytes,
        "apparent_bytes": usage.apparent_bytes,
        "inodes": usage.inodes,
        "unreadable": usage.unreadable_entries,
        "errors": dict(usage.unreadable),
        "complete": usage.complete,
    }
