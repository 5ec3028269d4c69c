"""The host of the settings, as far as this process is able to see it."""

from __future__ import annotations

from docker_storage_exporter.confine.rights import read_rights
from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.settings import Settings


def host_of(settings: Settings) -> Host:
    """The host. Processes are entered only with the right to, and not where Landlock is wanted, which forbids it."""
    try:
        enters = read_rights().enters_processes and settings.security_landlock != "on"
    except OSError:
        enters = False
    return Host(settings.path_rootfs, settings.path_procfs, enters_processes=enters)
