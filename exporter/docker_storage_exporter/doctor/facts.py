"""Everything the checks look at, gathered once."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from docker_storage_exporter import sizer
from docker_storage_exporter.confine.confinement import Confinement, read_confinement
from docker_storage_exporter.confine.rights import Rights, read_rights
from docker_storage_exporter.confine.sandbox import Sandbox
from docker_storage_exporter.hostfs.host import Host, HostPath
from docker_storage_exporter.hostfs.kernel import Kernel, read_kernel
from docker_storage_exporter.hostfs.mounts import MountTable
from docker_storage_exporter.inventory.probe import Probe, probe
from docker_storage_exporter.settings import DEFAULT_DATA_ROOT, Settings
from docker_storage_exporter.world import host_of

_CONTAINER_ROOTS = frozenset({"overlay", "fuse.fuse-overlayfs"})


@dataclass(frozen=True, slots=True)
class Facts:
    """One host as this process sees it. `root` is what stands at the data root.

    `apart` says that this process has mounts of its own, as in a container: what it sees then depends on how the
    host's directories were mounted into it. None means that nothing tells. `sandbox` is what Landlock does to this
    process, once it was put up.
    """

    settings: Settings
    host: Host
    mounts: MountTable
    probe: Probe
    root: HostPath
    apart: bool | None = False
    rights: Rights = field(default_factory=lambda: Rights(0))
    kernel: Kernel = field(default_factory=lambda: Kernel(""))
    confinement: Confinement = field(default_factory=Confinement)
    sandbox: Sandbox = field(default_factory=Sandbox)
    sizer: str = "c"

    @property
    def contained(self) -> bool:
        """Whether this process stands on a container's root filesystem."""
        return _is_container_root(self.mounts)


def gather(settings: Settings) -> Facts:
    """Gather the facts. Raises OSError without a /proc of this process's own."""
    host = host_of(settings)
    mounts = host.mounts()
    asked = probe(settings, host)
    engine_root = asked.inventory.engine.data_root if asked.inventory else ""
    return Facts(
        settings=settings,
        host=host,
        mounts=mounts,
        probe=asked,
        root=host.resolve(settings.path_data_root or engine_root or DEFAULT_DATA_ROOT, mounts),
        apart=_stands_apart(host, mounts, asked.engine_pid),
        rights=read_rights(),
        kernel=read_kernel(),
        confinement=read_confinement(),
        sizer=sizer.implementation,
    )


def _stands_apart(host: Host, mounts: MountTable, engine_pid: int) -> bool | None:
    """Whether this is another mount namespace than the engine's: known by its process, else by a container's root."""
    if host.rootfs:
        return True
    try:
        return os.readlink(f"{host.procfs}/{engine_pid}/ns/mnt") != os.readlink("/proc/self/ns/mnt")
    except OSError:
        return True if _is_container_root(mounts) else None


def _is_container_root(mounts: MountTable) -> bool:
    root = mounts.at("/")
    return root is not None and root.filesystem in _CONTAINER_ROOTS
