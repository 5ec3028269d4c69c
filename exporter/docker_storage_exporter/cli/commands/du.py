"""`du PATH…`: any path with the exporter's walker. Loads little besides the sizer, so that it starts at once."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from docker_storage_exporter.cli.progress import Progress
from docker_storage_exporter.model.units import human_bytes
from docker_storage_exporter.sizer import Control, Part, Root, Usage, measure

_Key = Callable[[Part], Any]
_KEYS: dict[str, _Key] = {
    "allocated": lambda part: (-part.allocated_bytes, part.path),
    "apparent": lambda part: (-part.apparent_bytes, part.path),
    "inodes": lambda part: (-part.inodes, part.path),
    "name": lambda part: part.path,
}
_MOST_THREADS = 64
_DEEPEST = 32


def run(arguments: Sequence[str]) -> int:
    """Print one line or object per path and per directory asked for; exit code 1 when anything could not be read."""
    options = command_parser().parse_args(arguments)
    complete, objects = True, []
    for path in options.paths:
        try:
            usage = _measure(path, options.depth)
        except OSError as error:
            name = os.fsencode(path).decode("utf-8", "backslashreplace")
            print(f"docker-storage-exporter: {name}: {error.strerror}", file=sys.stderr)
            complete = False
            continue
        complete = complete and usage.complete and not usage.unreadable
        if options.format == "table":
            _print_lines(path, usage, options)
        else:
            objects.append(_object(path, usage, _KEYS[options.sort]))
    if options.format == "json":
        print(json.dumps(objects, indent=2))
    return 0 if complete else 1


def command_parser() -> argparse.ArgumentParser:
    """The options of `du`. As with du itself, -h is for human-readable sizes."""
    options = argparse.ArgumentParser(
        prog="docker-storage-exporter du",
        description="Measure paths: allocated bytes as du -sx -B1, apparent bytes as Docker counts them, inodes.",
        add_help=False,
    )
    options.add_argument("paths", nargs="+", metavar="PATH", help="a directory or file; links are not followed")
    options.add_argument("--help", action="help", help="show this help message and exit")
    options.add_argument(
        "-h", "--human-readable", dest="human", action="store_true", help="sizes in KiB, MiB, GiB instead of bytes"
    )
    options.add_argument("--format", choices=("table", "json"), default="table", help="default: table")
    options.add_argument(
        "--depth", type=_depth, default=0, metavar="D", help="show directories down to D levels below each path as well"
    )
    options.add_argument("--sort", choices=tuple(_KEYS), default="allocated", help="default: allocated, largest first")
    options.add_argument(
        "--top", type=_count, metavar="N", help="of the directories only the first N, whatever their level"
    )
    return options


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def _depth(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > _DEEPEST:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to {_DEEPEST}")
    return int(text)


def _measure(path: str, depth: int) -> Usage:
    control = Control(threads=min(_MOST_THREADS, os.cpu_count() or 1), idle_priority=False)  # the user waits
    descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        with Progress(control):
            return measure([Root(descriptor, _mountpoints(path), depth)], control)[0]
    finally:
        os.close(descriptor)


def _mountpoints(path: str) -> list[str]:
    """What is mounted below a path, relative to it. Without /proc only mounts of other devices can be left out."""
    prefix = os.fsencode(os.path.realpath(path)).rstrip(b"/") + b"/"
    try:
        with open("/proc/self/mountinfo", "rb") as lines:
            mountpoints = [line.split(b" ")[4].decode("unicode_escape").encode("latin-1") for line in lines]
    except OSError:
        return []
    return [os.fsdecode(point[len(prefix) :]) for point in mountpoints if point.startswith(prefix) and point != prefix]


@dataclass(slots=True)
class _Directory:
    """A directory with those below it that are shown; `held` is what all of it holds, under its whole path."""

    held: Part
    children: list[_Directory] = field(default_factory=list)

    def ordered(self, key: _Key) -> list[_Directory]:
        return sorted(self.children, key=lambda child: key(child.held))

    def below(self) -> Iterator[_Directory]:
        """Every directory below it that is shown."""
        for child in self.children:
            yield child
            yield from child.below()

    def directly(self) -> Part:
        """What lies in it without its children: itself, its files, and directories deeper than are shown."""
        parts = [child.held for child in self.children]
        return Part(
            self.held.path,
            self.held.allocated_bytes - sum(part.allocated_bytes for part in parts),
            self.held.apparent_bytes - sum(part.apparent_bytes for part in parts),
            self.held.inodes - sum(part.inodes for part in parts),
        )


def _directories(path: str, usage: Usage) -> _Directory:
    """The tree of a usage's parts, rooted at `path`."""
    top = _Directory(Part(path, usage.allocated_bytes, usage.apparent_bytes, usage.inodes))
    by_path = {"": top}
    prefix = path.rstrip("/")
    for part in usage.parts:  # sorted by path, so each comes after the one that it is in
        held = Part(f"{prefix}/{part.path}", part.allocated_bytes, part.apparent_bytes, part.inodes)
        by_path[part.path] = directory = _Directory(held)
        by_path[part.path.rpartition("/")[0]].children.append(directory)
    return top


def _print_lines(path: str, usage: Usage, options: argparse.Namespace) -> None:
    unreadable, top, key = usage.unreadable_entries, _directories(path, usage), _KEYS[options.sort]
    if options.top is None:
        *lines, whole = _lines(top, key)
    else:
        first = sorted((directory.held for directory in top.below()), key=key)[: options.top]
        lines, whole = [(held, "") for held in first], (top.held, "")
    for part, note in [*lines, (whole[0], f"{unreadable} unreadable" if unreadable else "")]:
        sizes = map(human_bytes if options.human else str, (part.allocated_bytes, part.apparent_bytes))
        line = "\t".join([*sizes, str(part.inodes), ""]).encode() + os.fsencode(part.path)
        sys.stdout.buffer.write(line + (f"\t({note})".encode() if note else b"") + b"\n")
    sys.stdout.buffer.flush()


def _lines(directory: _Directory, key: _Key) -> Iterator[tuple[Part, str]]:
    """The directories below, then what lies in it directly, then itself: those before it add up to it."""
    for child in directory.ordered(key):
        yield from _lines(child, key)
    if directory.children:
        yield directory.directly(), "directly in it"
    yield directory.held, ""


def _object(path: str, usage: Usage, key: _Key) -> dict[str, Any]:
    """A path as an object; its directories nest, and `directly` and they add up to what they are in."""
    top = _nested(_directories(path, usage), key)
    return {
        **{name: top.pop(name) for name in ("path", "allocated_bytes", "apparent_bytes", "inodes")},
        "unreadable": usage.unreadable_entries,
        "errors": dict(usage.unreadable),
        "complete": usage.complete,
        **top,
    }


def _nested(directory: _Directory, key: _Key) -> dict[str, Any]:
    document: dict[str, Any] = {"path": directory.held.path, **_numbers(directory.held)}
    if directory.children:
        document["directly"] = _numbers(directory.directly())
        document["directories"] = [_nested(child, key) for child in directory.ordered(key)]
    return document


def _numbers(part: Part) -> dict[str, int]:
    return {
        "allocated_bytes": part.allocated_bytes,
        "apparent_bytes": part.apparent_bytes,
        "inodes": part.inodes,
    }
