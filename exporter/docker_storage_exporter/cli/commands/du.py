"""`du PATH…`: any path with the exporter's walker. Imports the sizer and argparse only, so that it starts at once."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from docker_storage_exporter.sizer import Control, Root, Usage
from docker_storage_exporter.sizer.breakdown import Branch, break_down

_MOST_THREADS = 64
_DEEPEST = 32


def run(arguments: Sequence[str]) -> int:
    """Print one line or object per path and per directory asked for; exit code 1 when anything could not be read."""
    options = command_parser().parse_args(arguments)
    complete, found = True, []
    for path in options.paths:
        try:
            branch = _measure(path, options.depth)
        except OSError as error:
            shown = os.fsencode(path).decode("utf-8", "backslashreplace")
            print(f"docker-storage-exporter: {shown}: {error.strerror}", file=sys.stderr)
            complete = False
            continue
        complete = complete and branch.usage.complete and not branch.usage.unreadable
        found.append(_object(path, branch))
        if options.format == "table":
            _print_lines(path, branch)
    if options.format == "json":
        print(json.dumps(found, indent=2))
    return 0 if complete else 1


def command_parser() -> argparse.ArgumentParser:
    """The options of `du`."""
    parser = argparse.ArgumentParser(
        prog="docker-storage-exporter du",
        description="Measure paths: allocated bytes as du -sx -B1, apparent bytes as Docker counts them, inodes.",
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a directory or file; links are not followed")
    parser.add_argument("--format", choices=("table", "json"), default="table", help="default: table")
    parser.add_argument(
        "--depth", type=_depth, default=0, metavar="D", help="show directories down to D levels below each path as well"
    )
    return parser


def _depth(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > _DEEPEST:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to {_DEEPEST}")
    return int(text)


def _measure(path: str, depth: int) -> Branch:
    control = Control(threads=min(_MOST_THREADS, os.cpu_count() or 1), idle_priority=False)  # the user waits
    descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        return break_down(Root(descriptor, _mountpoints(path)), depth, control)
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


def _print_lines(path: str, branch: Branch) -> None:
    for usage, shown, note in _lines(path, branch):
        line = f"{usage.allocated_bytes}\t{usage.apparent_bytes}\t{usage.inodes}\t".encode() + os.fsencode(shown)
        sys.stdout.buffer.write(line + (f"\t({note})".encode() if note else b"") + b"\n")
    sys.stdout.buffer.flush()


def _lines(path: str, branch: Branch) -> Iterator[tuple[Usage, str, str]]:
    """A branch's parts, then itself: what stands above a directory's line, up to its own parts', adds up to it."""
    for child in branch.largest_first():
        yield from _lines(_joined(path, child.path.rpartition("/")[2]), child)
    if branch.own is not None:
        yield branch.own, path, "directly in it"
        shared = branch.shared
        if shared != Usage():
            taken = Usage(-shared.allocated_bytes, -shared.apparent_bytes, -shared.inodes)
            yield taken, path, "hard links between its parts, which count once"
    unreadable = branch.usage.unreadable_entries
    yield branch.usage, path, f"{unreadable} unreadable" if unreadable else ""


def _joined(path: str, name: str) -> str:
    return f"{path.rstrip('/')}/{name}"


def _object(path: str, branch: Branch) -> dict[str, Any]:
    """A branch and its parts. `directly` and `shared` are there where there are parts: the sum less `shared` is it."""
    found: dict[str, Any] = {
        "path": path,
        **_numbers(branch.usage),
        "unreadable": branch.usage.unreadable_entries,
        "errors": dict(branch.usage.unreadable),
        "complete": branch.usage.complete,
    }
    if branch.own is not None:
        found["directly"] = _numbers(branch.own)
        found["shared"] = _numbers(branch.shared)
        children = branch.largest_first()
        found["directories"] = [_object(_joined(path, child.path.rpartition("/")[2]), child) for child in children]
    return found


def _numbers(usage: Usage) -> dict[str, int]:
    return {
        "allocated_bytes": usage.allocated_bytes,
        "apparent_bytes": usage.apparent_bytes,
        "inodes": usage.inodes,
    }
