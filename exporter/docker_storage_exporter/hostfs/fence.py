"""What this program still has to write once it only reads, and when it does without being restricted to that."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from docker_storage_exporter.errors import SettingError
from docker_storage_exporter.hostfs.handles import deny_file_handles
from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.hostfs.landlock import deny_writes
from docker_storage_exporter.hostfs.rights import Rights, read_rights
from docker_storage_exporter.settings import Settings

_DNS_PORT = 53  # an answer that is too long for a datagram is asked for again by TCP
_DEFAULT_PORTS = {"http": 80, "https": 443}
_PTRACE = "CAP_SYS_PTRACE is held to enter containers for their tmpfs mounts, which it would forbid"


@dataclass(frozen=True, slots=True)
class Fence:
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


def host_of(settings: Settings) -> Host:
    """The host of the settings, as far as this process's rights, and the fence that it may put up, let it be seen."""
    try:
        enters = read_rights().enters_processes and settings.security_landlock != "on"
    except OSError:
        enters = False
    return Host(settings.path_rootfs, settings.path_procfs, enters_processes=enters)


def put_up_fence(settings: Settings, rights: Rights, written: str | None) -> Fence:
    """Restrict this process as the settings say, once all it listens on is bound and before it starts a thread.

    `written` is the one file that it replaces from then on, if there is one; its folder stays open to that.
    Raises SettingError when it is wanted at any price and the kernel has none.
    """
    mode = settings.security_landlock
    if mode == "off":
        return Fence(why="--security.landlock=off")
    handles = not _denied_handles()
    if mode == "auto" and rights.enters_processes:
        return Fence(why=_PTRACE, handles=handles)
    folder = os.path.realpath(os.path.dirname(written)) if written else ""
    try:
        abi = deny_writes([folder] if folder else [], _ports(settings.docker_host))
    except OSError as error:
        why = f"the kernel does not offer it ({error.strerror})"
        if mode == "on":
            raise SettingError(f"--security.landlock=on: {why}; auto goes on without it") from error
        return Fence(why=why, missing=True, handles=handles)
    return Fence(abi, folder=folder, handles=handles)


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
