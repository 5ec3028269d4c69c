"""What stands at the sources of bind mounts, resolved without trusting links that a container can write."""

from __future__ import annotations

import errno
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from docker_storage_exporter.hostfs.host import Host, HostPath
from docker_storage_exporter.hostfs.mounts import MountTable
from docker_storage_exporter.hostfs.process import mount_inside
from docker_storage_exporter.model.places import Location


@dataclass(frozen=True, slots=True)
class BindUser:
    """A container that mounts a source: at `destination` in the namespace of process `pid`, 0 when it does not run."""

    container: str
    destination: str
    writable: bool
    pid: int = 0


def examine(
    host: Host,
    mounts: MountTable,
    users: Mapping[str, Iterable[BindUser]],
    resolved: Mapping[str, HostPath] | None = None,
) -> dict[str, HostPath]:
    """What stands at each source, by the path that the engine knows it by; `resolved` is what was found there already.

    A container that may write to /srv can put a link in the place of /srv/app, which is another container's source.
    So a link strictly below a writable source is followed only if the mount table of a running
    container shows that what it leads to is what the engine mounted; otherwise the source is `distrusted`.
    """
    standing = {path: host.resolve(path, mounts) for path in users} if resolved is None else dict(resolved)
    writable = {path for path, them in users.items() if any(user.writable for user in them)}
    guarded = writable | {standing[path].path for path in writable}
    for path, source in standing.items():
        if source.error is None and not source.remote and any(_inside(link, guarded) for link in source.links):
            standing[path] = replace(source, distrusted=not _is_mounted(host, mounts, source, users[path]))
    return standing


def _inside(link: str, guarded: Collection[str]) -> bool:
    """Whether a link is strictly below one of these folders. Asked of each link: it costs what the link is long."""
    above = link
    while above != "/":
        above = above.rpartition("/")[0] or "/"
        if above in guarded:
            return True
    return False


def _is_mounted(host: Host, mounts: MountTable, source: HostPath, users: Iterable[BindUser]) -> bool:
    """Whether a running container has this very directory or file mounted: the same path of the same filesystem."""
    location = host.location(source.path, mounts)
    if location is None:
        return False
    for user in users:
        if user.pid <= 0:
            continue
        try:
            mount = mount_inside(host.procfs, user.pid, user.container, user.destination)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ESRCH, errno.EACCES, errno.EPERM):
                raise
            continue
        if mount is not None and Location(mount.device, mount.root) == location:
            return True
    return False
