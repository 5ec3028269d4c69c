"""Restricting this process to reading: what it still has to write, and when it does without the restriction."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from docker_storage_exporter.confine.landlock import deny_writes
from docker_storage_exporter.confine.rights import Rights
from docker_storage_exporter.confine.seccomp import deny_file_handles
from docker_storage_exporter.errors import SettingError

_DNS_PORT = 53  # an answer that is too long for a datagram is asked for again by TCP
_DEFAULT_PORTS = {"http": 80, "https": 443}
_PTRACE = "CAP_SYS_PTRACE is held to enter containers for their tmpfs mounts, which it would forbid"


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Whether Landlock keeps this process from writing: `abi` is the version that does, 0 when none does.

    `why` is the reason when there is none, `missing` says that the kernel is it. Below `folder` writing is allowed; it
    is empty when that is nowhere. `handles` says whether files can still be opened by handle, mounted or not.
    """

    abi: int = 0
    why: str = "not asked for"
    folder: str = ""
    missing: bool = False
    handles: bool = True

    @property
    def stands(self) -> bool:
        """Whether the process is restricted to reading."""
        return self.abi > 0

    def __str__(self) -> str:
        if not self.stands:
            return f"Landlock does not keep this process from writing: {self.why}"
        return (
            f"Landlock (ABI {self.abi}) lets this process write {f'below {self.folder}' if self.folder else 'nowhere'}"
        )


def restrict_process(mode: str, rights: Rights, written: str | None, engine: str) -> Sandbox:
    """Restrict this process, once all that it listens on is bound and before it starts a thread.

    `mode` is `on`, `auto` or `off`, as in --security.landlock. `written` is the one file that it replaces from then on,
    if there is one; its folder stays open to that. `engine` is the address that it connects to.
    Raises SettingError when the mode is `on` and the kernel has no Landlock.
    """
    if mode == "off":
        return Sandbox(why="--security.landlock=off")
    handles = not _denied_handles()
    if mode == "auto" and rights.enters_processes:
        return Sandbox(why=_PTRACE, handles=handles)
    folder = os.path.realpath(os.path.dirname(written)) if written else ""
    try:
        abi = deny_writes([folder] if folder else [], _ports(engine))
    except OSError as error:
        why = f"the kernel does not offer it ({error.strerror})"
        if mode == "on":
            raise SettingError(f"--security.landlock=on: {why}; auto goes on without it") from error
        return Sandbox(why=why, missing=True, handles=handles)
    return Sandbox(abi, folder=folder, handles=handles)


def _denied_handles() -> bool:
    try:
        deny_file_handles()
    except OSError:
        return False
    return True


def _ports(engine: str) -> tuple[int, ...]:
    """The TCP ports to connect to: the engine's, and that of name servers if the engine has a name."""
    address = urlsplit(engine)
    port = address.port or _DEFAULT_PORTS.get(address.scheme)
    if address.scheme == "unix" or not port:
        return ()
    try:
        ipaddress.ip_address(address.hostname or "")
    except ValueError:
        return port, _DNS_PORT
    return (port,)
