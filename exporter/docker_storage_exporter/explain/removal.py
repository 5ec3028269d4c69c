"""The command that would remove something, as a line for a shell. It is shown and never run."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Sequence

from docker_storage_exporter.model.labels import SWARM_SERVICE
from docker_storage_exporter.model.objects import Container

_STOPPED = frozenset({"created", "exited"})


class Removal:
    """Makes commands for one engine; `host` is its address where it is not the usual one."""

    def __init__(self, host: str = "") -> None:
        self._docker = ["docker", "--host", host] if host else ["docker"]

    def of_volume(self, name: str, users: Sequence[Container]) -> str:
        """A volume, with the containers that mount it, in any state, removed first: the engine refuses otherwise."""
        return _joined([*self._containers(users), self._line("volume", "rm", name)])

    def of_image(self, names: Sequence[str], users: Sequence[Container]) -> str:
        """An image by all its names, with the containers that were made from it removed first."""
        return _joined([*self._containers(users), self._line("image", "rm", *names)])

    def of_container(self, container: Container) -> str:
        """A container, or the service that would start another one in its place."""
        return _joined(self._containers([container]))

    def of_path(self, path: str, users: Sequence[Container], *, directory: bool) -> str:
        """A host path, with the containers that mount it stopped first, since they write to it."""
        running = [container.name for container in users if container.state not in _STOPPED]
        words = ["rm", "-r", "--", path] if directory else ["rm", "--", path]
        return _joined([*([self._line("stop", *sorted(running))] if running else []), _quoted(words)])

    def of_path_in_container(self, container: Container, path: str) -> str:
        """A path of a container's writable layer: only the container itself may change what it has mounted."""
        return self._line("exec", container.name, "rm", "-r", "--", path)

    def of_log(self, path: str) -> str:
        """A log file that the engine has open: emptied, for a file without a name would keep its bytes."""
        return _quoted(["truncate", "--size=0", "--", path])

    def _containers(self, containers: Iterable[Container]) -> list[str]:
        services = {c.labels[SWARM_SERVICE] for c in containers if c.labels.get(SWARM_SERVICE)}
        plain = sorted((c for c in containers if not c.labels.get(SWARM_SERVICE)), key=lambda c: c.name)
        running = [c.name for c in plain if c.state == "running"]
        orderly = [c.name for c in plain if c.state == "running" or c.state in _STOPPED]
        forced = [c.name for c in plain if c.name not in orderly]  # paused, dead and the like cannot be stopped
        lines = [self._line("service", "rm", *sorted(services))] if services else []
        lines += [self._line("stop", *running)] if running else []
        lines += [self._line("rm", *orderly)] if orderly else []
        return lines + ([self._line("rm", "--force", *forced)] if forced else [])

    def _line(self, *words: str) -> str:
        return _quoted([*self._docker, *words])


def shell_quoted(text: str) -> str:
    """One word of a shell's command line, whatever is in it: bytes that cannot be shown are spelled out."""
    if text.isprintable() and not any("\ud800" <= char <= "\udfff" for char in text):
        return shlex.quote(text)
    raw = os.fsencode(text)
    plain = "".join(chr(byte) if 0x20 <= byte < 0x7F and byte not in b"\\'" else f"\\x{byte:02x}" for byte in raw)  # noqa: PLR2004
    return f"$'{plain}'"


def _quoted(words: Iterable[str]) -> str:
    return " ".join(map(shell_quoted, words))


def _joined(lines: Iterable[str]) -> str:
    return " && ".join(lines)
